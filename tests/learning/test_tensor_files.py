"""Folders and tensor files appear whole or not at all."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_who_may_read_the_folder_may_read_its_files(tmp_path: Path, umask: int, mode: int) -> None:
    import torch
    from safetensors.torch import save_file

    from so_arm.learning.tensor_files import replacing_folder

    before = os.umask(umask)
    try:
        with replacing_folder(tmp_path / "policy") as part:
            save_file({"weights": torch.zeros(3)}, part / "model.safetensors")
    finally:
        os.umask(before)
    assert (tmp_path / "policy" / "model.safetensors").stat().st_mode & 0o777 == mode


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
