"""Folders of tensors that appear whole or not at all; safetensors only, nothing is ever unpickled."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim import Optimizer

from so_arm.core.errors import UserError


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside `folder` that takes its name when the block ends well; else the old one stays."""
    part, old = (folder.with_name(f".{folder.name}.{suffix}") for suffix in ("part", "old"))
    for leftover in (part, old):
        shutil.rmtree(leftover, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        _readable(part)
        if folder.exists():
            folder.replace(old)
        part.replace(folder)
    finally:
        for leftover in (part, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _readable(folder: Path) -> None:
    """Who may read the folder may read its files: safetensors lets nobody but the owner, whatever the umask."""
    mode = folder.stat().st_mode & 0o666
    for path in folder.iterdir():
        with suppress(OSError):  # some file systems have no modes
            path.chmod(mode)


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write a safetensors file from contiguous tensors; UserError when the disk is full."""
    try:
        save_file(tensors, path, {"format": "pt"})
    except SafetensorError as error:  # its own type even for what is an OSError
        raise UserError(f"cannot write {path}: {error}") from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Inverse of `write_tensors`; UserError for a missing or damaged file."""
    if not path.is_file():
        raise UserError(f"{path} is missing")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error}") from None


def optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of each parameter, as ``<parameter>.<what>``; the tensors themselves."""
    memories = optimiser.state_dict()["state"]
    return {f"{index}.{what}": value for index, memory in memories.items() for what, value in memory.items()}


def restore_optimiser(optimiser: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Inverse of `optimiser_tensors`."""
    memories: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, what = key.split(".", 1)
        memories.setdefault(int(index), {})[what] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": memories})
