"""The Gymnasium environment: one arm, one task, one reward, 30 Hz joint position targets."""

from __future__ import annotations

from collections import deque
from typing import Any

import gymnasium as gym
import numpy as np

from so_arm.core.clock import CONTROL_HZ, CONTROL_PERIOD_S
from so_arm.core.command_filter import CommandFilter
from so_arm.core.joints import LOWER_RAD, MAX_VELOCITY_RAD_S, NUM_JOINTS, UPPER_RAD
from so_arm.rewards.registry import DEFAULT_REWARD, RewardFunction
from so_arm.sim.arm import ArmSim, load_model
from so_arm.sim.judge import Judge
from so_arm.sim.randomisation import randomise, ranges
from so_arm.sim.rendering import CAMERAS, POLICY_IMAGE_SIZE, CameraRenderer
from so_arm.sim.start import HOME_RAD, draw_start
from so_arm.sim.tasks import Task, task_class

Observation = dict[str, np.ndarray]


class SoArmEnv(gym.Env[Observation, np.ndarray]):
    """Actions are absolute joint targets (6,) [rad], filtered like every command to the arm.

    Observations: ``joint_position`` (6,) [rad], ``joint_velocity`` (6,) [rad/s], ``objects`` (privileged: object
    poses and target position [m]) and, with `images`, ``static`` and ``wrist`` (height, width, 3) uint8.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": CONTROL_HZ}  # noqa: RUF012 (gymnasium's own type)

    def __init__(
        self,
        task: str = "pick_place",
        reward: str | RewardFunction = DEFAULT_REWARD,
        randomisation: str = "none",
        images: bool = False,
        image_size: tuple[int, int] = POLICY_IMAGE_SIZE,
        horizon: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        kind = task_class(task)
        self._ranges = ranges(randomisation)
        self._randomised = randomisation != "none"
        self._nominal = load_model(kind.scene)
        self.arm = ArmSim(load_model(kind.scene))
        self.task: Task = kind(self.arm)
        self.judge = Judge(self.task, reward, horizon)
        self.images = images
        self.image_size = image_size
        self.render_mode = render_mode
        self.episode_seed = 0
        self.command = np.array(HOME_RAD)
        self._filter = CommandFilter(LOWER_RAD, UPPER_RAD, MAX_VELOCITY_RAD_S, CONTROL_PERIOD_S)
        self._delayed: deque[np.ndarray] = deque()
        self._renderer: CameraRenderer | None = None
        self.action_space = gym.spaces.Box(LOWER_RAD, UPPER_RAD, dtype=np.float64)
        self.observation_space = self._observation_space()  # type: ignore[assignment]

    @property
    def tick(self) -> int:
        """Control ticks since the episode began."""
        return self.judge.tick

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start the episode of `seed`; without one, the next of this environment's random sequence."""
        super().reset(seed=seed)
        self.episode_seed = seed if seed is not None else int(self.np_random.integers(2**31))
        rng = np.random.default_rng(self.episode_seed)
        delay = randomise(self.arm.model, self._nominal, self._ranges, rng) if self._randomised else 0
        start = draw_start(rng)
        self.arm.reset(start)
        self.task.initialize(self.arm, rng)
        self.arm.settle()
        self._filter.reset(start)
        self._delayed = deque([start] * delay)
        self.command = start
        state = self.judge.begin()
        return self._observe(), {"success": False, "failure": None, "state": state, "refused": ()}

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Hold the filtered `action` (6,) [rad] for one control period."""
        command, refused = self._filter.apply(action)
        self.command = command
        if self._delayed:
            self._delayed.append(command)
            command = self._delayed.popleft()
        self.arm.advance(command, self.judge.tick)
        state, reward, success, truncated, failure = self.judge.judge()
        info = {
            "success": success,
            "failure": failure,
            "state": state,
            "phase": self.task.milestones.phase(),
            "refused": refused,
        }
        return self._observe(), reward, success, truncated, info

    def hold(self) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One control period on the previous target, for a tick without a usable command."""
        return self.step(self.command)

    def hold_here(self) -> None:
        """Make the measured pose the target: a take-over starts from where the arm is."""
        self.command = self.arm.joint_position()
        self._filter.reset(self.command)

    def camera_image(self, camera: str) -> np.ndarray:
        """Image (height, width, 3) uint8 of the present state; the same pixels as the observation's."""
        if self._renderer is None:
            self._renderer = CameraRenderer(self.arm.model, self.image_size)
        return self._renderer.render(self.arm.data, camera)

    def render(self) -> np.ndarray | None:  # type: ignore[override]
        """The static camera's image, in render mode ``rgb_array``."""
        return self.camera_image("static") if self.render_mode == "rgb_array" else None

    def snapshot(self) -> np.ndarray:
        """What `sim.replay_render` needs to draw this moment again: qpos, then the target position."""
        return self.arm.snapshot()

    def close(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _observe(self) -> Observation:
        observation = {
            "joint_position": self.arm.joint_position(),
            "joint_velocity": self.arm.joint_velocity(),
            "objects": self.task.observe(),
        }
        if self.images:
            for camera in CAMERAS:
                observation[camera] = self.camera_image(camera)
        return observation

    def _observation_space(self) -> gym.spaces.Dict:
        def within(bound: float, size: int) -> gym.spaces.Box:
            return gym.spaces.Box(-bound, bound, (size,), dtype=np.float64)

        parts: dict[str, gym.spaces.Space[Any]] = {
            "joint_position": within(2 * np.pi, NUM_JOINTS),
            "joint_velocity": within(100.0, NUM_JOINTS),
            "objects": within(10.0, self.task.objects_size),
        }
        if self.images:
            for camera in CAMERAS:
                parts[camera] = gym.spaces.Box(0, 255, (*self.image_size, 3), dtype=np.uint8)
        return gym.spaces.Dict(parts)


def register() -> None:
    """Make the tasks known to ``gymnasium.make`` as ``SoArm/Reach-v0`` and ``SoArm/PickPlace-v0``."""
    for name, task in (("Reach", "reach"), ("PickPlace", "pick_place")):
        identifier = f"SoArm/{name}-v0"
        if identifier not in gym.registry:
            gym.register(identifier, entry_point="so_arm.sim.env:SoArmEnv", kwargs={"task": task})
