"""What is to be rolled out: policy, task, reward, seeds. Checked in full before anything is started."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from so_arm.cli.output import STANDARD_OUTPUT, console
from so_arm.core.chunk_settings import METADATA_FILE
from so_arm.core.errors import UserError
from so_arm.core.files import read_json
from so_arm.core.paths import from_here, share_dir

#: Every LeRobot policy directory has it.
POLICY_CONFIG = "config.json"
#: Every residual folder has it.
RESIDUAL_DESCRIPTION = "residual.json"
#: Episodes until somebody ends it: as many as `episode_runner` accepts.
ENDLESS = 1_000_000


@dataclass(frozen=True)
class Rollouts:
    """`episodes` episodes with the seeds `seed`, `seed` + 1, ... The residual is None for none."""

    policy: Path
    residual: Path | None
    task: str
    reward: str
    randomisation: str
    seed: int
    episodes: int

    @property
    def seeds(self) -> range:
        return range(self.seed, self.seed + self.episodes)

    def described(self) -> dict[str, Any]:
        """What a report says of it; paths as seen from here, so that a report can be shared."""
        return {
            "policy": from_here(self.policy),
            "residual": None if self.residual is None else from_here(self.residual),
            "task": self.task,
            "reward": self.reward,
            "randomisation": self.randomisation,
            "seeds": [self.seeds[0], None if self.episodes == ENDLESS else self.seeds[-1]],
        }

    def checked(self) -> Rollouts:
        """The same with absolute paths; UserError for whatever names something that does not exist."""
        from so_arm.cli.policy_images import image_size
        from so_arm.rewards.registry import FILE_PREFIX, make_reward
        from so_arm.sim.randomisation import ranges
        from so_arm.sim.tasks import task_class

        task_class(self.task)
        ranges(self.randomisation)
        make_reward(self.reward)
        reward = self.reward
        if reward.startswith(FILE_PREFIX):  # processes may run in another folder
            reward = FILE_PREFIX + str(Path(reward.removeprefix(FILE_PREFIX)).expanduser().absolute())
        residual = None if self.residual is None else existing_folder(self.residual, "--residual", RESIDUAL_DESCRIPTION)
        policy = policy_folder(self.policy)
        image_size(policy)
        return replace(self, policy=policy, residual=residual, reward=reward)


def released_policy() -> Path:
    """The policy that comes with the package."""
    return share_dir() / "models" / "act_pick_place"


def released_residual() -> Path | None:
    """The residual that comes with the package, for its policy; None while there is none."""
    folder = share_dir() / "models" / "residual_pick_place"
    return folder if folder.is_dir() else None


def chosen_residual(policy: Path | None, residual: Path | None, alone: bool) -> Path | None:
    """What the options --policy, --residual and --no-residual ask for; None is the policy alone.

    The released policy has the released residual unless something else is asked for.
    """
    if alone and residual is not None:
        raise UserError("--no-residual: not together with --residual")
    other = policy is not None and policy.expanduser().resolve() != released_policy().resolve()
    if alone or residual is not None or other:
        return residual
    return released_residual()


def no_policy_error() -> UserError:
    """For a command that cannot do without a policy and got none."""
    released = released_policy()
    hint = f"; there is: {os.path.relpath(released)}" if (released / POLICY_CONFIG).is_file() else ""
    return UserError(f"--policy DIR is missing{hint}")


def trained_for(policy: Path) -> str | None:
    """Task that the policy says it was trained for, None when it says nothing."""
    path = policy / METADATA_FILE
    task = read_json(path).get("task") if path.is_file() else None
    return task if isinstance(task, str) else None


def warn_of_another_task(policy: Path, task: str) -> None:
    """Say so when the policy was trained for something else than `task`."""
    if (learnt := trained_for(policy)) not in (None, task):
        console(STANDARD_OUTPUT).print(f"warning: the policy was trained for {learnt}, not {task}", style="yellow")


def policy_folder(folder: Path) -> Path:
    """`folder` as an absolute path; UserError when it is no LeRobot policy folder at first sight."""
    folder = existing_folder(folder, "--policy")
    if not any(folder.iterdir()):
        raise UserError(f"--policy {folder} is empty; give a LeRobot policy folder")
    if not (folder / POLICY_CONFIG).is_file():
        raise UserError(f"--policy {folder} has no {POLICY_CONFIG}; give a LeRobot policy folder")
    return folder


def existing_folder(folder: Path, option: str, marker: str = POLICY_CONFIG) -> Path:
    """`folder` as an absolute path; UserError with folders nearby that have the file `marker` when it is not there."""
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        known = _nearby(folder, marker)
        hint = f"; there is: {', '.join(known)}" if known else ""
        reason = "is a file, not a folder" if folder.exists() else "does not exist"
        raise UserError(f"{option} {folder} {reason}{hint}")
    return folder


def _nearby(folder: Path, marker: str) -> list[str]:
    """Folders with the file `marker` beside the one that was asked for, and the released ones."""
    places = [*(folder.parent.glob(f"*/{marker}") if folder.parent.is_dir() else ())]
    places += [path for path in (share_dir() / "models").glob(f"*/{marker}") if path not in places]
    return sorted(os.path.relpath(path.parent) for path in places)[:5]
