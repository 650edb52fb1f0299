"""What a LeRobot policy directory says of itself; whatever does not fit this arm is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lerobot.policies  # noqa: F401 - registers the policy types
from lerobot.configs.policies import PreTrainedConfig

from so_arm.core.chunk_settings import METADATA_FILE, fps_of_policy
from so_arm.core.errors import UserError, choice_error
from so_arm.core.files import read_json
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.data.dataset_schema import ACTION, IMAGE_PREFIX, STATE, UNITS

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
PREPROCESSOR_FILE = "policy_preprocessor.json"
POSTPROCESSOR_FILE = "policy_postprocessor.json"


@dataclass(frozen=True)
class PolicyDescription:
    """LeRobot's configuration, the cameras (name -> height, width [px]) and our metadata, which may be empty."""

    folder: Path
    config: PreTrainedConfig
    cameras: dict[str, tuple[int, int]]
    metadata: dict[str, Any]
    fps: float  #: rate that the steps of a chunk are meant for [1/s]


def policy_type(folder: Path) -> str:
    """LeRobot's name of the kind of policy in `folder`, which must hold all that `save_pretrained` writes."""
    if not folder.is_dir():
        raise UserError(f"policy {folder} does not exist; give a LeRobot policy directory")
    for name in (CONFIG_FILE, WEIGHTS_FILE, PREPROCESSOR_FILE, POSTPROCESSOR_FILE):
        if not (folder / name).is_file():
            raise UserError(f"policy {folder} has no {name}; give a directory that LeRobot's save_pretrained wrote")
    kind = read_json(folder / CONFIG_FILE).get("type")
    known = PreTrainedConfig.get_known_choices()
    if not isinstance(kind, str) or kind not in known:
        raise choice_error(f"policy type in {folder / CONFIG_FILE}:", kind, known)
    return kind


def describe_policy(folder: Path, device: str) -> PolicyDescription:
    """Read `folder`, whose network shall compute on `device`; nothing is downloaded."""
    policy_type(folder)
    try:
        config = PreTrainedConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # LeRobot's parser raises types of its own
        raise UserError(f"policy {folder}: {CONFIG_FILE} is not understood: {one_line(error)}") from error
    config.device = device
    if hasattr(config, "pretrained_backbone_weights"):
        config.pretrained_backbone_weights = None  # the weights are in the directory
    cameras = _check_features(folder, config)
    metadata = _metadata(folder)
    return PolicyDescription(folder, config, cameras, metadata, fps_of_policy(folder))


def one_line(error: Exception) -> str:
    """What a foreign library said, for a message of one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def _check_features(folder: Path, config: PreTrainedConfig) -> dict[str, tuple[int, int]]:
    expected = {STATE: (config.input_features, (NUM_JOINTS,)), ACTION: (config.output_features, (NUM_JOINTS,))}
    for key, (features, shape) in expected.items():
        found = tuple(features[key].shape) if features and key in features else None
        if found != shape:
            raise UserError(f"policy {folder}: feature {key} has shape {found}, expected {shape}: {JOINT_NAMES}")
    cameras: dict[str, tuple[int, int]] = {}
    for key, feature in (config.input_features or {}).items():
        if key == STATE:
            continue
        if not key.startswith(IMAGE_PREFIX):
            raise UserError(f"policy {folder}: feature {key} is unknown here; expected {STATE} and {IMAGE_PREFIX}NAME")
        shape = tuple(feature.shape)
        if len(shape) != 3 or shape[0] != 3 or min(shape) < 1:
            raise UserError(f"policy {folder}: feature {key} has shape {shape}, expected (3, height, width)")
        cameras[key.removeprefix(IMAGE_PREFIX)] = (int(shape[1]), int(shape[2]))
    if not cameras:
        raise UserError(f"policy {folder} has no feature {IMAGE_PREFIX}NAME; a policy needs at least one camera")
    return cameras


def _metadata(folder: Path) -> dict[str, Any]:
    """Our own file of the directory; empty for a policy that another LeRobot program trained."""
    path = folder / METADATA_FILE
    metadata: Mapping[str, Any] = read_json(path) if path.is_file() else {}
    for name, expected in (("joint_names", list(JOINT_NAMES)), ("units", UNITS)):
        if name in metadata and metadata[name] != expected:
            raise UserError(f"policy {folder}: {name} in {METADATA_FILE} is {metadata[name]}, expected {expected}")
    return dict(metadata)
