"""Policy directories: what LeRobot writes for an ACT policy, plus ``so_arm.json`` with what LeRobot does not say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.processor_act import make_act_pre_post_processors
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from so_arm.core import files
from so_arm.core.chunk_settings import METADATA_FILE
from so_arm.core.errors import UserError
from so_arm.learning.policy_description import WEIGHTS_FILE


def save_policy(
    folder: Path,
    config: ACTConfig,
    weights: dict[str, Tensor],
    statistics: dict[str, dict[str, Tensor]],
    metadata: dict[str, Any],
) -> None:
    """Write a self-contained policy directory that plain LeRobot loads; it appears whole or not at all.

    Matrices and kernels are stored as float16 (half the size; a rounding of 0.05 %), vectors as float32.
    """
    with replacing_folder(folder) as part:
        config.save_pretrained(part)
        write_tensors(part / WEIGHTS_FILE, {name: _stored(tensor) for name, tensor in weights.items()})
        for processor in make_act_pre_post_processors(config, statistics):
            processor.save_pretrained(part)
        files.write_json(part / METADATA_FILE, metadata)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside `folder` that takes its name when the block ends well; else the old one stays."""
    part, old = (folder.with_name(f".{folder.name}.{suffix}") for suffix in ("part", "old"))
    for leftover in (part, old):
        shutil.rmtree(leftover, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        if folder.exists():
            folder.replace(old)
        part.replace(folder)
    finally:
        for leftover in (part, old):
            shutil.rmtree(leftover, ignore_errors=True)


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write a safetensors file from contiguous tensors; UserError when the disk is full."""
    try:
        save_file(tensors, path, {"format": "pt"})
    except SafetensorError as error:  # its own type even for what is an OSError
        raise UserError(f"cannot write {path}: {error}") from error


def _stored(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.to(torch.float16) if tensor.dim() >= 2 else tensor
