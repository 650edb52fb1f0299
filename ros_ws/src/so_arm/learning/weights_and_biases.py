"""Metrics for Weights & Biases, beside TensorBoard. Its package is none of ours; who wants it installs it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from so_arm.core import files
from so_arm.core.errors import UserError

ID_FILE = "wandb.json"


def check_wandb(project: str) -> None:
    """UserError unless metrics can be sent to `project`: package, name, login. Asks a terminal for a missing key."""
    wandb = _package()
    with _said_plainly(wandb):
        wandb.Settings(project=project)
        wandb.login()


class WandbRun:
    """One run of a W&B project; its files lie in `folder`. Used as a context.

    The id in ``wandb.json`` of `folder` makes it the same run whenever the folder is gone on with.
    """

    def __init__(self, folder: Path, project: str, config: dict[str, Any]) -> None:
        self._folder, self._project, self._config = folder, project, config
        self._run: Any = None

    def __enter__(self) -> Self:
        """UserError where W&B refuses."""
        wandb = _package()
        with _said_plainly(wandb):
            self._run = wandb.init(
                project=self._project,
                id=self._id(),
                name=self._folder.name,
                dir=self._folder,
                config=self._config,
                allow_val_change=True,  # a run that is gone on with may have more steps
                resume="allow",
                settings=wandb.Settings(console="off"),  # the terminal belongs to the progress line
            )
        self._run.define_metric("*", step_metric="step")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # its process is gone, which `add_scalars` has said
            self._run.finish(exit_code=0 if kind is None else 1)

    def add_scalars(self, values: Mapping[str, float], step: int) -> None:
        """UserError when the process that W&B runs for itself is gone."""
        with _said_plainly(_package()):
            # W&B's own step has to grow; ours stands still while demonstrations come in, and falls back on a resume.
            self._run.log({**values, "step": step})

    def _id(self) -> str:
        path = self._folder / ID_FILE
        known = files.read_json(path) if path.is_file() else {}
        if known.get("project") != self._project or not isinstance(known.get("id"), str):
            known = {"project": self._project, "id": secrets.token_hex(4)}
            files.write_json(path, known)
        return str(known["id"])


def _package() -> Any:
    try:
        import wandb

        if not hasattr(wandb, "init"):  # W&B writes into a folder that has the name of its package
            raise ImportError(f"{list(wandb.__path__)} is another folder")
    except ImportError as error:
        raise UserError(f"Weights & Biases cannot be used ({error}); install it with: pip install wandb") from None
    return wandb


@contextmanager
def _said_plainly(wandb: Any) -> Iterator[None]:
    try:
        yield
    except (wandb.Error, OSError, ValueError) as error:  # ValueError: a variable WANDB_... that it does not understand
        raise UserError(f"Weights & Biases: {error}") from None
