"""A folder of results appears under its name whole or not at all."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from so_arm.core.errors import UserError
from so_arm.core.files import creating, takes_files, writing

_ERROR_NUMBER = re.compile(r"\[Errno (\d+)\]|errno = (\d+)")
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}


def check_new_folder(path: Path) -> None:
    """UserError when `path` holds something, or could not be made."""
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file; give a new folder")
    if path.is_dir() and any(path.iterdir()):
        raise UserError(f"{path} already holds files; choose a new or an empty folder")
    place = next(folder for folder in path.absolute().parents if folder.exists())
    if not place.is_dir() or not takes_files(place):
        raise UserError(f"cannot write {path}: {place} takes no new files; choose another folder")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder name that does not exist yet; what is made there becomes `path` when the block ends well.

    When the block raises, nothing is left behind. A full disk becomes a UserError, also where a library only tells
    its text.
    """
    check_new_folder(path)
    path = path.absolute()
    with creating(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    try:
        with writing(path), _disk_errors():
            yield scratch / path.name
            (scratch / path.name).replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Encoders' threads and h5py hand on the text of what went wrong with the disk, not its type."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        found = _ERROR_NUMBER.search(str(error))
        code = int(found[1] or found[2]) if found else None
        if code not in _DISK or (isinstance(error, OSError) and error.errno == code):
            raise
        raise OSError(code, str(error)) from error
