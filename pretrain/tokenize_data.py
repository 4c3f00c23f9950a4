"""Stage 2: a corpus becomes token ids."""

from dataclasses import dataclass

import numpy as np

from core.artifacts import Artifacts, shown, slug, write_run_json
from core.cli import run
from core.stored import open_corpus
from data.spool import beside
from pretrain.encoder import text_pieces
from pretrain.lexicon import LEXICON, lexicon_of_split, save_lexicon
from pretrain.phrases import evenly, index_split, save_index
from pretrain.split import Split, some_songs, split_songs
from pretrain.tokenizer import Kind, Tokenizer
from pretrain.tokens import LOOK, PIECE, Part, encode_split
from pretrain.verse_codes import COUNTS

EXCERPT = 80  # characters

# A tokenizer learns nothing from more text than this: what is rare here is rare everywhere.
SAMPLE = 10_000_000  # characters


@dataclass(frozen=True, kw_only=True)
class TokenizeConfig:
    corpus: str
    """Folder under artifacts/, or an artist's name."""
    kind: Kind = "bpe"
    """bpe: bytes merged into frequent pieces, writes any text. bpe-char: the same over the corpus's
    own characters, any vocabulary size. char: one token per character. word: one per word."""
    vocab_size: int | None = None
    """Tokens, special ones included. Left out, it follows from the corpus's size and is printed:
    with few lyrics, a rare token is a token never learnt."""
    verse_codes: bool = True
    """Have some of the songs learnt with each line from its end, behind how long it is, so that the model can write in
    a form (sample.py --form). Spanish, French and English."""
    seed: int = 1
    """Decides which songs are held out for validation."""

    def __post_init__(self) -> None:
        if self.vocab_size is not None and self.vocab_size < 2:
            raise ValueError(f"vocab_size must be at least 2, got {self.vocab_size}")


def main(config: TokenizeConfig) -> None:
    """Turn a corpus into token ids.

    Splits artifacts/<corpus>/corpus.json by song (one long text at its tail), trains a tokenizer on
    the train side, and writes artifacts/<corpus>/tokens/: tokenizer.json, tokens.safetensors, run.json, and
    with verse codes lexicon.json, the words to rhyme on.
    """
    paths = Artifacts(config.corpus)
    split = split_songs(open_corpus(paths.corpus), config.seed)
    codes = config.verse_codes and split.verse
    paths.tokens.mkdir(parents=True, exist_ok=True)
    with beside(index_split, split, songs=len(split.train)) as index:
        tokenizer = Tokenizer.train(sample_texts(split), config.kind, config.vocab_size, verse_codes=codes)
        tokens = encode_split(split, tokenizer, paths.tokens)
        # The tokens name their tokenizer: killed between the two, the next stage sees they do not match.
        tokenizer.save(paths.tokens / "tokenizer.json")
        tokens.save(paths.tokens / "tokens.safetensors")
        save_index(paths.tokens, index())
    (paths.tokens / LEXICON).unlink(missing_ok=True)
    if codes:
        save_lexicon(paths.tokens, lexicon_of_split(split))
    facts = {
        "vocab_size": tokenizer.vocab_size,
        "document": tokens.document,
        "val_ids": [song.id for song in split.val],
        **{name: _facts(part) for name, part in (("train", tokens.train), ("val", tokens.val))},
    }
    write_run_json(paths.tokens, config, [paths.corpus], tokens=facts)

    print(f"tokenizer   {config.kind}, {tokenizer.vocab_size:,} tokens ({len(tokenizer.special)} special)")
    if codes:
        coded = _coded_lines(tokens.train, tokenizer)
        print(f"verse codes {coded:,} lines are written from their ends, for verse in a form")
    for name, part, songs in (("train", tokens.train, split.train), ("validation", tokens.val, split.val)):
        what = f"{len(songs):,} songs" if tokens.document == "songs" else "one text"
        print(
            f"{name:<11} {what}, {len(part.inputs):,} tokens, {part.characters:,} characters, "
            f"{part.characters / len(part.inputs):.2f} per token, {part.unknown:,} unknown"
        )
    _show_round_trip(tokenizer, split.val[0].lyrics)
    print(f"written     {shown(paths.tokens)}/")
    print(f"next        python pretrain/train.py --corpus {slug(config.corpus)}")


def sample_texts(split: Split, limit: int = SAMPLE) -> list[str]:
    """Titles and lyrics of the train side: all of them, or some drawn evenly, to about `limit` characters."""
    if split.characters <= limit:
        return [text for song in split.train for text in (song.title, song.lyrics)]
    print(f"sample      the tokenizer learns from {limit:,} of {split.characters:,} characters, drawn evenly")
    if split.document == "text":
        pieces = list(text_pieces(split.train[0].lyrics, PIECE))
        return [pieces[place] for place in evenly(len(pieces), limit / split.characters)]
    songs = some_songs(split.train, evenly(len(split.train), limit / split.characters))
    return [text for song in songs for text in (song.title, song.lyrics)]


def _coded_lines(part: Part, tokenizer: Tokenizer) -> int:
    counts, starts = tokenizer.verse_codes[: len(COUNTS)], range(0, len(part.inputs), LOOK)
    return sum(int(np.isin(part.inputs[start : start + LOOK], counts).sum()) for start in starts)


def _facts(part: Part) -> dict[str, int]:
    return {"tokens": len(part.inputs), "characters": part.characters, "unknown": part.unknown}


def _show_round_trip(tokenizer: Tokenizer, lyrics: str) -> None:
    """Show one song as the model sees it: pieces, ids, and the text that the ids give back."""
    ids = tokenizer.encode(lyrics[:EXCERPT])
    back = tokenizer.decode(ids)
    print("pieces     ", "|".join(tokenizer.stream(ids)).replace("\n", "⏎"))
    print("ids        ", " ".join(map(str, ids)))
    print("decoded    ", back.replace("\n", " / "))
    if back != lyrics[:EXCERPT]:
        print("            it differs: the tokenizer lacks", ", ".join(tokenizer.unseen(lyrics[:EXCERPT])))


if __name__ == "__main__":
    run(main, TokenizeConfig)
