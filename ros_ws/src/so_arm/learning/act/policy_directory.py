"""Reads the directory of a LeRobot ACT policy: network, normalisation, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy

from so_arm.core.errors import UserError
from so_arm.core.joints import NUM_JOINTS
from so_arm.data.dataset_schema import ACTION, IMAGE_PREFIX, STATE
from so_arm.learning.act.normalisation import Affine, read_normalisation, read_tensors
from so_arm.learning.policy_description import (
    POSTPROCESSOR_FILE,
    PREPROCESSOR_FILE,
    WEIGHTS_FILE,
    PolicyDescription,
    describe_policy,
    one_line,
)


@dataclass(frozen=True)
class PolicyDirectory:
    """A policy that fits: network, normalisation per feature, description."""

    network: ACTPolicy
    inputs: dict[str, Affine]
    action: Affine
    description: PolicyDescription


def load_policy_directory(folder: Path, device: str) -> PolicyDirectory:
    """Load `folder`; UserError names the file, feature or field that is missing or does not fit."""
    description = describe_policy(folder, device)
    shapes: dict[str, tuple[int, ...]] = {STATE: (NUM_JOINTS,)}
    shapes |= {IMAGE_PREFIX + name: (3, *size) for name, size in description.cameras.items()}
    inputs = read_normalisation(folder / PREPROCESSOR_FILE, "normalizer_processor", shapes)
    outputs = read_normalisation(folder / POSTPROCESSOR_FILE, "unnormalizer_processor", {ACTION: (NUM_JOINTS,)})
    return PolicyDirectory(_network(description, device), inputs, outputs[ACTION], description)


def _network(description: PolicyDescription, device: str) -> ACTPolicy:
    folder, config = description.folder, description.config
    if not isinstance(config, ACTConfig):
        raise UserError(f"policy {folder} is of type {config.type}, not act")
    try:
        network = ACTPolicy(config)
    except Exception as error:  # torch and torchvision refuse odd sizes and names each in their own way
        raise UserError(f"policy {folder}: no network can be built from config.json: {one_line(error)}") from error
    try:
        network.load_state_dict(read_tensors(folder / WEIGHTS_FILE))
    except RuntimeError as error:
        lines = str(error).splitlines()
        first = lines[1].strip() if len(lines) > 1 else str(error)
        raise UserError(f"policy {folder}: {WEIGHTS_FILE} does not fit config.json: {first}") from error
    return network.to(device).eval()
