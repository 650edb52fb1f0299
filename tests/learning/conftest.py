"""A stand-in for Weights & Biases, which is not installed with the rest."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    monkeypatch.syspath_prepend(Path(__file__).parent / "fake_wandb")
    import wandb

    yield wandb
    del sys.modules["wandb"]
