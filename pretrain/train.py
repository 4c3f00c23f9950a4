"""Stage 3: tokens become a model."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch

from core.artifacts import Artifacts, shown, slug, write_run_json
from core.cli import run
from core.errors import UserError
from pretrain.checkpoint import RUN, load_checkpoint, start_folder
from pretrain.config import LoopConfig
from pretrain.lexicon import LEXICON
from pretrain.loop import Training
from pretrain.model import GPT, Architecture, ModelConfig
from pretrain.parallel import World, join_world
from pretrain.phrases import PHRASES
from pretrain.runs import begin, hold
from pretrain.sizing import HEAD_SIZE, LEARNING_RATE, check_block, settle_batch, suggest_size
from pretrain.teachers import TAUGHT_DROPOUT, Expectations, budgets, check_size, expect
from pretrain.tokenizer import Tokenizer
from pretrain.tokens import Tokens
from pretrain.trackers import check_tracker
from pretrain.verdict import verdict
from pretrain.watching import watching


@dataclass(frozen=True, kw_only=True)
class PretrainConfig(LoopConfig):
    corpus: str
    """Folder under artifacts/, or an artist's name."""
    run: str = "default"
    """Name of the run: its folder is artifacts/<corpus>/pretrain/<run>/."""
    architecture: Architecture = "qwen3"
    """qwen3: rotary positions, RMSNorm, SwiGLU; learns more per minute. gpt2: the classic."""
    n_layer: int | None = None
    """Blocks. Like everything that is left out, it follows from the corpus and the budget."""
    n_head: int | None = None
    """Attention heads of a block."""
    n_embd: int | None = None
    """Width."""
    block_size: int | None = None
    """Context: tokens that a prediction can look back on."""
    dropout: float | None = None
    """Share of activations dropped in training: the smaller the corpus, the more."""
    teachers: int = 0
    """Models of the same size that are trained first, in a part of the budget: the last one learns from what they
    expect as well as from the songs. 1 is best for few songs and a few minutes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.teachers < 0:
            raise ValueError(f"teachers must not be below 0, got {self.teachers}")
        if self.teachers and self.minutes is None and self.max_steps is None and not self.resume:
            raise ValueError("teachers take a part of the budget: give minutes or max_steps")


def main(config: PretrainConfig) -> None:
    """Train a model from scratch.

    Reads artifacts/<corpus>/tokens/, writes artifacts/<corpus>/pretrain/<run>/: the best model by
    validation loss (model.safetensors), the state to resume from, metrics.jsonl and loss.png.
    Ctrl-C saves; --resume goes on. Under torchrun, all its processes train the one model.
    """
    with join_world(config.device) as world:
        _train(config, world)


def _train(config: PretrainConfig, world: World) -> None:
    check_tracker(config.tracker)
    paths = Artifacts(config.corpus)
    folder = paths.run("pretrain", config.run)
    inputs = [paths.tokens / "tokens.safetensors", paths.tokens / "tokenizer.json"]
    tokens, tokenizer = Tokens.load(inputs[0]), Tokenizer.load(inputs[1])
    if tokens.tokenizer_sha256 != tokenizer.sha256:
        raise UserError(
            f"{shown(paths.tokens)}: the tokens were made with another tokenizer",
            f"python pretrain/tokenize_data.py --corpus {slug(config.corpus)}",
        )
    if config.teachers:
        check_size(tokens.train, tokenizer.vocab_size)
    with hold(folder, world):
        config = begin(folder, config, inputs, lambda given: settle(given, tokens, world), world)
        command = f"python pretrain/train.py --corpus {slug(config.corpus)} --run {config.run} --resume"
        stage = Stage(tokens, tokenizer, inputs, world, command)
        model = stage.start(folder, config)
        expectations = stage.teach(folder, config) if config.teachers else None
        own = budgets(config, config.teachers)[1] if config.teachers else config
        with watching(folder, config) as watch:
            training = Training(folder, model, tokens, own, world, expectations=expectations, after_evaluation=watch)
            training.describe()
            result = training.run(command)
    print(result)
    print("advice      " + verdict(training.metrics.read(), model.count_parameters(), tokens.document))
    print(f"written     {shown(folder)}/  (loss.png shows the curve)")
    print(f"next        python generate/sample.py --corpus {slug(config.corpus)}")


@dataclass(frozen=True)
class Stage:
    """What the training of a model and of its teachers have in common."""

    tokens: Tokens
    tokenizer: Tokenizer
    inputs: list[Path]
    world: World
    resume_command: str

    def start(self, folder: Path, config: PretrainConfig) -> GPT:
        """A model with new weights, and its folder, unless a run goes on there."""
        model_config = _model_config(config, self.tokenizer.vocab_size)
        model = GPT(model_config)
        model.init_weights(torch.Generator().manual_seed(config.seed))
        model.to(self.world.device)
        if not config.resume and self.world.first:
            tokens = self.inputs[0].parent
            beside = [path for name in (PHRASES, LEXICON) if (path := tokens / name).exists()]
            start_folder(folder, model_config, self.tokenizer, self.tokens.document, beside)
            write_run_json(folder, config, self.inputs, parameters=model.count_parameters())
        return model

    def teach(self, folder: Path, config: PretrainConfig) -> Expectations:
        """Train the teachers, each in a folder of its own, or go on with them; and ask them."""
        teachers = [self._train_teacher(folder / "teachers" / str(n), config, n) for n in range(1, config.teachers + 1)]
        assert config.block_size is not None
        return expect(teachers, self.tokens.train, config.block_size, folder)

    def _train_teacher(self, folder: Path, config: PretrainConfig, number: int) -> GPT:
        print(f"teacher     {number} of {config.teachers}")
        begun = (folder / RUN).exists()
        wanted = dataclasses.replace(
            budgets(config, config.teachers)[0],
            teachers=0,
            seed=config.seed + number,
            sample_every=0,
            tracker=None,
            resume=config.resume and begun,
        )
        if wanted.resume:  # a longer budget is the pupil's alone
            wanted = dataclasses.replace(wanted, minutes=None, max_steps=None)
        with hold(folder, self.world):
            wanted = begin(folder, wanted, self.inputs, lambda settled: settled, self.world)
            model = self.start(folder, wanted)
            training = Training(folder, model, self.tokens, wanted, self.world)
            training.describe()
            print(training.run(self.resume_command))
        self.world.wait()
        return load_checkpoint(folder, self.world.device).model


def settle(config: PretrainConfig, tokens: Tokens, world: World) -> PretrainConfig:
    """Fill in what was left open."""
    own = budgets(config, config.teachers)[1] if config.teachers else config
    size = suggest_size(tokens, own.minutes, world)
    if config.teachers:
        # Teachers restrain as well.
        size = dataclasses.replace(size, dropout=min(size.dropout, TAUGHT_DROPOUT))
    if None in (config.n_layer, config.n_embd, config.dropout, config.weight_decay):
        print(
            f"suggested   {size.n_layer} layers × {size.n_embd}, dropout {size.dropout:g}, "
            f"weight decay {size.weight_decay:g}  ({size.reason})"
        )
    n_embd = config.n_embd or size.n_embd
    config = dataclasses.replace(
        config,
        n_layer=config.n_layer or size.n_layer,
        n_embd=n_embd,
        n_head=config.n_head or max(1, n_embd // HEAD_SIZE),
        block_size=config.block_size or min(size.block_size, len(tokens.train.inputs)),
        dropout=size.dropout if config.dropout is None else config.dropout,
        weight_decay=size.weight_decay if config.weight_decay is None else config.weight_decay,
        learning_rate=config.learning_rate or LEARNING_RATE,
    )
    assert config.block_size is not None
    check_block(config.block_size, tokens)
    return settle_batch(config, config.block_size, world)


def _model_config(config: PretrainConfig, vocab_size: int) -> ModelConfig:
    names = [field.name for field in dataclasses.fields(ModelConfig) if field.name != "vocab_size"]
    try:
        return ModelConfig(vocab_size=vocab_size, **{name: getattr(config, name) for name in names})
    except ValueError as error:
        raise UserError(str(error), "change n_embd, n_head or dropout") from error


if __name__ == "__main__":
    run(main, PretrainConfig)
