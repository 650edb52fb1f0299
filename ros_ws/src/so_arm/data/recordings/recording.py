"""What a policy is judged on: recorded episodes on an exact grid of ticks, from a dataset or a bag."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from so_arm.core.calibration import Calibration
from so_arm.core.errors import UserError
from so_arm.core.joints import NUM_JOINTS
from so_arm.data.dataset_staging import INFO
from so_arm.data.joint_units import JointUnits

#: (camera, tick) to the image (h, w, 3) uint8 that belongs to the tick.
ImageSource = Callable[[str, int], np.ndarray]


@dataclass(frozen=True, eq=False)
class RecordedFrames:
    """T control ticks of one episode. What a recording does not hold is None.

    stamps_ns: (T,) int64, of the observations, one control period apart.
    state: (T, 6) [rad] measured at each stamp. action: (T, 6) [rad] the command that was sent then.
    image_of: asked only for the images that are needed, and best in the order of the ticks.
    reward: (T,) what each tick earned. success: the label, how the episode ended.
    reward_success: whether the reward source took the task for done after the last tick.
    sim_states: what /sim/state said after each tick (`so_arm.rewards.state.RewardState` as text), None where that got
    lost; simulation only.
    intervention: (T,) bool, whether a person was in control.
    latency_ms: (T,) from the stamp of an observation to the command that answers it; NaN without such a command.
    """

    name: str
    stamps_ns: np.ndarray
    state: np.ndarray
    action: np.ndarray
    cameras: tuple[str, ...]
    image_of: ImageSource
    task: str = ""
    reward: np.ndarray | None = None
    success: bool | None = None
    reward_success: bool | None = None
    sim_states: tuple[Mapping[str, str] | None, ...] | None = None
    intervention: np.ndarray | None = None
    latency_ms: np.ndarray | None = None

    def __post_init__(self) -> None:
        ticks = len(self.stamps_ns)
        if ticks < 1:
            raise UserError(f"{self.name} holds no frame")
        shapes: dict[str, tuple[int, ...]] = {"state": (ticks, NUM_JOINTS), "action": (ticks, NUM_JOINTS)}
        for name in ("reward", "intervention", "latency_ms"):
            if getattr(self, name) is not None:
                shapes[name] = (ticks,)
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise UserError(f"{self.name}: {name} has shape {getattr(self, name).shape}, expected {shape}")
        if self.sim_states is not None and len(self.sim_states) != ticks:
            raise UserError(f"{self.name}: {len(self.sim_states)} states of the simulation, expected {ticks}")

    def __len__(self) -> int:
        return len(self.stamps_ns)

    def images(self, tick: int) -> dict[str, np.ndarray]:
        """Camera to its image (h, w, 3) uint8 at `tick`."""
        return {camera: self.image_of(camera, tick) for camera in self.cameras}


class Recording(Protocol):
    """Episodes of one dataset or bag, numbered from 0."""

    @property
    def path(self) -> Path: ...

    @property
    def fps(self) -> float: ...

    @property
    def cameras(self) -> tuple[str, ...]: ...

    def __len__(self) -> int: ...

    def episode(self, index: int) -> RecordedFrames: ...


def open_recording(
    path: Path, fps: float, units: JointUnits | None = None, calibration: Calibration | None = None
) -> Recording:
    """The LeRobot v3 dataset or the bag in `path`; UserError says what is wrong with it.

    fps: rate at which a bag is put on a grid [Hz]; a dataset has its own. units: of a dataset's joints, None for those
    that its metadata tell. calibration: of the arm that recorded, for the units that need it.
    """
    from so_arm.data.conversion.bag_recording import BagRecording, is_bag
    from so_arm.data.recordings.dataset_recording import DatasetRecording

    if not path.exists():
        raise UserError(f"{path} does not exist; give a LeRobot dataset or a bag")
    if is_bag(path):
        return BagRecording(path, round(fps))
    if not (path / INFO).is_file():
        raise UserError(f"{path} is no recording: neither a LeRobot dataset ({INFO}) nor a bag (.mcap or .db3 files)")
    return DatasetRecording(path, units, calibration)
