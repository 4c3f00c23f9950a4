"""The rounds of a tuning: songs are written and judged, learnt from in some steps, and now and then looked at.

What a round does follows from the settings, its number and the weights: with a budget in steps, one that was resumed is
the one that was not interrupted.
"""

import copy
import math
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from tqdm import tqdm

from core.errors import Interrupted, UserError
from core.files import remove_leftovers
from finetune.tuning import state
from finetune.tuning.drafts import ROWS, Draft, Drafts, Written, write_drafts
from finetune.tuning.figures import PAIRS, describe, held_out_loss, write_freely
from finetune.tuning.objectives import Balance, distance, expert_loss
from finetune.tuning.plot import plot_tuning
from finetune.tuning.reward import KINDS, Judge, odds_of
from finetune.tuning.settings import Material, Settings
from pretrain.batches import Batches
from pretrain.checkpoint import save_model
from pretrain.loop import CLIP_NORM, PLOT_SECONDS, SAVE_SECONDS
from pretrain.metrics import Metrics, bits_per_char
from pretrain.optimizer import Optimizer
from pretrain.schedule import WARMUP_STEPS
from pretrain.signals import StopSignal
from pretrain.threads import ThreadChooser
from pretrain.tokens import IGNORE

# Looks at the model in a run, besides the one before it begins; and tokens held out that each reads.
EVALUATIONS, EVAL_TOKENS = 6, 40_000

# Pieces of real songs in a step, for each draft: what is learnt beside them is not forgotten.
REAL_SHARE = 1.0

# Rounds that are learnt from again.
REPLAYED = 3

# Held-out songs may cost so much more than the base asked; of the models that keep to it, the best rhymer is kept.
MOST_COST = 0.05

# Of the tuned weights in their average with the base's, where a tuning ends too far from it: the first that will do.
SHARES = (0.95, 0.9, 0.8, 0.65, 0.5)

# Looks, and rounds, after which a reward that has not risen by so many points will not, where free writing has not
# come to rhyme in such a share more of its lines: words that are used up pay no more.
PATIENCE, ROUNDS, RISE, RATE_RISE = 3, 10, 0.02, 0.05

# Share of the budget in which the GFlowNet's β rises; and the weight of its loss, beside that of real songs.
BETA_RISE, BALANCE_WEIGHT = 0.2, 0.2


class Tuning:
    """One run in one folder."""

    def __init__(self, folder: Path, material: Material, settings: Settings, *, resume: bool) -> None:
        self.folder, self.material, self.settings = folder, material, settings
        self.model = material.checkpoint.model
        self.prior = copy.deepcopy(self.model)
        self.optimizer = Optimizer(self.model, settings.learning_rate, settings.weight_decay)
        length = min(self.model.config.block_size, len(material.tokens.train.inputs))
        rows = max(1, round(REAL_SHARE * settings.batch_size))
        self.batches = Batches(material.tokens.train, length, rows, settings.seed, self.model.device)
        self.kept = state.Kept(None, np.full(KINDS, np.nan))
        self.metrics = Metrics(folder / "metrics.jsonl")
        remove_leftovers(folder)
        self.progress = state.load(folder, self.model, self.optimizer, self.kept) if resume else state.Progress()
        self.metrics.cut_after(self.progress.evaluated_step)
        self.balance = Balance(self.prior, self.kept.flows)
        # A budget in steps promises the same numbers every time, and the count of threads changes roundings.
        by_clock = settings.max_steps is None and self.model.device.type == "cpu"
        self._threads = ThreadChooser() if by_clock else None
        self._clock = time.monotonic() - self.progress.seconds
        self._last_save = self._last_plot = self.progress.seconds

    @property
    def seconds(self) -> float:
        """Spent so far, over all its runs."""
        return time.monotonic() - self._clock

    @property
    def share(self) -> float:
        """How much of the budget is spent, 0 to 1."""
        settings = self.settings
        if settings.max_steps is not None:
            return min(1.0, self.progress.step / settings.max_steps)
        assert settings.minutes is not None
        return min(1.0, self.seconds / (60 * settings.minutes))

    def run(self, resume_command: str) -> dict[str, Any]:
        """Tune to the end of the budget; returns the figures of the model that was kept.

        Raises Interrupted after Ctrl-C or SIGTERM, with the state saved and `resume_command` as its hint; UserError
        when the reward does not move, or the tuning has diverged.
        """
        bar = tqdm(total=100, initial=100 * self.share, bar_format=_BAR, dynamic_ncols=True, mininterval=0.5)
        with StopSignal() as stop, bar:
            while True:
                if self._is_due():
                    self._save()  # before a look, not after: one that fails costs no step
                    self._look(bar)
                if self.share >= 1:
                    break
                written = None if stop.asked else self._write(stop)
                if written is None:
                    self._save()
                    raise Interrupted(f"stopped at step {self.progress.step:,}; everything is saved", resume_command)
                self._learn(written)
                if self.seconds - self._last_save > SAVE_SECONDS:
                    self._save()
                bar.set_description_str(f"round {self.progress.round:,}")
                bar.set_postfix_str(f"reward {written.reward:.3f}, {written.rhyme_rate:.0%} rhyme", refresh=False)
                bar.n = 100 * self.share
                bar.update(0)
        self._save()
        return self.progress.best

    def _write(self, stop: StopSignal) -> Written | None:
        """The drafts of a round."""
        settings, material, number = self.settings, self.material, self.progress.round
        self.model.eval()
        start = time.process_time()
        chance = np.random.default_rng((settings.seed, number))
        odds = odds_of(sum(map(Counter, self.progress.ends), Counter[str]()), material.words.ends)
        drafts = [
            Draft(
                material.checkpoint.tokenizer,
                material.titles[chance.integers(len(material.titles))],
                Judge(
                    material.language, material.words.counts, material.index, odds, chance, shortest=material.shortest
                ),
                size=self.model.config.block_size,
                # The GFlowNet has to see what does not rhyme as well.
                tries=settings.tries if settings.method == "expert" or place % 2 else 1,
                seed=[settings.seed, number, place],
            )
            for place in range(settings.drafts)
        ]
        written = write_drafts(self.model, drafts, material.checkpoint.tokenizer, stop)
        self.progress.writing_seconds += time.process_time() - start
        return written

    def _learn(self, written: Written) -> None:
        """The steps of a round: each new draft once, and as many from the rounds before."""
        settings, progress, replay = self.settings, self.progress, self.kept.replay
        start = time.process_time()
        chance = np.random.default_rng((settings.seed, progress.round, 1))
        drafts = written.drafts
        if replay is not None:
            again = chance.choice(len(replay), min(len(drafts), len(replay)), replace=False)
            drafts = drafts.joined(replay.some(again))
        order = chance.permutation(len(drafts))
        for first in range(0, len(order), settings.batch_size):
            if self.share >= 1:
                break
            self._step(drafts.some(order[first : first + settings.batch_size]))
        newest = written.drafts if replay is None else written.drafts.joined(replay)
        self.kept.replay = newest.some(slice(REPLAYED * settings.drafts))
        progress.note(written, REPLAYED)
        progress.learning_seconds += time.process_time() - start

    def _step(self, drafts: Drafts) -> None:
        if self._threads:
            self._threads.begin()
        self.model.train()
        step = self.progress.step
        if self.model.config.dropout:
            torch.manual_seed(self.settings.seed * 1_000_003 + step)  # dropout draws from the global generator
        inputs, targets = self.batches.at(step)
        logits = self.model(inputs).float().flatten(0, 1)
        loss = F.cross_entropy(logits, targets.flatten(), ignore_index=IGNORE) + self._draft_loss(drafts)
        if not math.isfinite(float(loss.detach())):
            raise UserError(
                f"the loss is {float(loss.detach())} at step {step:,}; what was saved before is kept",
                "--resume with a lower --learning_rate",
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimizer.step(self._rate())
        if self._threads:
            self._threads.end()
        self.progress.step += 1

    def _draft_loss(self, drafts: Drafts) -> Tensor:
        if self.settings.method == "expert":
            return expert_loss(self.model, drafts)
        return BALANCE_WEIGHT * self.balance.loss(self.model, drafts, self._beta())

    def _rate(self) -> float:
        return min(1.0, (self.progress.step + 1) / WARMUP_STEPS) * (1 - self.share)

    def _beta(self) -> float:
        return self.settings.beta * min(1.0, self.share / BETA_RISE)

    def _is_due(self) -> bool:
        progress = self.progress
        if progress.evaluated_step == progress.step:
            return False
        return self.share >= 1 or int(self.share * EVALUATIONS) >= progress.next_evaluation

    def _look(self, bar: Any) -> None:
        progress = self.progress
        start = time.process_time()
        facts = self._figures()
        progress.judging_seconds += time.process_time() - start
        for name in ("writing_seconds", "learning_seconds", "judging_seconds"):
            facts[name] = round(getattr(progress, name), 1)
        self._consider(facts)
        if self.share >= 1 and facts["cost"] > MOST_COST:
            self._draw_back()
        self.metrics.append(facts)
        if self.share >= 1 or self.seconds - self._last_plot > PLOT_SECONDS:
            plot_tuning(self.metrics.read(), self.folder / "rhyme.png")
            self._last_plot = self.seconds
        bar.write(describe(facts))
        progress.sum_anew()
        self._check_movement(facts["reward"])

    def _consider(self, facts: dict[str, Any]) -> None:
        """Keep the model as it is, if it is the best so far."""
        progress, material = self.progress, self.material
        value = facts["rhyme_rate"] if facts["cost"] <= MOST_COST else -facts["cost"]
        if value > progress.best_value:
            progress.best_value, progress.best = value, facts
            save_model(self.folder, self.model, material.checkpoint.learnt | material.tokens.learnt, facts)

    def _draw_back(self) -> None:
        """Average the weights with the base's until they cost little (Wortsman et al. 2022, arXiv 2109.01903)."""
        tuned = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        base, val = self.prior.state_dict(), self.material.tokens.val
        for share in SHARES:
            self.model.load_state_dict({name: base[name].lerp(tensor, share) for name, tensor in tuned.items()})
            if held_out_loss(self.model, val, EVAL_TOKENS) <= (1 + MOST_COST) * self.progress.base_loss:
                self._consider(self._figures() | {"tuned_share": share})
                break
        self.model.load_state_dict(tuned)

    def _figures(self) -> dict[str, Any]:
        """The line of metrics."""
        progress, material, replay = self.progress, self.material, self.kept.replay
        loss = held_out_loss(self.model, material.tokens.val, EVAL_TOKENS)
        free = write_freely(material.checkpoint, material.language, material.words.counts)
        if math.isnan(progress.base_loss):
            progress.base_loss = loss
        progress.evaluated_step, progress.next_evaluation = progress.step, int(self.share * EVALUATIONS) + 1
        rounds = progress.rounds
        return {
            "step": progress.step,
            "tuned_share": 1.0,
            "round": progress.round,
            "minutes": round(self.seconds / 60, 4),
            "reward": progress.reward_sum / rounds if rounds else None,
            "draft_rhyme_rate": progress.rhyme_sum / rounds if rounds else None,
            "rhyme_rate": free.rhyming.rate,
            "full_rate": free.rhyming.full_rate,
            "metre_rate": free.rhyming.metre_rate,
            "syllables": free.rhyming.syllables,
            "distinct_3": free.distinct_3,
            "distinct_pairs": free.rhyming.distinct_pairs(PAIRS),
            "distance": distance(self.model, self.prior, replay.some(slice(ROWS))) if replay else 0.0,
            "val_loss": loss,
            "bits_per_char": bits_per_char(loss, material.tokens.val),
            "cost": loss / progress.base_loss - 1,
            "learning_rate": self.settings.learning_rate * self._rate(),
            "drawn_per_kept": progress.drawn / progress.kept if rounds else None,
        }

    def _check_movement(self, reward: float | None) -> None:
        """Stop a tuning whose reward stands still."""
        progress = self.progress
        if reward is None:
            return
        progress.first_reward = reward if math.isnan(progress.first_reward) else progress.first_reward
        progress.best_reward = max(progress.best_reward, reward)
        waited = progress.next_evaluation > PATIENCE and progress.round >= ROUNDS
        rates = [facts["rhyme_rate"] for facts in self.metrics.read()]
        if waited and max(rates) < rates[0] + RATE_RISE and progress.best_reward < progress.first_reward + RISE:
            raise UserError(
                f"the reward does not move: {progress.first_reward:.3f} points a line at first, "
                f"{progress.best_reward:.3f} at best after {progress.step:,} steps",
                "a base that has learnt more, or a higher --learning_rate",
            )

    def _save(self) -> None:
        self.progress.seconds = self.seconds
        state.save(self.folder, self.model, self.optimizer, self.progress, self.kept)
        self._last_save = self.progress.seconds


_BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
