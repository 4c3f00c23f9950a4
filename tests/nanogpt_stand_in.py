"""A folder that looks like a checkout of nanoGPT: the same command line, log and checkpoint, and no learning."""

from pathlib import Path

from bench.nanogpt import CONFIG

# Sees its position and the last two tokens.
MODEL = """
from dataclasses import dataclass
import torch
from torch import nn

@dataclass
class GPTConfig:
    block_size: int = 8
    vocab_size: int = 7

class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.last = nn.Embedding(config.vocab_size, config.vocab_size)
        self.before = nn.Embedding(config.vocab_size, config.vocab_size)
        self.position = nn.Embedding(config.block_size, config.vocab_size)
        print("number of parameters: 0.00M")

    def forward(self, ids, targets=None):
        before = torch.cat([ids[:, :1], ids[:, :-1]], dim=1)
        logits = self.last(ids) + self.before(before) + self.position.weight[: ids.size(1)]
        if targets is None:
            return logits[:, -1:], None
        return logits, nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)
"""

TRAIN = """
import os, pickle, sys, time
import torch
from model import GPT, GPTConfig
config, *options = sys.argv[1:]
assert os.path.exists(config)
given = dict(option[2:].split("=") for option in options)
with open(os.path.join("data", given["dataset"], "meta.pkl"), "rb") as file:
    arguments = {"vocab_size": pickle.load(file)["vocab_size"], "block_size": int(given["block_size"])}
torch.manual_seed(1)
model = GPT(GPTConfig(**arguments))
steps = int(given["max_iters"])
for step in range(steps + 1):
    if step % int(given["eval_interval"]) == 0:
        time.sleep(0.2)
        print(f"step {step}: train loss 1.0000, val loss 1.0000")
        if step:
            os.makedirs(given["out_dir"], exist_ok=True)
            stored = {"model": model.state_dict(), "model_args": arguments, "iter_num": step}
            torch.save(stored, os.path.join(given["out_dir"], "ckpt.pt"))
    time.sleep(0.005)
    print(f"iter {step}: loss 1.0000, time 5.00ms, mfu -100.00%")
"""


def write_checkout(folder: Path) -> None:
    """Write the files that the bench runs or loads."""
    (folder / "config").mkdir(parents=True)
    for name, text in (("model.py", MODEL), ("train.py", TRAIN), (CONFIG, "")):
        (folder / name).write_text(text, encoding="utf-8")
