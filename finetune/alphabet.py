"""The characters that a base lacks: said, refused when they are many, or added to it."""

import dataclasses
import unicodedata

import torch

from core.errors import UserError
from pretrain.model import GPT
from pretrain.split import Split
from pretrain.tokenizer import Tokenizer

# Of the characters that a base may not be able to write before its adapting makes no sense.
MAX_UNSEEN = 0.02


def missing_characters(split: Split, tokenizer: Tokenizer) -> tuple[list[str], float]:
    """The characters of the songs that the base cannot write, and their share of all of them."""
    characters = tokenizer.characters
    if characters is None:
        return [], 0.0
    text = "".join(song.lyrics for song in (*split.train, *split.val))
    missing = sorted(set(text) - characters)
    return missing, sum(text.count(char) for char in missing) / len(text)


def check_alphabet(missing: list[str], share: float) -> None:
    """Say which characters are left out; raise UserError when they are many."""
    if share > MAX_UNSEEN:
        raise UserError(
            f"the base's tokenizer cannot write {share:.1%} of this corpus: {' '.join(missing)}",
            "--extend_tokenizer adds them; or adapt a base of the same language, or one with a bpe tokenizer, which "
            "writes everything",
        )
    if missing:
        print(
            f"note        not in the base's alphabet, left out ({share:.2%}): {' '.join(missing)}  "
            "(--extend_tokenizer adds them)"
        )


def with_characters(model: GPT, tokenizer: Tokenizer, missing: list[str]) -> tuple[GPT, Tokenizer]:
    """The model and its tokenizer with a token more for each of `missing`.

    A new row of the embedding (which is the output's, too) is that of the letter without its marks, or of the other
    case, where the base has one; else the mean of all. Raises UserError as `Tokenizer.extended`.
    """
    extended = tokenizer.extended(missing)
    rows = model.token_embedding.weight.detach()
    alike = [_id_of_alike(char, tokenizer) for char in missing]
    new = [rows.mean(0) if id_ is None else rows[id_] for id_ in alike]
    wider = GPT(dataclasses.replace(model.config, vocab_size=extended.vocab_size))
    wider.load_state_dict(model.state_dict() | {"token_embedding.weight": torch.cat([rows, torch.stack(new)])})
    return wider.to(model.device).eval(), extended


def _id_of_alike(char: str, tokenizer: Tokenizer) -> int | None:
    plain = unicodedata.normalize("NFKD", char)[0]
    ids = (tokenizer.backend.token_to_id(other) for other in (plain, char.swapcase(), plain.swapcase()))
    return next((id_ for id_ in ids if id_ is not None), None)
