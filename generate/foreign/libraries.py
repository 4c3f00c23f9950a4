"""The libraries that know other people's models; only who adapts one, or samples from it, needs them."""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from core.errors import UserError

REQUIREMENTS = "pip install -r requirements-hf.txt"


def library(name: str) -> Any:
    """A library of requirements-hf.txt, told to keep quiet: its errors become ours, its progress is no news.

    Raises UserError when it is not installed.
    """
    try:
        with quiet():
            module = import_module(name)
    except ImportError as error:
        raise UserError(f"{name} is not installed: models of the Hugging Face Hub need it", REQUIREMENTS) from error
    if name == "transformers":
        module.utils.logging.set_verbosity_error()
        module.utils.logging.disable_progress_bar()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    return module


@contextmanager
def quiet() -> Generator[None]:
    """Without warnings: that one library will call another otherwise one day is nothing a user could do about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def first_line(error: Exception, longest: int = 160) -> str:
    """What an error of theirs says, short enough to be read."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:longest]
