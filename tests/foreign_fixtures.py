"""A base that several modules need; each says `pytest_plugins = ["tests.foreign_fixtures"]`."""

from pathlib import Path

import pytest

from tests.foreign_bases import gpt_tokenizer, save_llama


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama, made once for a module."""
    folder = tmp_path_factory.mktemp("bases") / "llama"
    save_llama(folder, gpt_tokenizer())
    return folder
