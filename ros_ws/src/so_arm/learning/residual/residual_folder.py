"""A trained residual as a folder: ``residual.safetensors`` and ``residual.json``, which says what it fits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from so_arm.core import files
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.learning.residual.estimator import Estimator
from so_arm.learning.residual.network_input import BODY_SIZE, LOOK_SIZE
from so_arm.learning.residual.networks import Actor
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.tensor_files import read_tensors, replacing_folder, write_tensors

WEIGHTS_FILE, DESCRIPTION_FILE = "residual.safetensors", "residual.json"
_POLICY_WEIGHTS_FILE = "model.safetensors"
_FORMAT = 1


@dataclass(frozen=True)
class TrainedResidual:
    """What the folder holds."""

    actor: Actor
    estimator: Estimator
    settings: ResidualSettings
    description: dict[str, Any]


def policy_hash(policy: Path) -> str:
    """SHA-256 of the weights in a LeRobot policy folder: the base a residual belongs to."""
    path = policy / _POLICY_WEIGHTS_FILE
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def save_residual(
    folder: Path, actor: Actor, estimator: Estimator, settings: ResidualSettings, description: dict[str, Any]
) -> None:
    """Write the folder, whole or not at all. description: at least ``base`` (see `policy_hash`)."""
    tensors = {f"actor.{name}": tensor for name, tensor in actor.state_dict().items()}
    tensors |= {f"estimator.{name}": tensor for name, tensor in estimator.state_dict().items()}
    head = {
        "format": _FORMAT,
        "joint_names": list(JOINT_NAMES),
        "task": settings.task,
        "bound": list(settings.bound),
        "feature_size": estimator.feature_size,
        "inputs": [BODY_SIZE, LOOK_SIZE],
        "settings": settings.to_dict(),
    }
    with replacing_folder(folder) as part:
        write_tensors(part / WEIGHTS_FILE, {name: tensor.detach().contiguous() for name, tensor in tensors.items()})
        files.write_json(part / DESCRIPTION_FILE, head | description)


def load_residual(folder: Path, policy: Path | None = None, task: str | None = None) -> TrainedResidual:
    """The residual in `folder`; UserError names the file or field that is missing, damaged or does not fit.

    policy: the base it is to correct, task: what it is to do; None: not asked.
    """
    if not folder.is_dir():
        raise UserError(f"residual {folder} does not exist; leave it out for the zero residual")
    if not (folder / DESCRIPTION_FILE).is_file():
        raise UserError(f"residual {folder} has no {DESCRIPTION_FILE}; give a folder that rl-train wrote")
    description = files.read_json(folder / DESCRIPTION_FILE)
    settings = _check(folder, description)
    if task is not None and description["task"] != task:
        raise UserError(f"residual {folder} does not fit: task is {description['task']}, not {task}")
    if policy is not None and description["base"] != policy_hash(policy):
        raise UserError(f"residual {folder} does not fit: base is another policy than {policy}")
    tensors = read_tensors(folder / WEIGHTS_FILE)
    _check_size(folder, tensors, "actor.head.weight", "hidden", settings.hidden)
    _check_size(folder, tensors, "estimator.feature_mean", "feature_size", description["feature_size"])
    actor, estimator = Actor(settings.hidden, settings.actor_layer_norm), Estimator(description["feature_size"])
    for prefix, module in (("actor.", actor), ("estimator.", estimator)):
        _fill(folder / WEIGHTS_FILE, module, {n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)})
    return TrainedResidual(actor.eval(), estimator.eval(), settings, description)


def _check(folder: Path, description: dict[str, Any]) -> ResidualSettings:
    path = folder / DESCRIPTION_FILE
    expected = {"format": _FORMAT, "joint_names": list(JOINT_NAMES), "inputs": [BODY_SIZE, LOOK_SIZE]}
    for name in (*expected, "task", "bound", "feature_size", "base", "settings"):
        if name not in description:
            raise UserError(f"{path} lacks the field {name}")
        if name in expected and description[name] != expected[name]:
            raise UserError(f"residual {folder} does not fit: {name} is {description[name]}, expected {expected[name]}")
    try:
        settings = ResidualSettings.from_dict(description["settings"])
    except UserError as error:
        raise UserError(f"{path} is damaged: settings: {error}") from None
    for name, trained in (("bound", list(settings.bound)), ("task", settings.task)):
        if description[name] != trained:
            raise UserError(f"{path} is damaged: {name} is {description[name]}, but was trained as {trained}")
    if type(description["feature_size"]) is not int or description["feature_size"] < 0:
        raise UserError(f"{path} is damaged: feature_size is {description['feature_size']!r}")
    return settings


def _check_size(folder: Path, tensors: dict[str, torch.Tensor], name: str, field: str, size: int) -> None:
    """UserError unless `name` has `size` columns, before a network of a wrong, perhaps absurd size is built."""
    if name not in tensors:
        raise UserError(f"{folder / WEIGHTS_FILE} is damaged: it lacks {name}")
    found = tensors[name].shape[-1] if tensors[name].ndim else None
    if found != size:
        raise UserError(f"{folder / DESCRIPTION_FILE} is damaged: {field} is {size}, the weights have {found}")


def _fill(path: Path, module: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"{path} is damaged: {' '.join(str(error).split())[:300]}") from None
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise UserError(f"{path} is damaged: {name} holds numbers that are not finite")
