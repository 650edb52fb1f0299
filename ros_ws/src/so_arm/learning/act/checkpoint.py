"""Policy directories: what LeRobot writes for an ACT policy, plus ``so_arm.json`` with what LeRobot does not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.processor_act import make_act_pre_post_processors
from torch import Tensor

from so_arm.core import files
from so_arm.core.chunk_settings import METADATA_FILE
from so_arm.learning.policy_description import WEIGHTS_FILE
from so_arm.learning.tensor_files import replacing_folder, write_tensors


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


def _stored(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.to(torch.float16) if tensor.dim() >= 2 else tensor
