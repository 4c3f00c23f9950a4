"""Stage 3: tokens become a model."""

import dataclasses
from dataclasses import dataclass

import torch

from core.artifacts import Artifacts, shown, slug, write_run_json
from core.cli import run
from core.errors import UserError
from pretrain.checkpoint import start_folder
from pretrain.config import LoopConfig
from pretrain.lexicon import LEXICON
from pretrain.loop import Training
from pretrain.model import GPT, Architecture, ModelConfig
from pretrain.parallel import World, join_world
from pretrain.phrases import PHRASES
from pretrain.runs import begin, hold
from pretrain.sizing import HEAD_SIZE, LEARNING_RATE, check_block, settle_batch, suggest_size
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
    with hold(folder, world):
        config = begin(folder, config, inputs, lambda given: settle(given, tokens, world), world)
        model_config = _model_config(config, tokenizer.vocab_size)
        model = GPT(model_config)
        model.init_weights(torch.Generator().manual_seed(config.seed))
        model.to(world.device)
        if not config.resume and world.first:
            beside = [path for name in (PHRASES, LEXICON) if (path := paths.tokens / name).exists()]
            start_folder(folder, model_config, tokenizer, tokens.document, beside)
            write_run_json(folder, config, inputs, parameters=model.count_parameters())
        with watching(folder, config) as watch:
            training = Training(folder, model, tokens, config, world, after_evaluation=watch)
            training.describe()
            command = f"python pretrain/train.py --corpus {slug(config.corpus)} --run {config.run} --resume"
            result = training.run(command)
    print(result)
    print("advice      " + verdict(training.metrics.read(), model.count_parameters(), tokens.document))
    print(f"written     {shown(folder)}/  (loss.png shows the curve)")
    print(f"next        python generate/sample.py --corpus {slug(config.corpus)}")


def settle(config: PretrainConfig, tokens: Tokens, world: World) -> PretrainConfig:
    """Fill in what was left open."""
    size = suggest_size(tokens, config.minutes, world)
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
