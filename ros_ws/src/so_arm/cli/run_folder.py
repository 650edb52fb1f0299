"""The folder of a run, which is not left behind when the run came to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from so_arm.cli.output import console, run_directory

_CONFIG, _LOG = "config.json", "graph.log"


@contextmanager
def run_folder(output: Path | None, verb: str, settings: dict[str, Any]) -> Iterator[Path]:
    """`run_directory`, around the whole run. One that ends early with nothing to show takes the folder away again.

    What the nodes said counts as something after a failure (the reason is in it), but not after an interrupt.
    """
    missing = [] if output is None else [path for path in (output, *output.parents) if not path.exists()]
    runs_is_new = not Path("runs").exists()
    folder = run_directory(output, verb, settings)
    if output is None:
        missing = [folder, *([folder.parent] if runs_is_new else [])]
    try:
        yield folder
    except BaseException as error:
        failed = isinstance(error, Exception)
        if _remove_if_only(folder, {_CONFIG} if failed else {_CONFIG, _LOG}):
            for path in missing:
                with suppress(OSError):  # somebody else's run may be in it by now
                    path.rmdir()
        elif not failed:
            console(Path("-")).print(f"what there is so far: {folder}", soft_wrap=True, markup=False)
        raise


def _remove_if_only(folder: Path, names: set[str]) -> bool:
    """Empty `folder` if it holds no other files than `names`; whether it did that."""
    inside = sorted(folder.rglob("*"), reverse=True)
    if any(path.is_file() and path.name not in names for path in inside):
        return False
    for path in inside:
        path.rmdir() if path.is_dir() else path.unlink()
    return True
