"""A line of JSON on standard output, for the program that started a node."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any


def tell(state: Mapping[str, Any]) -> bool:
    """Print `state`; False when nobody listens any more, and nobody will."""
    try:
        print(json.dumps(state), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the flush at exit must not fail again
        return False
    return True
