"""The exact state of a residual training run between two rounds: taken, written, read, put back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from so_arm.core import files
from so_arm.learning.residual.episodes import Weights
from so_arm.learning.residual.estimator import Estimator
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.td3_bc import Td3Bc
from so_arm.learning.tensor_files import (
    optimiser_tensors,
    read_tensors,
    replacing_folder,
    restore_optimiser,
    write_tensors,
)

STATE_FILE = "state.json"
MODULES = ("actor", "critics", "slow_actor", "slow_critics")
_NETWORKS_FILE, _EXPERIENCE_FILE = "networks.safetensors", "experience.safetensors"
_OPTIMISERS = ("actor_optimiser", "critic_optimiser")


class Store(Protocol):
    """Arrays that grow, e.g. `ReplayBuffer`."""

    def saved(self) -> dict[str, np.ndarray]: ...
    def restore(self, arrays: dict[str, np.ndarray]) -> None: ...


class TrainerState(NamedTuple):
    """All of it."""

    tensors: dict[str, Tensor]  #: copies of what learning changes
    experience: dict[str, Tensor]  #: views of rows that are not written again, but for estimates by the next fit
    numbers: dict[str, Any]  #: everything else, as JSON has it

    def weights(self, part: str) -> Weights:
        """Of one network, such as ``actor`` or ``estimator``."""
        return {name: tensor.numpy() for name, tensor in _parts(self.tensors)[part].items()}

    def write(self, folder: Path, settings: ResidualSettings) -> None:
        """Whole or not at all; UserError when the disk is full."""
        with replacing_folder(folder) as part:
            write_tensors(part / _NETWORKS_FILE, self.tensors)
            write_tensors(part / _EXPERIENCE_FILE, self.experience)
            files.write_json(part / STATE_FILE, self.numbers | {"settings": settings.to_dict()})


def read_state(folder: Path) -> TrainerState:
    """Inverse of `TrainerState.write`; UserError for files that are missing or damaged."""
    numbers = files.read_json(folder / STATE_FILE)
    return TrainerState(read_tensors(folder / _NETWORKS_FILE), read_tensors(folder / _EXPERIENCE_FILE), numbers)


def network_tensors(networks: Td3Bc, estimator: Estimator) -> dict[str, Tensor]:
    """Copies of all that learning changes in them: ``<network or optimiser>.<tensor>``."""
    tensors = {
        f"{name}.{key}": value for name in MODULES for key, value in getattr(networks, name).state_dict().items()
    }
    tensors |= {f"estimator.{key}": value for key, value in estimator.state_dict().items()}
    for name in _OPTIMISERS:
        tensors |= {f"{name}.{key}": value for key, value in optimiser_tensors(getattr(networks, name)).items()}
    tensors["scales.mean"], tensors["scales.scale"] = networks.privileged_mean, networks.privileged_scale
    tensors["generator.state"] = networks.generator.get_state()
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def restore_networks(networks: Td3Bc, estimator: Estimator, tensors: dict[str, Tensor]) -> None:
    """Inverse of `network_tensors`; KeyError, ValueError or RuntimeError for tensors of other networks."""
    parts = _parts(tensors)
    for name in MODULES:
        getattr(networks, name).load_state_dict(parts[name])
    for name in _OPTIMISERS:
        restore_optimiser(getattr(networks, name), parts.get(name, {}))  # empty before its first step
    estimator.load_state_dict(parts["estimator"])
    networks.privileged_mean = parts["scales"]["mean"]
    networks.privileged_scale = parts["scales"]["scale"]
    networks.generator.set_state(parts["generator"]["state"])


def stored_tensors(stores: Mapping[str, Store]) -> dict[str, Tensor]:
    """Views of all rows: ``<store>.<array>``."""
    return {
        f"{part}.{name}": torch.from_numpy(array)
        for part, store in stores.items()
        for name, array in store.saved().items()
    }


def restore_stores(stores: Mapping[str, Store], tensors: dict[str, Tensor]) -> None:
    """Inverse of `stored_tensors`."""
    parts = _parts(tensors)
    for part, store in stores.items():
        store.restore({name: tensor.numpy() for name, tensor in parts[part].items()})


def _parts(tensors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """By what is ahead of the first dot."""
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        part, key = name.split(".", 1)
        parts.setdefault(part, {})[key] = tensor
    return parts
