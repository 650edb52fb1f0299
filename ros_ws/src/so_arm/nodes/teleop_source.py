"""What the arm is moved with by hand, as teleop sees it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np


class Follower(NamedTuple):
    """A state of the arm that moves."""

    stamp_ns: int
    position: np.ndarray  #: (6,) [rad]
    velocity: np.ndarray  #: (6,) [rad/s]


class Source(Protocol):
    """One of them. `again` (given to the constructors): a state that got no target may get one now."""

    def begin(self, follower: Follower, episode_ns: int) -> None:
        """From here on it is heard. episode_ns: stamp that the episode began with, 0 without one."""

    def target(self, follower: Follower) -> np.ndarray | None:
        """Joint targets (6,) [rad]; None: it says nothing, and `problem` says why."""

    @property
    def problem(self) -> str: ...

    @property
    def text(self) -> str:
        """What a person should know of it, like the mode that the keys are in."""

    def close(self) -> None: ...
