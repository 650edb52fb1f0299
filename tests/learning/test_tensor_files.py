"""Folders and tensor files appear whole or not at all."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from so_arm.core.errors import UserError

pytestmark = pytest.mark.torch


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    from so_arm.learning.tensor_files import replacing_folder

    folder = tmp_path / "policy"
    for text in ("old", "new"):
        with replacing_folder(folder) as part:
            (part / "file").write_text(text)
    with pytest.raises(RuntimeError), replacing_folder(folder) as part:
        (part / "file").write_text("half")
        raise RuntimeError
    assert (folder / "file").read_text() == "new"
    assert list(tmp_path.iterdir()) == [folder]


def test_who_may_read_the_folder_may_read_the_tensors(tmp_path: Path) -> None:
    import torch

    from so_arm.learning.tensor_files import write_tensors

    for mode, expected in ((0o755, 0o644), (0o700, 0o600)):
        tmp_path.chmod(mode)
        write_tensors(tmp_path / "weights", {"weights": torch.zeros(3)})
        assert (tmp_path / "weights").stat().st_mode & 0o777 == expected


def test_a_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    """A file that may not grow fails as one on a full disk does; safetensors reports it by a type of its own."""
    import torch

    from so_arm.learning.tensor_files import write_tensors

    limits, action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(UserError, match=r"cannot write .*weights"):
            write_tensors(tmp_path / "weights", {"weights": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, action)
    assert not list(tmp_path.iterdir())
