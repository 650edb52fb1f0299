"""The normalisation that LeRobot stores in processor files, as one affine map per feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from so_arm.core.errors import UserError, choice_error
from so_arm.learning.processor_file import read_steps

#: Steps that change nothing here: batching and devices are this package's business.
_TRANSPARENT_STEPS = ("rename_observations_processor", "to_batch_processor", "device_processor")
#: LeRobot's mode -> the statistics that become -1 and 1.
_RANGES = {"MIN_MAX": ("min", "max"), "QUANTILES": ("q01", "q99"), "QUANTILE10": ("q10", "q90")}


@dataclass(frozen=True)
class Affine:
    """normalised = (value - offset) / scale."""

    offset: Tensor
    scale: Tensor

    def to(self, device: torch.device) -> Affine:
        return Affine(self.offset.to(device), self.scale.to(device))


def read_normalisation(path: Path, step_name: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Affine]:
    """Affine map per feature of `shapes` from a processor file, which may hold nothing else that matters."""
    found = None
    for step in read_steps(path):
        if step.name == step_name:
            found = step
        elif step.name not in _TRANSPARENT_STEPS:
            raise UserError(f"{path} has the step {step.name}, which is not supported for ACT")
    if found is None:
        raise UserError(f"{path} has no {step_name}")
    features = _table(path, found.config, "features")
    modes = _table(path, found.config, "norm_map")
    eps = found.config.get("eps", 1e-8)
    if type(eps) not in (int, float):
        raise UserError(f"{path} is damaged: eps of {step_name} is {eps!r}, expected a number")
    state = read_tensors(path.parent / found.state_file) if found.state_file is not None else {}
    result = {}
    for key, shape in shapes.items():
        kind = _table(path, features, key).get("type") if key in features else None
        mode = modes.get(kind, "IDENTITY") if isinstance(kind, str) else "IDENTITY"
        statistics = {name.removeprefix(f"{key}."): state[name] for name in state if name.startswith(f"{key}.")}
        result[key] = _affine(f"{path}: {key}", mode, statistics, eps, shape)
    return result


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file; UserError when it is missing or damaged."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} is missing or damaged: {error}") from error


def _table(path: Path, config: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = config.get(name)
    if not isinstance(value, dict):
        raise UserError(f"{path} is damaged: {name} is {value!r}, expected a JSON object")
    return value


def _affine(what: str, mode: object, statistics: Mapping[str, Tensor], eps: float, shape: tuple[int, ...]) -> Affine:
    if mode == "IDENTITY":
        return Affine(torch.zeros(()), torch.ones(()))
    names = ("mean", "std") if mode == "MEAN_STD" else _RANGES.get(str(mode))
    if names is None:
        raise choice_error(f"normalisation mode ({what})", mode, ("IDENTITY", "MEAN_STD", *_RANGES))
    for name in names:
        if name not in statistics:
            raise UserError(f"{what} lacks the statistic {name}, which {mode} normalisation needs")
        if not _broadcasts(statistics[name].shape, shape):
            raise UserError(
                f"{what}: the statistic {name} has shape {tuple(statistics[name].shape)}, which does not fit {shape}"
            )
    first, second = (statistics[name].float() for name in names)
    if mode == "MEAN_STD":
        return Affine(first, second + eps)
    span = second - first
    half = torch.where(span == 0, eps, span) / 2  # first..second to -1..1
    return Affine(first + half, half)


def _broadcasts(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether statistics of shape `given` apply to values of `shape`, and leave that shape as it is."""
    try:
        return torch.broadcast_shapes(given, shape) == shape
    except RuntimeError:
        return False
