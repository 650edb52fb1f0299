"""Results appear under their final name whole or not at all; what is read is checked."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from so_arm.core.errors import UserError

_REASONS = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EFBIG: "the file system allows no larger files",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "part of its path is a file, not a folder",
    errno.EISDIR: "it is a folder",
    errno.ENAMETOOLONG: "the name is too long",
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make a full disk or a missing permission in the block a UserError that names `path`."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0)
        if reason is None:
            raise
        raise UserError(f"cannot write {path}: {reason}") from error


@contextmanager
def creating(path: Path) -> Iterator[None]:
    """`writing`, around what makes `path` and the folders above it. Some file systems, as /proc, take no new names."""
    try:
        with writing(path):
            yield
    except FileExistsError as error:
        raise UserError(f"cannot write {path}: {_REASONS[errno.ENOTDIR]}") from error
    except FileNotFoundError as error:
        raise UserError(f"cannot write {path}: {_existing(path)} takes no new files") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` (same suffix) that takes its name when the block ends well.

    When the block raises, nothing is left behind and an older file stays. Missing folders are made. Devices and
    pipes are written in place. A full disk or a missing permission becomes a UserError.
    """
    path = Path(os.path.realpath(path))
    with writing(path), ExitStack() as cleanup:
        if path.exists() and not path.is_file() and not path.is_dir():
            yield path
            return
        with creating(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        cleanup.callback(temporary.unlink, missing_ok=True)
        temporary.chmod(0o666 & ~_umask())
        yield temporary
        sync(temporary)
        temporary.replace(path)


def sync(path: Path) -> None:
    """Force a file or a folder to disk: some file systems report a full disk only now."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def takes_files(folder: Path) -> bool:
    """Whether a file can be made in `folder`. Permissions do not tell: root has that of /proc."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def check_new(path: Path, what: str) -> None:
    """UserError when `path` could not be written, or holds something already: results are never written over.

    what: the file's name for the user. Makes missing folders. Devices and pipes are taken as they are.
    """
    with creating(path):
        if path.is_file() and path.stat().st_size:
            raise UserError(f"{what} {path} holds results already; choose another name, or move it away")
        if path.is_file() or path.is_dir():
            path.open("a").close()
        elif not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=path.parent).close()


def write_json(path: Path, data: object) -> None:
    """Write `data` as indented JSON, whole or not at all; see `json_text` for what may be in it."""
    write_text(path, json_text(data))


def write_text(path: Path, text: str) -> None:
    """Write `text`, whole or not at all."""
    with replacing(path) as target:
        target.write_text(text, encoding="utf-8")


def append_json_line(path: Path, data: object) -> None:
    """Add one line of JSON to `path`; what is there already stays. A full disk becomes a UserError."""
    with writing(path), path.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(data) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`; UserError when the file is missing, damaged or holds something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} is damaged: it holds a {type(value).__name__}, not a JSON object")
    return value


def json_text(data: object) -> str:
    """Indented JSON. NumPy values and paths are converted; NaN and infinity, which JSON lacks, become null."""
    return json.dumps(_plain(data), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Path):
        return str(value)
    return value


def _existing(path: Path) -> Path:
    """The nearest of `path` and its folders that is there."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
