"""The registry of tasks."""

from __future__ import annotations

from so_arm.core.errors import choice_error
from so_arm.sim.tasks.pick_place import PickPlace
from so_arm.sim.tasks.reach import Reach
from so_arm.sim.tasks.task import Task

TASKS: dict[str, type[PickPlace] | type[Reach]] = {task.name: task for task in (Reach, PickPlace)}

__all__ = ["TASKS", "Task", "task_class"]


def task_class(name: str) -> type[PickPlace] | type[Reach]:
    """The task called `name`; UserError names the choices."""
    if name not in TASKS:
        raise choice_error("task", name, TASKS)
    return TASKS[name]
