"""Reads a LeRobot policy directory and refuses, by name, whatever does not fit this arm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lerobot.configs.policies import PreTrainedConfig
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from so_arm.core.chunk_settings import METADATA_FILE
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.data.dataset_schema import ACTION, IMAGE_PREFIX, STATE, UNITS
from so_arm.learning.act.checkpoint import WEIGHTS_FILE, load_metadata

_PREPROCESSOR = "policy_preprocessor.json"
_POSTPROCESSOR = "policy_postprocessor.json"
#: Steps that change nothing here: batching and devices are this package's business.
_TRANSPARENT_STEPS = ("rename_observations_processor", "to_batch_processor", "device_processor")


@dataclass(frozen=True)
class Affine:
    """normalised = (value - offset) / scale."""

    offset: Tensor
    scale: Tensor

    def to(self, device: torch.device) -> Affine:
        return Affine(self.offset.to(device), self.scale.to(device))


@dataclass(frozen=True)
class PolicyDirectory:
    """A policy that fits: network, normalisation per feature, cameras (name -> height, width), our metadata."""

    network: ACTPolicy
    inputs: dict[str, Affine]
    action: Affine
    cameras: dict[str, tuple[int, int]]
    metadata: dict[str, Any]


def load_policy_directory(folder: Path, device: str) -> PolicyDirectory:
    """Load `folder`; UserError names the file, feature or field that is missing or does not fit."""
    config = _config(folder)
    cameras = _check_features(folder, config)
    metadata = load_metadata(folder)
    _check_metadata(folder, metadata)
    inputs = _normalisation(folder, _PREPROCESSOR, "normalizer_processor", [STATE, *_keys(cameras)])
    action = _normalisation(folder, _POSTPROCESSOR, "unnormalizer_processor", [ACTION])[ACTION]
    return PolicyDirectory(_network(folder, config, device), inputs, action, cameras, metadata)


def _config(folder: Path) -> ACTConfig:
    if not folder.is_dir():
        raise UserError(f"policy {folder} does not exist; give a LeRobot policy directory")
    for name in ("config.json", WEIGHTS_FILE, _PREPROCESSOR, _POSTPROCESSOR):
        if not (folder / name).is_file():
            raise UserError(f"policy {folder} has no {name}; give a directory that LeRobot's save_pretrained wrote")
    kind = _read_json(folder / "config.json").get("type")
    if kind != "act":
        raise UserError(f"policy {folder} is of type {kind}; only act is supported")
    try:
        config = PreTrainedConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # LeRobot's parser raises types of its own
        raise UserError(f"policy {folder}: config.json is not understood: {error}") from error
    assert isinstance(config, ACTConfig)
    config.pretrained_backbone_weights = None  # the weights are in the directory; nothing is downloaded
    return config


def _check_features(folder: Path, config: ACTConfig) -> dict[str, tuple[int, int]]:
    expected = {STATE: (config.input_features, (NUM_JOINTS,)), ACTION: (config.output_features, (NUM_JOINTS,))}
    for key, (features, shape) in expected.items():
        found = tuple(features[key].shape) if features and key in features else None
        if found != shape:
            raise UserError(f"policy {folder}: feature {key} has shape {found}, expected {shape}: {JOINT_NAMES}")
    cameras = {}
    for key, feature in (config.input_features or {}).items():
        if key == STATE:
            continue
        if not key.startswith(IMAGE_PREFIX):
            raise UserError(f"policy {folder}: feature {key} is unknown here; expected {STATE} and {IMAGE_PREFIX}NAME")
        if len(feature.shape) != 3 or feature.shape[0] != 3:
            raise UserError(
                f"policy {folder}: feature {key} has shape {tuple(feature.shape)}, expected (3, height, width)"
            )
        cameras[key.removeprefix(IMAGE_PREFIX)] = (int(feature.shape[1]), int(feature.shape[2]))
    if not cameras:
        raise UserError(f"policy {folder} has no feature {IMAGE_PREFIX}NAME; a policy needs at least one camera")
    return cameras


def _check_metadata(folder: Path, metadata: Mapping[str, Any]) -> None:
    for name, expected in (("joint_names", list(JOINT_NAMES)), ("units", UNITS)):
        if name in metadata and metadata[name] != expected:
            raise UserError(f"policy {folder}: {name} in {METADATA_FILE} is {metadata[name]}, expected {expected}")


def _normalisation(folder: Path, file: str, step_name: str, features: list[str]) -> dict[str, Affine]:
    """Affine normalisation per feature from a processor file, which may hold nothing else that matters."""
    found = None
    for step in _read_json(folder / file).get("steps", []):
        name = step.get("registry_name")
        if name == step_name:
            found = step
        elif name not in _TRANSPARENT_STEPS or step.get("config", {}).get("rename_map"):
            raise UserError(f"policy {folder}: {file} has the step {name}, which is not supported")
    if found is None:
        raise UserError(f"policy {folder}: {file} has no {step_name}")
    state = _read_tensors(folder / str(found.get("state_file")))
    config = found["config"]
    result = {}
    for key in features:
        kind = config["features"].get(key, {}).get("type")
        mode = config["norm_map"].get(kind, "IDENTITY")
        statistics = {name.removeprefix(f"{key}."): state[name] for name in state if name.startswith(f"{key}.")}
        try:
            result[key] = _affine(mode, statistics, float(config.get("eps", 1e-8)))
        except KeyError as error:
            raise UserError(f"policy {folder}: {file} lacks {error} of {key} for {mode} normalisation") from error
    return result


def _affine(mode: str, statistics: Mapping[str, Tensor], eps: float) -> Affine:
    if mode == "IDENTITY":
        return Affine(torch.zeros(()), torch.ones(()))
    if mode == "MEAN_STD":
        return Affine(statistics["mean"], statistics["std"] + eps)
    low, high = {"MIN_MAX": ("min", "max"), "QUANTILES": ("q01", "q99"), "QUANTILE10": ("q10", "q90")}[mode]
    span = statistics[high] - statistics[low]
    half = torch.where(span == 0, eps, span) / 2  # low..high to -1..1
    return Affine(statistics[low] + half, half)


def _network(folder: Path, config: ACTConfig, device: str) -> ACTPolicy:
    config.device = device
    network = ACTPolicy(config)
    try:
        network.load_state_dict(_read_tensors(folder / WEIGHTS_FILE))
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if len(str(error).splitlines()) > 1 else str(error)
        raise UserError(f"policy {folder}: {WEIGHTS_FILE} does not fit config.json: {first}") from error
    return network.to(device).eval()


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} is missing or damaged: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} is damaged: not a JSON object")
    return value


def _keys(cameras: Mapping[str, Any]) -> list[str]:
    return [IMAGE_PREFIX + name for name in cameras]
