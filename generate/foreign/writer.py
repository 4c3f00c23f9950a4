"""An adapted model writes songs, as any other does: the same request, sampler, guards and decode loop."""

from pathlib import Path
from typing import Any, cast

import torch

from core.artifacts import shown
from core.errors import UserError
from generate.foreign.base import load_model, quantises
from generate.foreign.folder import add_lora, find_unchanged_base, load_lora, read_adapter_config
from generate.foreign.instruction import instruction
from generate.foreign.network import CachedRows
from generate.foreign.tokenizer import load_tokenizer
from generate.network import Network
from generate.write import Request, Writer
from pretrain.checkpoint import CONFIG, MODEL, TOKENIZER
from pretrain.phrases import PhraseIndex


class ForeignWriter(Writer):
    """Writes songs with somebody else's model and what it learnt."""

    def __init__(self, folder: Path, device: torch.device, index: PhraseIndex | None = None) -> None:
        """`folder` is what adapting wrote.

        Raises UserError when a file of it is missing or damaged, or its base is gone or has changed.
        """
        for name in (CONFIG, TOKENIZER, MODEL):
            if not (folder / name).exists():
                raise UserError(f"{shown(folder)} has no {name}", "copy the whole folder, or adapt the base again")
        config = read_adapter_config(folder)
        base = find_unchanged_base(config)
        # What was learnt beside four bits fits the whole weights as well: the machine at hand decides.
        quantise = quantises(base, device)
        model: Any = add_lora(load_model(base, device, quantise=quantise), config, seed=0)
        load_lora(folder, model)
        # Merged, a token costs no more than the base's; into four bits nothing can be merged without loss.
        model = model.eval() if quantise else model.merge_and_unload()
        network = cast("Network", CachedRows(model, base.block_size))
        tokenizer = load_tokenizer(folder / TOKENIZER, config.marks, base.vocab_size)
        self._take(network, tokenizer, config.document, index)
        self._start, self._language = config.marks.start, config.language

    def opening(self, request: Request) -> list[int]:
        """The request in words, and how the lyrics begin."""
        tokenizer, prompt = self.tokenizer, self.tokenizer.encode(request.prompt)
        if self.document == "text":
            return [*self._start, *(prompt or tokenizer.encode("\n"))]
        asked = instruction(self._language, request.title, follows=bool(request.prompt))
        return [*self._start, *tokenizer.encode(asked), *prompt]
