"""The only training loop: pretraining and fine-tuning differ in the model they start from.

What a step does follows from the settings, the step's number and, under a time budget, the clock;
so a run that was interrupted and resumed is the run that was not.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from tqdm import tqdm

from core.errors import Interrupted, UserError
from core.files import remove_leftovers
from pretrain.batches import Batches
from pretrain.checkpoint import save_model
from pretrain.config import LoopConfig
from pretrain.metrics import Metrics, bits_per_char, evaluate
from pretrain.model import GPT
from pretrain.optimizer import make_optimizer
from pretrain.plots import plot_losses
from pretrain.signals import StopSignal
from pretrain.state import Progress, load_state, save_state
from pretrain.threads import ThreadChooser
from pretrain.tokens import IGNORE, Tokens

# The norm that gradients are clipped to: what GPT-2 and everybody since has used.
CLIP_NORM = 1.0

# Under a time budget, no more than this share of it goes into looking at the validation set.
EVAL_SHARE = 0.1

# A step goes forward once and backward at twice the cost.
FORWARD_SHARE = 3

# Evaluations of a run, when eval_interval does not say.
EVALUATIONS = 20

# Whoever kills a run between two evaluations loses no more than this.
SAVE_SECONDS = 60.0

# Drawing takes a third of a second.
PLOT_SECONDS = 20.0

# Reading the loss stops a GPU until it has caught up; the bar does not need it every step.
READ_LOSS_EVERY = 10


@dataclass(frozen=True)
class Result:
    """How a training ended."""

    step: int
    best_val_loss: float
    """Nats per token."""
    best_bits_per_char: float
    best_step: int

    def __str__(self) -> str:
        return (
            f"best        {self.best_val_loss:.4f} nats/token, {self.best_bits_per_char:.4f} bits/char "
            f"on validation, at step {self.best_step:,} of {self.step:,}"
        )


class Training:
    """One run in one folder: a model, the tokens it learns from, and how far it has come."""

    def __init__(
        self, folder: Path, model: GPT, tokens: Tokens, config: LoopConfig, *, judge_start: bool = False
    ) -> None:
        """`judge_start` evaluates before the first step under a time budget too: a trained base is worth a look."""
        assert config.batch_size, "the caller settles what was left open"
        assert config.learning_rate, "the caller settles what was left open"
        self.folder, self.model, self.tokens, self.config = folder, model, tokens, config
        self.learning_rate, self.judge_start = config.learning_rate, judge_start
        self.threads = ThreadChooser() if config.minutes is not None and model.device.type == "cpu" else None
        # A base may have been trained on longer songs than this corpus holds.
        self.length = min(model.config.block_size, len(tokens.train.inputs))
        self.tokens_per_step = config.batch_size * config.accumulation * self.length
        self.batches = Batches(tokens.train, self.length, config.batch_size, config.seed, model.device)
        self.optimizer = make_optimizer(model, config.learning_rate, config.weight_decay)
        self.progress = Progress()
        self.metrics = Metrics(folder / "metrics.jsonl")
        if config.resume:
            self.progress = load_state(folder, model, self.optimizer)
        self.metrics.cut_after(self.progress.evaluated_step)
        remove_leftovers(folder)
        self._clock = time.monotonic() - self.progress.seconds
        self._last_save = self._last_plot = time.monotonic()
        self._loss_sum = torch.tensor(self.progress.loss_sum, dtype=torch.float32, device=model.device)

    def describe(self) -> None:
        """Print what will be trained, and how: everything that the user may have left open."""
        model, config = self.model.config, self.config
        budget = f"{config.minutes:g} minutes" if config.minutes is not None else f"{config.max_steps:,} steps"
        characters = self.tokens.train.characters
        print(
            f"corpus      {characters:,} characters, {len(self.tokens.train.inputs):,} tokens to learn from\n"
            f"model       {model.architecture}: {model.n_layer} layers × {model.n_embd} wide, {model.n_head} heads, "
            f"block {model.block_size}, vocabulary {model.vocab_size:,}, {self.model.count_parameters():,} parameters\n"
            f"training    {budget} on {self.model.device}: {self.tokens_per_step:,} tokens a step, "
            f"learning rate {self.learning_rate:g}, dropout {model.dropout:g}, weight decay {config.weight_decay:g}"
        )

    def run(self, resume_command: str) -> Result:
        """Train to the end of the budget.

        Raises Interrupted after Ctrl-C or SIGTERM, with the state saved and `resume_command` as its
        hint, and UserError when the loss is no number any more, with the last good state kept.
        """
        with StopSignal() as stop, tqdm(total=100, bar_format=_BAR, dynamic_ncols=True, mininterval=0.5) as bar:
            while True:
                if self._evaluation_is_due():
                    self._save()  # before, not after: an evaluation that fails costs no step
                    self._evaluate(bar)
                if self.share >= 1:
                    break
                if stop.asked:
                    self._save()
                    raise Interrupted(f"stopped at step {self.progress.step:,}; everything is saved", resume_command)
                self._show(bar, self._timed_step())
                if time.monotonic() - self._last_save > SAVE_SECONDS:
                    self._save()
        self._save()
        best = self.progress
        return Result(best.step, best.best_val_loss, self._bits_per_char(best.best_val_loss), best.best_step)

    @property
    def share(self) -> float:
        """How much of the budget is spent, 0 to 1."""
        if self.config.max_steps is not None:
            return min(1.0, self.progress.step / self.config.max_steps)
        assert self.config.minutes is not None
        # The last evaluation belongs to the budget, but never takes most of it.
        budget = 60 * self.config.minutes
        return min(1.0, self.seconds / max(budget / 2, budget - self._evaluation_cost()))

    @property
    def seconds(self) -> float:
        """Time spent, interruptions not counted."""
        return time.monotonic() - self._clock

    def _timed_step(self) -> Tensor:
        # A budget in steps promises the same numbers every time, and the count of threads changes roundings.
        if self.threads is None:
            return self._step()
        self.threads.begin()
        loss = self._step()
        self.threads.end()
        return loss

    def _step(self) -> Tensor:
        self.model.train()
        if self.model.config.dropout:
            # Dropout draws from the global generator: seeded by step, it needs no saving.
            torch.manual_seed(self.config.seed * 1_000_003 + self.progress.step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * self._rate()
        loss = torch.zeros((), device=self.model.device)
        accumulation = self.config.accumulation
        for micro in range(accumulation):
            inputs, targets = self.batches.at(self.progress.step * accumulation + micro)
            part = self._loss(inputs, targets) / accumulation
            part.backward()
            loss += part.detach()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._loss_sum += loss
        self.progress.loss_count += 1
        self.progress.step += 1
        return loss

    def _loss(self, inputs: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
        with torch.autocast("cuda", torch.bfloat16, enabled=inputs.is_cuda):
            logits = self.model(inputs)
        flat = logits.float().flatten(0, 1)  # (B·L, V)
        return F.cross_entropy(flat, targets.flatten(), ignore_index=IGNORE, reduction=reduction)

    def _rate(self) -> float:
        warmup = min(1.0, (self.progress.step + 1) / (self.config.warmup_steps + 1))
        return warmup * (1 - self.share)

    def _evaluation_is_due(self) -> bool:
        progress = self.progress
        if progress.evaluated_step == progress.step:
            return False
        if self.share >= 1:
            return True
        if self._reached() < progress.next_evaluation:
            return False
        if self.config.minutes is None or (progress.step == 0 and self.judge_start):
            return True
        # A validation set that takes long to read is read less often; a budget in steps stays exact.
        return progress.step > 0 and progress.eval_seconds_total + self._evaluation_cost() <= EVAL_SHARE * self.seconds

    def _evaluation_cost(self) -> float:
        """Seconds that an evaluation takes: as long as the latest, or a third of training on as many tokens."""
        progress = self.progress
        if progress.eval_seconds or not progress.step:
            return progress.eval_seconds
        passes = len(self.tokens.val.inputs) / self.tokens_per_step
        return self.seconds / progress.step * passes / FORWARD_SHARE

    def _reached(self) -> int:
        interval = self.config.eval_interval
        return self.progress.step // interval if interval else int(self.share * EVALUATIONS)

    @torch.no_grad()
    def _evaluate(self, bar: Any) -> None:
        start = time.monotonic()
        self.model.eval()
        val_loss = evaluate(self._loss, self.tokens.val, self.length, self.model.device)
        progress = self.progress
        progress.eval_seconds = time.monotonic() - start
        progress.eval_seconds_total += progress.eval_seconds
        progress.evaluated_step = progress.step
        progress.next_evaluation = self._reached() + 1
        train_loss = float(self._loss_sum) / progress.loss_count if progress.loss_count else None
        self._loss_sum.zero_()
        progress.loss_count = 0
        facts = {
            "step": progress.step,
            "minutes": round(self.seconds / 60, 4),
            "tokens": progress.step * self.tokens_per_step,
            "epochs": round(progress.step * self.config.accumulation / self.batches.steps_per_epoch, 3),
            "train_loss": train_loss,
            "val_loss": val_loss,
            "bits_per_char": self._bits_per_char(val_loss),
            "learning_rate": self.learning_rate * self._rate(),
        }
        if val_loss < progress.best_val_loss:
            progress.best_val_loss, progress.best_step = val_loss, progress.step
            save_model(self.folder, self.model, self.tokens.learnt, facts)
        self.metrics.append(facts)
        if self.share >= 1 or time.monotonic() - self._last_plot > PLOT_SECONDS:
            plot_losses(self.metrics.read(), self.folder / "loss.png")
            self._last_plot = time.monotonic()
        bar.write(_line(facts))

    def _bits_per_char(self, val_loss: float) -> float:
        return bits_per_char(val_loss, self.tokens.val)

    def _save(self) -> None:
        self.progress.seconds = self.seconds
        self.progress.loss_sum = float(self._loss_sum)
        save_state(self.folder, self.model, self.optimizer, self.progress)
        self._last_save = time.monotonic()

    def _show(self, bar: Any, latest: Tensor) -> None:
        if self.progress.step % READ_LOSS_EVERY == 0:
            loss = float(latest)
            if not math.isfinite(loss):
                raise UserError(
                    f"the loss is {loss} at step {self.progress.step:,}; the best checkpoint so far is kept",
                    f"--overwrite with a learning_rate below {self.learning_rate:g}",
                )
            rate = self.progress.step * self.tokens_per_step / self.seconds
            bar.set_description_str(f"step {self.progress.step:,}")
            bar.set_postfix_str(f"loss {loss:.3f}, {rate:,.0f} tokens/s", refresh=False)
        bar.n = 100 * self.share
        bar.update(0)


_BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


def _line(facts: dict[str, Any]) -> str:
    train = f"train {facts['train_loss']:.4f}  " if facts["train_loss"] is not None else " " * 14
    return (
        f"step {facts['step']:>7,}  {facts['minutes']:>6.2f} min  {train}"
        f"val {facts['val_loss']:.4f} nats/token  {facts['bits_per_char']:.4f} bits/char"
    )
