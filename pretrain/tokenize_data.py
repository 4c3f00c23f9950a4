"""Stage 2: a corpus becomes token ids."""

from dataclasses import dataclass

from core.artifacts import Artifacts, shown, slug, write_run_json
from core.cli import run
from core.corpus import read_corpus
from pretrain.tokenizer import SPECIAL_TOKENS, Kind, Tokenizer
from pretrain.tokens import Part, encode_split, split_songs

EXCERPT = 80  # characters


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
    seed: int = 1
    """Decides which songs are held out for validation."""

    def __post_init__(self) -> None:
        if self.vocab_size is not None and self.vocab_size < 2:
            raise ValueError(f"vocab_size must be at least 2, got {self.vocab_size}")


def main(config: TokenizeConfig) -> None:
    """Turn a corpus into token ids.

    Splits artifacts/<corpus>/corpus.json by song (one long text at its tail), trains a tokenizer on
    the train side, and writes artifacts/<corpus>/tokens/: tokenizer.json, tokens.safetensors, run.json.
    """
    paths = Artifacts(config.corpus)
    split = split_songs(read_corpus(paths.corpus), config.seed)
    texts = [text for song in split.train for text in (song.title, song.lyrics)]
    tokenizer = Tokenizer.train(texts, config.kind, config.vocab_size)
    tokens = encode_split(split, tokenizer)
    # The tokens name their tokenizer: killed between the two, the next stage sees they do not match.
    tokenizer.save(paths.tokens / "tokenizer.json")
    tokens.save(paths.tokens / "tokens.safetensors")
    facts = {
        "vocab_size": tokenizer.vocab_size,
        "document": tokens.document,
        "val_ids": [song.id for song in split.val],
        **{name: _facts(part) for name, part in (("train", tokens.train), ("val", tokens.val))},
    }
    write_run_json(paths.tokens, config, [paths.corpus], tokens=facts)

    print(f"tokenizer   {config.kind}, {tokenizer.vocab_size:,} tokens ({len(SPECIAL_TOKENS)} special)")
    for name, part, songs in (("train", tokens.train, split.train), ("validation", tokens.val, split.val)):
        what = f"{len(songs):,} songs" if tokens.document == "songs" else "one text"
        print(
            f"{name:<11} {what}, {len(part.inputs):,} tokens, {part.characters:,} characters, "
            f"{part.characters / len(part.inputs):.2f} per token, {part.unknown:,} unknown"
        )
    _show_round_trip(tokenizer, split.val[0].lyrics)
    print(f"written     {shown(paths.tokens)}/")
    print(f"next        python pretrain/train.py --corpus {slug(config.corpus)}")


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
