"""What is learnt from drafts: two ways.

expert    Expert iteration (Anthony et al. 2017, arXiv 1705.08439; with samples in place of a search, Gulcehre et al.
          2023, arXiv 2308.08998): the best wordings are learnt like any text.
gflownet  The model shall end each line with the odds that the prior gives it times exp(β · points) (Hu et al. 2023,
          arXiv 2310.04363: a language model's posterior as a GFlowNet's target). Line ends are the sub-trajectories
          (Madan et al. 2022, arXiv 2209.12782); the flow into them follows from how many lines wait for a rhyme there,
          and is the mean that would balance it (VarGrad: Zhang et al. 2023, arXiv 2302.05446).

Shapes: N drafts, T tokens, M lines of one, V vocab_size.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from finetune.tuning.drafts import Drafts
from finetune.tuning.reward import KINDS
from pretrain.model import GPT
from pretrain.tokens import IGNORE

# Weight of what a batch says about the flows beside what earlier ones said.
FLOW_RATE = 0.1

# A residual beyond so many nats counts by its size, not its square: a draft of long ago must not tear the model away.
FARTHEST = 5.0


def expert_loss(model: GPT, drafts: Drafts) -> Tensor:
    """Mean loss of the ends of the lines worth learning, nats per token: what comes before is what it always wrote."""
    number = np.maximum(drafts.line, 0)
    good = drafts.tail & np.take_along_axis(drafts.good, number, 1)
    targets = torch.from_numpy(np.where(good, drafts.ids[:, 1:], IGNORE))
    logits = model(_inputs(model, drafts))
    total = F.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten().to(model.device), ignore_index=IGNORE, reduction="sum"
    )
    return total / max(1, int(good.sum()))


class Balance:
    """The GFlowNet's loss, and the flows that it goes by."""

    def __init__(self, prior: GPT, flows: np.ndarray[Any, np.dtype[np.float64]] | None = None) -> None:
        """`flows` (KINDS,) are those of a run that goes on."""
        self.prior = prior
        self.flows = np.full(KINDS, np.nan) if flows is None else flows
        """Nats, by the situation of a line; no number where none was met yet."""

    def loss(self, model: GPT, drafts: Drafts, beta: float) -> Tensor:
        """Mean over the lines of the squared nats by which each is out of balance."""
        inputs = _inputs(model, drafts)
        with torch.no_grad():
            before = end_logprobs(self.prior, inputs, drafts)
        points = torch.from_numpy(drafts.points).to(model.device)
        off = end_logprobs(model, inputs, drafts) - before - beta * points  # (N, M)
        losses: list[Tensor] = []
        for kind in np.unique(drafts.kind[drafts.kind >= 0]).tolist():
            alike = off[torch.from_numpy(drafts.kind == kind).to(model.device)]
            mean = float(alike.detach().mean())
            known = self.flows[kind]
            self.flows[kind] = mean if np.isnan(known) else (1 - FLOW_RATE) * known + FLOW_RATE * mean
            losses.append(
                F.huber_loss(alike, torch.full_like(alike, float(self.flows[kind])), reduction="sum", delta=FARTHEST)
            )
        count = int((drafts.kind >= 0).sum())
        return torch.stack(losses).sum() / count if losses else off.sum() * 0


def end_logprobs(model: GPT, inputs: Tensor, drafts: Drafts) -> Tensor:
    """Log-probability of each line's end (N, M), its last word and what follows, in nats."""
    targets = torch.from_numpy(drafts.ids[:, 1:]).to(model.device)
    logprobs = torch.log_softmax(model(inputs).float(), -1).gather(-1, targets[..., None])[..., 0]  # (N, T)
    line = torch.from_numpy(drafts.line).to(model.device)
    sums = torch.zeros(drafts.points.shape, device=model.device)
    return sums.scatter_add(1, line.clamp(min=0), logprobs * torch.from_numpy(drafts.tail).to(model.device))


@torch.no_grad()
def distance(model: GPT, prior: GPT, drafts: Drafts) -> float:
    """Mean divergence of what `model` expects from what `prior` does, nats per token of the drafts."""
    inputs = _inputs(model, drafts)
    mine, theirs = (torch.log_softmax(each(inputs).float(), -1) for each in (model, prior))
    apart = (mine.exp() * (mine - theirs)).sum(-1)  # (N, T)
    written = torch.from_numpy(drafts.line >= 0).to(model.device)
    return float(apart[written].mean()) if written.any() else 0.0


def _inputs(model: GPT, drafts: Drafts) -> Tensor:
    return torch.from_numpy(drafts.ids[:, :-1]).to(model.device)
