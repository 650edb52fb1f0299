"""Episodes that only prepare a training, carried out once for all rows that prepare alike."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from so_arm.core.files import replacing
from so_arm.learning.residual.collector import Collector
from so_arm.learning.residual.episodes import Episode, Kind, Order
from so_arm.learning.residual.settings import ResidualSettings

#: What decides how such an episode goes and what it is worth.
_DECIDING = (
    *("task", "reward", "randomisation", "seed", "bound", "demonstration_pace", "latency_ticks"),
    *("success_bonus", "shaping", "discount"),
)


class KeptEpisodes:
    """Does a collector's orders; those of demonstrations and disturbed episodes only if `folder` does not hold them.

    What the estimator makes of a plan is not part of it: the trainer has every estimate made anew before it learns.
    """

    def __init__(self, collect: Collector, folder: Path, settings: ResidualSettings) -> None:
        self._collect, self._folder = collect, folder
        self._deciding = {name: settings.to_dict()[name] for name in _DECIDING}

    def __call__(self, order: Order) -> list[Episode]:
        if order.kind not in (Kind.demonstration, Kind.disturbed):
            return self._collect(order)
        told = json.dumps([self._deciding, order.kind.value, order.seeds, order.scale])
        path = self._folder / f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.npz"
        if not path.is_file():
            _write(path, self._collect(order))
        return _read(path)


def _write(path: Path, episodes: list[Episode]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays, plain = {}, []
    for i, episode in enumerate(episodes):
        row = {field.name: getattr(episode, field.name) for field in dataclasses.fields(Episode)}
        arrays |= {f"{i}.{name}": row.pop(name) for name, value in list(row.items()) if isinstance(value, np.ndarray)}
        plain.append(row)
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, plain=np.frombuffer(json.dumps(plain).encode(), np.uint8), **arrays)


def _read(path: Path) -> list[Episode]:
    with np.load(path) as stored:
        rows = json.loads(stored["plain"].tobytes())
        for name in stored.files:
            if name != "plain":
                number, field = name.split(".")
                rows[int(number)][field] = stored[name]
    return [Episode(**row) for row in rows]
