"""Options that several verbs share, so that they are spelt and explained alike."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from so_arm.cli.output import check_json_target
from so_arm.core.calibration_place import FOLLOWER, LEADER
from so_arm.core.errors import UserError

JsonOption = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        callback=check_json_target,
        help="Write the result as JSON ('-': to standard output, everything for people to standard error).",
    ),
]

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="Folder for everything this run makes; must be new or empty. [default: runs/VERB-DATE-TIME]",
        show_default=False,
    ),
]


PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", metavar="DIR", show_default="the released policy", help="LeRobot policy folder."),
]

ResidualOption = Annotated[
    Path | None,
    typer.Option(
        "--residual",
        metavar="DIR",
        show_default="the released one, with the released policy",
        help="Residual that was trained for the policy.",
    ),
]

NoResidualOption = Annotated[bool, typer.Option("--no-residual", help="The policy alone.")]

ViewOption = Annotated[bool, typer.Option("--view", help="Open the MuJoCo viewer (needs a display).")]


def check_display() -> None:
    """For --view: UserError where no window can be opened."""
    from so_arm.sim.viewer import require_display

    try:
        require_display()
    except UserError as error:
        raise UserError(f"--view: {error}") from None


class Role(StrEnum):
    follower = FOLLOWER
    leader = LEADER


PortOption = Annotated[
    str,
    typer.Option(
        "--port", "-p", metavar="PORT", show_default=False, help="Serial port of the arm (`so-arm find-port` tells)."
    ),
]

RoleOption = Annotated[Role, typer.Option(help="What the arm is: follower or leader.")]


class Hardware(StrEnum):
    mujoco = "mujoco"
    emulated = "emulated"


HardwareOption = Annotated[
    Hardware,
    typer.Option(
        "--hardware",
        help="mujoco: the bridge; emulated: motor driver and cameras on an emulated arm, in real time.",
    ),
]
