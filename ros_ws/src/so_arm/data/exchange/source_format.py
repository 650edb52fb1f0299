"""Which format a folder or file to import has."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from so_arm.core.errors import UserError
from so_arm.core.files import read_json

V21 = "v2.1"
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


class SourceFormat(StrEnum):
    v21 = "v2.1"  #: LeRobot dataset
    hdf5 = "hdf5"  #: robosuite or LIBERO demonstrations
    rlds = "rlds"  #: TensorFlow Datasets


def source_format(path: Path) -> SourceFormat:
    """The format of `path`; UserError when it has none of them."""
    if not path.exists():
        raise UserError(f"{path} does not exist")
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_HDF5_MAGIC)) == _HDF5_MAGIC or path.suffix in (".hdf5", ".h5"):
                return SourceFormat.hdf5
        raise UserError(f"{path} is no HDF5 file; an import takes one, or the folder of a dataset")
    if (path / "meta" / "info.json").is_file():
        return _lerobot(path)
    if any(file.suffix in (".hdf5", ".h5") for file in path.iterdir()):
        return SourceFormat.hdf5
    if rlds_folders(path):
        return SourceFormat.rlds
    if any(file.suffix in (".mcap", ".db3") for file in path.iterdir()):
        raise UserError(f"{path} is a bag; so-arm bag to-dataset {path} -o DIR makes a dataset of it")
    raise UserError(
        f"{path} is no dataset that can be imported: no meta/info.json (LeRobot v2.1), no .hdf5 file, "
        "no features.json (RLDS)"
    )


def rlds_folders(path: Path) -> list[Path]:
    """Folders with features.json in `path` and at most two levels below."""
    return sorted(file.parent for depth in ("", "*/", "*/*/") for file in path.glob(f"{depth}features.json"))


def _lerobot(path: Path) -> SourceFormat:
    version = read_json(path / "meta" / "info.json").get("codebase_version")
    if version == V21:
        return SourceFormat.v21
    if version == "v3.0":
        raise UserError(f"{path} is a LeRobot v3 dataset already; it needs no import")
    raise UserError(f"{path} is a LeRobot dataset of version {version}; only {V21} can be imported")
