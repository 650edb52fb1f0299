"""How a policy's chunks are executed. A policy directory says it in ``so_arm.json``; a caller may say otherwise."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from so_arm.core.chunk import ChunkTimeline
from so_arm.core.errors import UserError

METADATA_FILE = "so_arm.json"
_SECTION = "execution"


@dataclass(frozen=True)
class ChunkSettings:
    """LeRobot's settings of the same names; see `ChunkTimeline`. The defaults plan anew after 20 of 50 steps."""

    actions_per_chunk: int = 50
    chunk_size_threshold: float = 0.6
    aggregate_fn_name: str = "latest_only"

    def timeline(self, fps: float) -> ChunkTimeline:
        """An empty timeline at control rate `fps` [Hz]; UserError for settings out of range."""
        return ChunkTimeline(
            round(1e9 / fps), self.actions_per_chunk, self.chunk_size_threshold, self.aggregate_fn_name
        )

    @classmethod
    def of_policy(cls, folder: Path) -> ChunkSettings:
        """What the policy directory asks for; the defaults for what it does not mention."""
        path = folder / METADATA_FILE
        if not path.is_file():
            return cls()
        try:
            given: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")).get(_SECTION, {})
            return cls(**{f.name: given[f.name] for f in dataclasses.fields(cls) if f.name in given})
        except (ValueError, AttributeError, TypeError) as error:
            raise UserError(f"{path}: {error}") from None
