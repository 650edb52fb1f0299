"""Episodes of the scripted expert with everything a dataset needs, rendered by several processes in seed order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from so_arm.core.joints import GRIPPER, LOWER_RAD, NUM_JOINTS, UPPER_RAD
from so_arm.core.worker_pool import WorkerPool
from so_arm.sim.env import SoArmEnv
from so_arm.sim.expert import make_expert
from so_arm.sim.rendering import CAMERAS

#: A disturbance is held this long [ticks], so that the arm really leaves its path before the expert corrects it.
_NOISE_TICKS = 6


@dataclass(frozen=True)
class Demonstration:
    """One episode of T ticks. joint_position, action: (T, 6) [rad]; images: camera -> (T, h, w, 3) uint8."""

    seed: int
    success: bool
    failure: str | None
    reward: float
    joint_position: np.ndarray
    action: np.ndarray
    images: dict[str, np.ndarray]


@dataclass(frozen=True)
class DemonstrationSettings:
    """What the expert does and how it is seen. image_size: (height, width) [px].

    noise_rad: standard deviation of disturbances added to what the arm executes, while the recorded action stays
    the expert's clean command. A policy trained on that has seen how to come back to the path.
    """

    task: str
    randomisation: str
    image_size: tuple[int, int]
    noise_rad: float = 0.0

    def make_env(self) -> SoArmEnv:
        return SoArmEnv(self.task, randomisation=self.randomisation, images=True, image_size=self.image_size)


def demonstrate(env: SoArmEnv, seed: int, noise_rad: float = 0.0) -> Demonstration:
    """Let the expert do the episode of `seed` in `env` (made with images)."""
    observation, info = env.reset(seed=seed)
    expert = make_expert(env)
    disturbance = _disturbances(np.random.default_rng([seed, 1]), noise_rad)
    positions, actions = [], []
    images: dict[str, list[np.ndarray]] = {camera: [] for camera in CAMERAS}
    total, done = 0.0, False
    while not done:
        command = np.clip(expert.act(), LOWER_RAD, UPPER_RAD)
        positions.append(observation["joint_position"])
        actions.append(command)
        for camera, frames in images.items():
            frames.append(observation[camera])
        observation, reward, terminated, truncated, info = env.step(command + next(disturbance))
        total += reward
        done = terminated or truncated
    return Demonstration(
        seed=seed,
        success=info["success"],
        failure=info["failure"],
        reward=total,
        joint_position=np.stack(positions),
        action=np.stack(actions),
        images={camera: np.stack(frames) for camera, frames in images.items()},
    )


def _disturbances(rng: np.random.Generator, noise_rad: float) -> Iterator[np.ndarray]:
    """Offsets (6,) [rad], each held for some ticks; the gripper is spared, it would let go."""
    while True:
        offset = rng.normal(0.0, noise_rad, NUM_JOINTS) if noise_rad > 0 else np.zeros(NUM_JOINTS)
        offset[GRIPPER] = 0.0
        for _ in range(_NOISE_TICKS):
            yield offset


def demonstrations(
    settings: DemonstrationSettings, seeds: Iterable[int], workers: int
) -> Generator[Demonstration, None, None]:
    """One demonstration per seed, in the order of `seeds` (which may be endless); close the iterator to stop early."""
    with WorkerPool(_Expert(settings), workers) as pool:
        yield from pool.stream(seeds)


@dataclass(frozen=True)
class _Expert:
    """Sets up a worker process."""

    settings: DemonstrationSettings

    def __call__(self) -> Callable[[int], Demonstration]:
        env = self.settings.make_env()
        return lambda seed: demonstrate(env, seed, self.settings.noise_rad)
