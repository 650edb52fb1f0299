"""An episode with everything noted that a comparison wants to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from so_arm.core.clock import CONTROL_HZ, CONTROL_PERIOD_S
from so_arm.core.episode_phase import Phase
from so_arm.core.joints import NUM_JOINTS
from so_arm.core.judged_episode import JudgedEpisode
from so_arm.core.residual_use import residual_use, ticks_outside_limits
from so_arm.core.smoothness import rms_acceleration
from so_arm.learning.controller import Answer, ExecutedStep
from so_arm.learning.evaluation import Environment, run_episode


class Scene(Environment, Protocol):
    """An environment that can be drawn again; the info of its steps has the ``phase``."""

    @property
    def command(self) -> np.ndarray:
        """The joint targets (6,) [rad] that the arm got last."""

    def snapshot(self) -> np.ndarray: ...


class Decider(Protocol):
    """What is asked of a controller, e.g. `so_arm.learning.controller.PolicyController`."""

    def reset(self) -> None: ...

    def decide(self, stamp_ns: int, state_rad: np.ndarray, image_of: Callable[[str], np.ndarray]) -> Answer: ...


def run_watched(env: Scene, controller: Decider, seed: int, bound: np.ndarray | None) -> JudgedEpisode:
    """One episode from `seed`. The arm holds its target at ticks that no chunk answers, as with a late policy.

    bound: (6,) of the controller's residual, as share of each joint's half range; None: it has none.
    """
    scene, steps = _WatchedScene(env), _WatchedSteps(env, controller)
    result = run_episode(scene, steps, seed)
    command = np.array(scene.commands)
    return JudgedEpisode(
        result=result,
        phase=scene.furthest,
        progress_s=scene.progress_tick / CONTROL_HZ,
        smoothness=rms_acceleration(command, CONTROL_PERIOD_S),
        outside_limits=ticks_outside_limits(command),
        residual=None if bound is None else residual_use(steps.stacked(0), steps.stacked(1), bound),
        snapshots=np.array(scene.snapshots, dtype=np.float32),
    )


class _WatchedScene:
    def __init__(self, env: Scene) -> None:
        self._env = env
        self.furthest = Phase.UNTOUCHED
        self.progress_tick = 0
        self.commands: list[np.ndarray] = []
        self.snapshots: list[np.ndarray] = []

    def reset(self, *, seed: int | None = None) -> tuple[Mapping[str, np.ndarray], dict[str, Any]]:
        begun = self._env.reset(seed=seed)
        self.snapshots.append(self._env.snapshot())
        return begun

    def step(self, action: np.ndarray) -> tuple[Mapping[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        outcome = self._env.step(action)
        self.commands.append(np.array(self._env.command))
        self.snapshots.append(self._env.snapshot())
        if (phase := outcome[-1]["phase"]) > self.furthest:
            self.furthest, self.progress_tick = phase, len(self.commands)
        return outcome

    def camera_image(self, name: str) -> np.ndarray:
        return self._env.camera_image(name)


class _WatchedSteps:
    def __init__(self, env: Scene, controller: Decider) -> None:
        self._env = env
        self._controller = controller
        self._steps: list[ExecutedStep] = []

    def reset(self) -> None:
        self._controller.reset()

    def act(self, stamp_ns: int, state_rad: np.ndarray, image_of: Callable[[str], np.ndarray]) -> np.ndarray:
        step = self._controller.decide(stamp_ns, state_rad, image_of).step
        if step is None:
            return self._env.command
        self._steps.append(step)
        return step.action

    def stacked(self, part: int) -> np.ndarray:
        """(T, 6) base or residual of the ticks that had an answer [rad]."""
        return np.array([step[part] for step in self._steps]).reshape(-1, NUM_JOINTS)
