"""Policy directories: what LeRobot writes for an ACT policy, plus ``so_arm.json`` with what LeRobot does not say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.processor_act import make_act_pre_post_processors
from safetensors.torch import save_file
from torch import Tensor

from so_arm.core import files

METADATA_FILE = "so_arm.json"
WEIGHTS_FILE = "model.safetensors"


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
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        config.save_pretrained(part)
        save_file({name: _stored(tensor) for name, tensor in weights.items()}, part / WEIGHTS_FILE, {"format": "pt"})
        for processor in make_act_pre_post_processors(config, statistics):
            processor.save_pretrained(part)
        files.write_json(part / METADATA_FILE, metadata)
        if folder.exists():
            shutil.rmtree(folder)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _stored(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.to(torch.float16) if tensor.dim() >= 2 else tensor


def load_metadata(folder: Path) -> dict[str, Any]:
    """Our metadata of a policy directory; empty for a policy that another LeRobot program trained."""
    path = folder / METADATA_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
