"""What one episode left behind besides its outcome, tick by tick, and its file format (NumPy `.npz`)."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from so_arm.core.errors import UserError
from so_arm.core.files import replacing
from so_arm.core.joints import NUM_JOINTS

#: `latency_ns` of a tick whose observation no command answered.
NO_ANSWER = -1


@dataclass(frozen=True, eq=False)
class EpisodeRecord:
    """T control ticks of one episode.

    snapshots: (T+1, n) what `SoArmEnv.snapshot` gave, the initial one first.
    joint_position: (T, 6) [rad] measured before each tick. action: (T, 6) [rad] the command of each tick.
    reward: (T,). stamp_ns: (T,) stamp of each observation.
    latency_ns: (T,) wall time from publishing the observation to the arrival of the command that answers it.
    wall_ns: (T,) steady clock when the observation was published.
    """

    snapshots: np.ndarray
    joint_position: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    stamp_ns: np.ndarray
    latency_ns: np.ndarray
    wall_ns: np.ndarray

    def __post_init__(self) -> None:
        ticks = len(self.reward)
        shapes = {field.name: (ticks,) for field in fields(self)}
        expected = shapes | {
            "snapshots": (ticks + 1, *self.snapshots.shape[1:2]),
            "joint_position": (ticks, NUM_JOINTS),
            "action": (ticks, NUM_JOINTS),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise UserError(f"episode record: {name} has shape {getattr(self, name).shape}, not {shape}")

    def save(self, path: Path) -> None:
        """Write the record; it appears under `path` (which ends in .npz) whole or not at all."""
        with replacing(path) as target:
            np.savez(target, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> EpisodeRecord:
        """Read a record; UserError when the file is missing, foreign or lacks an array."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(**{field.name: arrays[field.name] for field in fields(cls)})
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise UserError(f"episode record {path} cannot be read: {error}") from None
        except KeyError as error:
            raise UserError(f"episode record {path} lacks {error}") from None


def record_path(folder: Path, seed: int) -> Path:
    """File of the episode with this seed in a folder of records."""
    return folder / f"episode_{seed}.npz"
