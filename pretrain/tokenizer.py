"""Text to ids and back: four kinds of tokenizer, all of them one tokenizer.json of the `tokenizers` library.

bpe       byte-level BPE: every text can be written, nothing is unknown (GPT-2's scheme)
bpe-char  BPE over the corpus's own characters: any vocabulary size, down to its alphabet
char      one token per character
word      one token per word, its leading space included; rare words become <unk>
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, cast

import tokenizers
from tokenizers import Regex, decoders, models, pre_tokenizers, trainers

from core.artifacts import shown
from core.errors import UserError
from core.files import atomic_path
from pretrain.verse_codes import VERSE_TOKENS

Kind = Literal["bpe", "bpe-char", "char", "word"]

SONG, TITLE, LYRICS, END, UNKNOWN = "<|song|>", "<|title|>", "<|lyrics|>", "<|end|>", "<|unk|>"
SPECIAL_TOKENS = (UNKNOWN, SONG, TITLE, LYRICS, END)
_MARKS = frozenset((*SPECIAL_TOKENS, *VERSE_TOKENS))

# A word, or a run of punctuation, carries the space before it; line ends stand alone so that BPE
# never merges across verses. Everything matches something, so that text comes back as it was.
PIECES = r" ?[\p{L}\p{M}\p{N}'’]+| ?[^\s\p{L}\p{M}\p{N}'’]+|\n|[^\S\n]+"

ANY_CHARACTER = r"[\s\S]"

BYTES = 256

# The words that stand at least twice in a few megabytes of verse; more would be learnt by nobody.
WORDS = 16_384

# Training on fewer characters takes less than two seconds; nobody needs a progress bar for it.
QUICK = 5_000_000


# How byte-level tokens write the bytes 80 to BF, with which no character begins: each ends one of À to ÿ in UTF-8.
_BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
_CONTINUATION = frozenset(_BYTES.pre_tokenize_str("".join(map(chr, range(0xC0, 0x100))))[0][0][1::2])


class Tokenizer:
    """One tokenizer.json. `encode(text)` and `decode(ids)` are inverse wherever nothing is unknown."""

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        self.backend = backend
        # Otherwise lyrics that hold the characters "<|end|>" would end the song.
        backend.encode_special_tokens = True
        missing = [token for token in SPECIAL_TOKENS if backend.token_to_id(token) is None]
        if missing:
            raise UserError(f"the tokenizer lacks {', '.join(missing)}", "use one that pretrain/tokenize_data.py made")
        self.unknown, self.song, self.title, self.lyrics, self.end = (
            cast("int", backend.token_to_id(token)) for token in SPECIAL_TOKENS
        )
        codes = [backend.token_to_id(token) for token in VERSE_TOKENS]
        self.verse_codes = [] if None in codes else cast("list[int]", codes)
        """Ids of VERSE_TOKENS, in their order; empty where the tokenizer was made without."""
        self.special = frozenset((self.unknown, self.song, self.title, self.lyrics, self.end, *self.verse_codes))
        """Ids that spell nothing."""

    @classmethod
    def train(
        cls, texts: Iterable[str], kind: Kind, vocab_size: int | None = None, *, verse_codes: bool = False
    ) -> "Tokenizer":
        """Train on `texts`.

        `vocab_size` counts the special tokens, those for `verse_codes` included; None takes what suits the
        kind: the alphabet for char, up to WORDS for word, `suitable_vocab_size` for the others. Raises
        UserError when the texts have fewer distinct tokens than asked for, or more characters than fit.
        """
        texts = list(texts)
        alphabet = sorted(set[str]().union(*texts))
        special = [*SPECIAL_TOKENS, *(VERSE_TOKENS if verse_codes else ())]
        smallest = len(special) + {"bpe": BYTES, "word": 1}.get(kind, len(alphabet))
        if vocab_size is not None and vocab_size < smallest:
            holds = f"{BYTES} bytes" if kind == "bpe" else f"{len(alphabet)} characters"
            raise UserError(
                f"a vocabulary of {vocab_size} is too small: {holds} and {len(special)} special tokens",
                f"--vocab_size {smallest} or more, or --kind bpe-char for a smaller one",
            )
        suitable = WORDS if kind == "word" else suitable_vocab_size(sum(map(len, texts)))
        if verse_codes and kind in ("bpe", "bpe-char"):
            suitable += len(VERSE_TOKENS)
        wanted = vocab_size or max(smallest, suitable)
        backend = _train(texts, kind, wanted, alphabet, special)
        got = backend.get_vocab_size()
        if vocab_size is not None and got < vocab_size:
            raise UserError(
                f"the corpus supports a {kind} vocabulary of {got} tokens, not {vocab_size}",
                f"--vocab_size {got}, or leave it out",
            )
        return cls(backend)

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read a tokenizer.json; raises UserError when it is missing or broken."""
        if not path.exists():
            raise UserError(f"no tokenizer at {shown(path)}", "make it with pretrain/tokenize_data.py")
        try:
            backend = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception, whatever went wrong
            raise UserError(f"{shown(path)} is no tokenizer: {str(error).splitlines()[0]}") from error
        return cls(backend)

    @classmethod
    def from_json(cls, text: str) -> "Tokenizer":
        """The way back from `to_json`."""
        return cls(tokenizers.Tokenizer.from_str(text))

    def save(self, path: Path) -> None:
        """Write tokenizer.json."""
        with atomic_path(path) as temporary:
            temporary.write_text(self.to_json(), encoding="utf-8", newline="\n")

    def to_json(self) -> str:
        """The content of tokenizer.json."""
        return self.backend.to_str(pretty=True)

    @property
    def sha256(self) -> str:
        """Fingerprint by which tokens and checkpoints know their tokenizer."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def vocab_size(self) -> int:
        """Number of ids, the special tokens included."""
        return self.backend.get_vocab_size()

    @property
    def characters(self) -> set[str] | None:
        """The characters it can write, or None where it can write all of them (byte-level)."""
        if isinstance(self.backend.pre_tokenizer, pre_tokenizers.ByteLevel):
            return None
        return set("".join(token for token in self.backend.get_vocab() if token not in _MARKS))

    def extended(self, characters: Iterable[str]) -> "Tokenizer":
        """One that writes these characters as well: a token for each, behind all that there are.

        Raises UserError where tokens are whole words: a letter more would make none writable.
        """
        value = json.loads(self.to_json())
        vocabulary: dict[str, int] = value["model"]["vocab"]
        if value["model"]["type"] == "WordLevel" and value["pre_tokenizer"]["pattern"]["Regex"] != ANY_CHARACTER:
            raise UserError(
                "the base's tokens are whole words: characters cannot be added to them",
                "adapt a base with another --kind of tokenizer",
            )
        first = self.vocab_size
        vocabulary |= {char: first + place for place, char in enumerate(sorted(set(characters) - vocabulary.keys()))}
        return Tokenizer.from_json(json.dumps(value))

    @property
    def spelt(self) -> list[int]:
        """Characters that each id spells, by id; a character of several ids counts with the first of them."""
        tokens = self.backend.get_vocab()
        continuing = _CONTINUATION if self.characters is None else frozenset[str]()
        spelt = [0] * len(tokens)
        for token, id_ in tokens.items():
            if token not in _MARKS:
                spelt[id_] = sum(char not in continuing for char in token)
        return spelt

    def encode(self, text: str) -> list[int]:
        """Ids of a text; no special token is added, and none is read out of the text."""
        return self.backend.encode(text).ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids; special tokens leave no trace."""
        return self.backend.decode(list(ids), skip_special_tokens=True)

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Text of ids piece by piece, as they come: a character is held back until all its bytes are there."""
        pending: list[int] = []
        for token in ids:
            pending.append(token)
            piece = self.decode(pending)
            if not piece.endswith("�"):
                pending.clear()
                yield piece
        if pending:
            yield self.decode(pending)

    def unseen(self, text: str) -> list[str]:
        """What of a text cannot be written: characters, or words for a word tokenizer."""
        encoding = self.backend.encode(text)
        spans = zip(encoding.ids, encoding.offsets, strict=True)
        return sorted({text[start:end].strip(" ") for token, (start, end) in spans if token == self.unknown})


def suitable_vocab_size(characters: int) -> int:
    """Vocabulary for a corpus of so many characters: with few lyrics, a rare token is a token never learnt.

    512 at 100,000 characters, doubling when the corpus grows fourfold, from 384 to 4096.
    """
    return max(384, min(4096, int(512 * (characters / 100_000) ** 0.5) // 64 * 64))


def _train(
    texts: list[str], kind: Kind, vocab_size: int, alphabet: list[str], special: list[str]
) -> tokenizers.Tokenizer:
    slow = sum(map(len, texts)) > QUICK
    if kind in ("bpe", "bpe-char"):
        in_bytes = kind == "bpe"
        backend = tokenizers.Tokenizer(models.BPE(unk_token=None if in_bytes else UNKNOWN))
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=2,
            special_tokens=special,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()) if in_bytes else alphabet,
            show_progress=slow,
        )
    else:
        backend = tokenizers.Tokenizer(models.WordLevel(unk_token=UNKNOWN))
        size = vocab_size if kind == "word" else len(special) + len(alphabet)
        trainer = trainers.WordLevelTrainer(vocab_size=size, special_tokens=special, show_progress=slow)
    if kind == "bpe":
        # GPT-2's own splitting into words comes with it, which llama.cpp knows by name.
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
    else:
        pieces = ANY_CHARACTER if kind == "char" else PIECES
        backend.pre_tokenizer = pre_tokenizers.Split(Regex(pieces), behavior="isolated")
        backend.decoder = decoders.Fuse()
    backend.train_from_iterator(texts, trainer)
    return backend
