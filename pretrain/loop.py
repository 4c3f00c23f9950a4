"""The only training loop: pretraining and fine-tuning differ in the model they start from.

What a step does follows from the settings, the step's number and, under a time budget, the clock;
so a run that was interrupted and resumed is the run that was not.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from core.errors import Interrupted, UserError
from core.files import remove_leftovers
from pretrain.batches import EVAL_LIMIT, Batches
from pretrain.checkpoint import save_model
from pretrain.config import LoopConfig
from pretrain.evaluation import evaluate
from pretrain.gradients import Gradients
from pretrain.metrics import Metrics, bits_per_char, line_of
from pretrain.model import GPT
from pretrain.optimizer import Optimizer
from pretrain.parallel import World
from pretrain.plots import plot_losses
from pretrain.schedule import Schedule
from pretrain.signals import StopSignal
from pretrain.state import Progress, load_state, save_state
from pretrain.teachers import Expectations
from pretrain.threads import ThreadChooser
from pretrain.tokens import Tokens

# The norm that gradients are clipped to: what GPT-2 and everybody since has used. Muon's steps have
# one length whatever the gradient's; what it guards is AdamW's share.
CLIP_NORM = 1.0

# Under a time budget, no more than this share of it goes into looking at the validation set.
EVAL_SHARE = 0.1

# A step goes forward once and backward at twice the cost.
FORWARD_SHARE = 3

# Evaluations of a run, when eval_interval does not say; and the fewest steps between two of them in
# a run without a budget.
EVALUATIONS, OPEN_INTERVAL = 20, 100

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
        self,
        folder: Path,
        model: GPT,
        tokens: Tokens,
        config: LoopConfig,
        world: World,
        *,
        expectations: Expectations | None = None,
        judge_start: bool = False,
        after_evaluation: Callable[[dict[str, Any]], str | None] = lambda _: None,
        save: Callable[..., None] = save_model,
    ) -> None:
        """`expectations` are learnt beside the songs; what it took to ask for them counts as training time.

        `judge_start` evaluates before the first step under a time budget too: a trained base is worth a look.
        `after_evaluation` gets the line of metrics; what it returns is shown. `save` writes the best model, and takes
        what `save_model` takes.
        """
        assert config.batch_size, "the caller settles what was left open"
        assert config.learning_rate, "the caller settles what was left open"
        assert config.weight_decay is not None, "the caller settles what was left open"
        self.folder, self.model, self.tokens, self.config, self.world = folder, model, tokens, config, world
        self.learning_rate, self.batch_size = config.learning_rate, config.batch_size
        self.judge_start, self.after_evaluation, self.save = judge_start, after_evaluation, save
        # A budget in steps promises the same numbers every time, and the count of threads changes roundings.
        choose = config.max_steps is None and world.device.type == "cpu" and world.size == 1
        self.threads = ThreadChooser() if choose else None
        # A base may have been trained on longer songs than this corpus holds.
        self.length = min(model.config.block_size, len(tokens.train.inputs))
        self.tokens_per_step = config.batch_size * self.length
        self.batches = Batches(tokens.train, self.length, config.batch_size, config.seed, world.device)
        self.gradients = Gradients(model, self.batches, world, config.seed, expectations)
        self.optimizer = Optimizer(model, config.learning_rate, config.weight_decay)
        self.schedule = Schedule(config)
        self._bits_per_nat = bits_per_char(1.0, tokens.val)
        self.progress = Progress()
        self.metrics = Metrics(folder / "metrics.jsonl")
        world.wait()
        if world.first:
            remove_leftovers(folder)  # before anything is written: after a full disk they are what fills it
        if config.resume:
            self.progress = load_state(folder, model, self.optimizer)
        if world.first:
            self.metrics.cut_after(self.progress.evaluated_step)
        self.seconds = self.progress.seconds + (expectations.seconds if expectations else 0.0)
        self._clock = time.monotonic() - self.seconds
        self._last_save = self._last_plot = self.seconds
        self._loss_sum = torch.tensor(self.progress.loss_sum / world.size, dtype=torch.float32, device=world.device)

    def describe(self) -> None:
        """Print what will be trained, and how: everything that the user may have left open."""
        model, config = self.model.config, self.config
        budget = "until validation stops improving"
        if not self.schedule.open_ended:
            budget = f"{config.minutes:g} minutes" if config.minutes is not None else f"{config.max_steps:,} steps"
        characters, where = self.tokens.train.characters, str(self.world.device.type)
        if self.world.size > 1:
            where = f"{self.world.size} processes ({where})"
        print(
            f"corpus      {characters:,} characters, {len(self.tokens.train.inputs):,} tokens to learn from\n"
            f"model       {model.architecture}: {model.n_layer} layers × {model.n_embd} wide, {model.n_head} heads, "
            f"block {model.block_size}, vocabulary {model.vocab_size:,}, {self.model.count_parameters():,} parameters\n"
            f"training    {budget} on {where}: {self.tokens_per_step:,} tokens a step, "
            f"learning rate {config.learning_rate:g}, dropout {model.dropout:g}, weight decay {config.weight_decay:g}"
        )

    def run(self, resume_command: str) -> Result:
        """Train to the end of the budget.

        Raises Interrupted after Ctrl-C or SIGTERM, with the state saved and `resume_command` as its
        hint, and UserError when the loss is no number any more, with the last good state kept.
        """
        self.gradients.fit(self.batch_size, self.length)
        done = 100 * self.share
        bar = tqdm(
            total=100, initial=done, bar_format=_BAR, dynamic_ncols=True, mininterval=0.5, disable=not self.world.first
        )
        with StopSignal() as stop, bar:
            while True:
                # The clock is read once a step: all processes, and everything in a step, see the same time.
                self.seconds, stopping = self.world.most(time.monotonic() - self._clock, float(stop.asked))
                due = self._evaluation_is_due()
                if due or self.seconds - self._last_save > SAVE_SECONDS:
                    self._save()  # before an evaluation, not after: one that fails costs no step
                if due:
                    self._evaluate(bar)
                if self.share >= 1:
                    break
                if stopping:
                    self._save()
                    raise Interrupted(f"stopped at step {self.progress.step:,}; everything is saved", resume_command)
                loss = self._step()
                if not stop.asked:  # a terminal that hung up takes no more words
                    self._show(bar, loss)
        self._save()
        best = self.progress
        return Result(best.step, best.best_val_loss, self._bits_per_char(best.best_val_loss), best.best_step)

    @property
    def share(self) -> float:
        """How much of the budget is spent, 0 to 1."""
        return self.schedule.spent(self.progress, self.seconds, self._evaluation_cost())

    def _step(self) -> Tensor:
        if self.threads:
            self.threads.begin()
        loss = self.gradients.compute(self.progress.step)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimizer.step(self.schedule.rate(self.progress.step, self.share))
        if self.threads:
            self.threads.end()
        self._loss_sum += loss
        self.progress.loss_count += 1
        self.progress.step += 1
        return loss

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
        return self.seconds / progress.step * self._evaluation_steps()

    def _evaluation_steps(self) -> float:
        """Training steps that take as long as an evaluation."""
        return min(len(self.tokens.val.inputs), EVAL_LIMIT) / self.tokens_per_step / FORWARD_SHARE

    def _reached(self) -> int:
        interval = self.config.eval_interval
        if not interval and self.schedule.open_ended:
            interval = max(OPEN_INTERVAL, round(self._evaluation_steps() / EVAL_SHARE))
        return self.progress.step // interval if interval else int(self.share * EVALUATIONS)

    @torch.no_grad()
    def _evaluate(self, bar: Any) -> None:
        progress, reached = self.progress, self._reached()
        self.gradients.network.eval()
        val_loss = evaluate(self.gradients.loss, self.tokens.val, self.length, self.world)
        (seconds,) = self.world.most(time.monotonic() - self._clock)
        progress.eval_seconds = seconds - self.seconds
        progress.eval_seconds_total += progress.eval_seconds
        progress.evaluated_step = progress.step
        # One that took less time than was set aside puts the share back: the same would be due again.
        progress.next_evaluation = max(reached, self._reached()) + 1
        self.seconds = seconds
        loss_sum = float(self.world.sum(self._loss_sum))
        train_loss = loss_sum / progress.loss_count if progress.loss_count else None
        self._loss_sum.zero_()
        progress.loss_count = 0
        facts = {
            "step": progress.step,
            "minutes": round(self.seconds / 60, 4),
            "tokens": progress.step * self.tokens_per_step,
            "epochs": round(progress.step / self.batches.steps_per_epoch, 3),
            "train_loss": train_loss,
            "val_loss": val_loss,
            "bits_per_char": self._bits_per_char(val_loss),
            "learning_rate": self.learning_rate * self.schedule.rate(progress.step, self.share),
        }
        self.schedule.judge(progress, val_loss)
        if val_loss < progress.best_val_loss:
            progress.best_val_loss, progress.best_step = val_loss, progress.step
        if val_loss < progress.model_val_loss:
            progress.model_val_loss = val_loss
            self.save(self.folder, self.model, self.tokens.learnt, facts, write=self.world.first)
        if self.world.first:
            self.metrics.append(facts)
            if self.share >= 1 or self.seconds - self._last_plot > PLOT_SECONDS:
                plot_losses(self.metrics.read(), self.folder / "loss.png")
                self._last_plot = self.seconds
            bar.write(line_of(facts))
            if shown := self.after_evaluation(facts):
                bar.write(shown)

    def _bits_per_char(self, loss: float) -> float:
        return loss * self._bits_per_nat

    def _save(self) -> None:
        self.progress.seconds = self.seconds
        self.progress.loss_sum = float(self.world.sum(self._loss_sum))
        save_state(self.folder, self.model, self.optimizer, self.progress, write=self.world.first)
        self._last_save = self.seconds

    def _show(self, bar: Any, latest: Tensor) -> None:
        if self.progress.step % READ_LOSS_EVERY == 0:
            loss = float(self.world.sum(latest))
            if not math.isfinite(loss):
                raise UserError(
                    f"the loss is {loss} at step {self.progress.step:,}; what was saved before is kept",
                    "--resume with a lower --learning_rate",
                )
            rate = self.progress.step * self.tokens_per_step / max(self.seconds, 1e-9)
            bar.set_description_str(f"step {self.progress.step:,}")
            bits = f"{self._bits_per_char(loss):.3f} bits/char"
            bar.set_postfix_str(f"loss {loss:.3f}, {bits}, {rate:,.0f} tokens/s", refresh=False)
        bar.n = 100 * self.share
        bar.update(0)


_BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
