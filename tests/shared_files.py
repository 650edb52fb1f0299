"""Figures and recordings that lie beside the checkout; a clone alone does not have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def reference(name: str) -> Any:
    """`shared/reference/NAME` as JSON; skips the test where it is not there."""
    path = SHARED / "reference" / name
    if not path.is_file():
        pytest.skip(f"the reference figures are not beside this checkout: {path}")
    return json.loads(path.read_text(encoding="utf-8"))
