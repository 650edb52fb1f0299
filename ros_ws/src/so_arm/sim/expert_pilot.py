"""The scripted expert fed from outside: what it sees comes as joint states and object poses, as on /sim/ topics."""

from __future__ import annotations

import numpy as np

from so_arm.core.errors import UserError
from so_arm.core.joints import LOWER_RAD, NUM_JOINTS, UPPER_RAD
from so_arm.sim.arm import ArmSim, load_model
from so_arm.sim.expert import Expert, make_expert
from so_arm.sim.tasks import Task, task_class


class ExpertPilot:
    """Drives an arm that is somewhere else: another process's simulation, or an emulated arm.

    It keeps a model of the scene whose state is set before every act and which never steps, so that it costs one
    forward pass. task: name of the task; UserError names the choices.
    """

    def __init__(self, task: str) -> None:
        kind = task_class(task)
        self.arm = ArmSim(load_model(kind.scene))
        self.task: Task = kind(self.arm)
        self._start: np.ndarray | None = None
        self._expert: Expert | None = None

    def begin(self, position: np.ndarray) -> None:
        """Start over with the arm at `position` (6,) [rad], where the first motion sets out from."""
        self._start, self._expert = np.array(position, dtype=np.float64), None

    def act(self, position: np.ndarray, velocity: np.ndarray, objects: np.ndarray) -> np.ndarray:
        """Joint targets (6,) [rad] of the next control tick, within the joints' limits.

        position, velocity: (6,) of the arm now [rad], [rad/s]. objects: what the task's `observe` gives: object
        poses, then the target position. UserError when they are not those of the task.
        """
        if self._start is None:
            raise RuntimeError("ExpertPilot.act before begin(position)")
        if objects.shape != (self.task.objects_size,):
            raise UserError(
                f"task {self.task.name}: {objects.size} values of objects, expected {self.task.objects_size};"
                " is another task being simulated?"
            )
        if self._expert is None:
            self._see(self._start, np.zeros(NUM_JOINTS), objects)
            self._expert = make_expert(self)
        self._see(position, velocity, objects)
        return np.clip(self._expert.act(), LOWER_RAD, UPPER_RAD)

    def _see(self, position: np.ndarray, velocity: np.ndarray, objects: np.ndarray) -> None:
        data = self.arm.data
        data.qpos[:NUM_JOINTS], data.qvel[:NUM_JOINTS] = position, velocity
        self.task.restore(objects)
        self.arm.settle()
        self.task.state(0)  # moves the task's milestones on
