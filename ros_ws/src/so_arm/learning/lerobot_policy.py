"""Policies of any other type than ACT, computed by LeRobot's own code and processors."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from huggingface_hub import constants
from lerobot.policies.factory import get_policy_class, make_pre_post_processors
from lerobot.policies.pretrained import PreTrainedPolicy
from numpy.typing import ArrayLike
from torch import Tensor

from so_arm.core.chunk import no_features
from so_arm.core.errors import UserError, choice_error
from so_arm.core.joints import NUM_JOINTS
from so_arm.core.units import lerobot_from_rad, rad_from_lerobot
from so_arm.data.dataset_schema import ACTION, IMAGE_PREFIX, STATE
from so_arm.learning.compute import Compute
from so_arm.learning.controller import Prediction
from so_arm.learning.policy_description import (
    POSTPROCESSOR_FILE,
    PREPROCESSOR_FILE,
    PolicyDescription,
    describe_policy,
    one_line,
)
from so_arm.learning.policy_images import PolicyImages
from so_arm.learning.precision import PRECISIONS
from so_arm.learning.processor_file import read_steps

#: What LeRobot 0.6 loads with ``trust_remote_code``: Python files from a place that the directory names.
_TYPES_WITH_FOREIGN_CODE = ("gaussian_actor", "groot", "pi0_fast", "wall_x")
_STEPS_WITH_FOREIGN_CODE = ("action_tokenizer_processor",)
#: Noise that a policy draws starts from here for every chunk: the same inputs give the same chunk.
_SEED = 0


class LerobotPolicy:
    """A policy that answers one observation at a time, as `ActPolicy` does; fp32. It tells no features."""

    feature_size = 0

    def __init__(self, description: PolicyDescription, compute: Compute) -> None:
        self._description = description
        self._compute = compute
        self._images = PolicyImages(description.cameras, compute.device)
        with _refusing(description), _offline():
            self._network = _network(description)
            self._before, self._after = _processors(description, str(compute.device))
        with _refusing(description):
            black = {name: np.zeros((*self.image_size(name), 3), np.uint8) for name in self.camera_names}
            self.predict(np.zeros(NUM_JOINTS), black)
        self.reset()

    @classmethod
    def load(cls, directory: Path | str, device: str = "cpu", precision: str = "auto", threads: int = 1) -> Self:
        """Load a LeRobot policy directory whose features are those of this arm; nothing is downloaded or unpickled."""
        if precision not in PRECISIONS:
            raise choice_error("precision", precision, PRECISIONS)
        if precision == "bf16":
            raise UserError(f"policy {directory}: precision bf16 is for policies of type act; use fp32 or auto")
        compute = Compute(device, threads)
        description = describe_policy(Path(directory), str(compute.device))
        _check_supported(description)
        return cls(description, compute)

    @property
    def fps(self) -> float:
        """Rate that the steps of a chunk are meant for [1/s]."""
        return self._description.fps

    @property
    def camera_names(self) -> tuple[str, ...]:
        return self._images.names

    def image_size(self, camera: str) -> tuple[int, int]:
        """(height, width) [px] of the policy's feature; larger images are scaled down."""
        return self._images.size(camera)

    def reset(self) -> None:
        """Forget the episode."""
        self._network.reset()

    def predict(self, state_rad: ArrayLike, images: Mapping[str, np.ndarray]) -> Prediction:
        """Joint targets (n, 6) [rad] for joint positions (6,) [rad] and images (h, w, 3) uint8; no features."""
        self._compute.prepare_thread()
        batch: dict[str, Any] = {STATE: torch.from_numpy(lerobot_from_rad(state_rad).astype(np.float32))}
        batch |= {IMAGE_PREFIX + name: self._images.pixels(name, images)[0] for name in self.camera_names}
        batch["task"] = str(self._description.metadata.get("task") or "")
        with torch.inference_mode(), _same_noise(self._compute.device):
            chunk: Tensor = self._after(self._answer(self._before(batch)))
        if chunk.dim() != 3 or chunk.shape[0] != 1 or chunk.shape[2] != NUM_JOINTS:
            raise UserError(
                f"policy {self._description.folder}: action chunk has shape {tuple(chunk.shape)},"
                f" expected (1, n, {NUM_JOINTS})"
            )
        return Prediction(rad_from_lerobot(chunk[0].float().cpu().numpy()), no_features())

    def predict_batch(self, states_rad: ArrayLike, images: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """`predict` of positions (b, 6) [rad] and images (b, h, w, 3) by camera, one after the other."""
        states = np.asarray(states_rad)
        seen = ({name: images[name][i] for name in self.camera_names} for i in range(len(states)))
        chunks = np.stack([self.predict(state, shown).chunk for state, shown in zip(states, seen, strict=True)])
        return chunks, np.empty((len(states), 0), np.float32)

    def _answer(self, batch: dict[str, Any]) -> Tensor:
        """Normalised actions (1, n, 6)."""
        queues = getattr(self._network, "_queues", None) or {}
        if not any(key != ACTION for key in queues):
            return self._network.predict_action_chunk(batch)
        # Types that keep observations in queues fill them only in select_action, which also queues the whole chunk.
        self._network.reset()
        first = self._network.select_action(batch)
        return torch.stack([first, *self._network._queues[ACTION]], dim=1)


def _check_supported(description: PolicyDescription) -> None:
    """UserError for what one observation, or a directory alone, cannot serve."""
    folder, config = description.folder, description.config
    observations = getattr(config, "n_obs_steps", 1)
    if observations != 1:
        raise UserError(
            f"policy {folder}: n_obs_steps is {observations}, but a chunk answers one observation here;"
            f" train the {config.type} policy with n_obs_steps 1"
        )
    if config.use_peft:
        raise UserError(f"policy {folder} is an adapter (use_peft) of another policy; merge the two first")
    if config.type in _TYPES_WITH_FOREIGN_CODE:
        raise UserError(f"policy {folder} is of type {config.type}, which runs code from outside; it is not supported")
    for file in (PREPROCESSOR_FILE, POSTPROCESSOR_FILE):
        for step in read_steps(folder / file):
            if step.name in _STEPS_WITH_FOREIGN_CODE:
                raise UserError(f"{folder / file} has the step {step.name}, which runs code from outside")


def _network(description: PolicyDescription) -> PreTrainedPolicy:
    kind = get_policy_class(description.config.type)
    with redirect_stdout(None):  # LeRobot prints; standard output belongs to the caller
        return kind.from_pretrained(description.folder, config=description.config, local_files_only=True, strict=True)


def _processors(description: PolicyDescription, device: str) -> tuple[Any, Any]:
    """LeRobot's own, from the directory; they compute on `device`, whatever they were trained on."""
    overrides = {}
    for file, place in ((PREPROCESSOR_FILE, device), (POSTPROCESSOR_FILE, "cpu")):
        named = any(step.name == "device_processor" for step in read_steps(description.folder / file))
        overrides[file] = {"device_processor": {"device": place}} if named else {}
    return make_pre_post_processors(
        description.config,
        str(description.folder),
        preprocessor_overrides=overrides[PREPROCESSOR_FILE],
        postprocessor_overrides=overrides[POSTPROCESSOR_FILE],
    )


@contextmanager
def _refusing(description: PolicyDescription) -> Iterator[None]:
    """What fails in LeRobot's code is the directory's fault: a missing package or file, a step that does not fit."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"policy {description.folder} of type {description.config.type} cannot be used:"
            f" {type(error).__name__}: {one_line(error)}"
        ) from error


@contextmanager
def _offline() -> Iterator[None]:
    """Whatever would be fetched from the hub fails at once. The variable is for libraries not imported yet."""
    flag, variable = constants.HF_HUB_OFFLINE, os.environ.get("HF_HUB_OFFLINE")
    constants.HF_HUB_OFFLINE = True
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = flag
        if variable is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = variable


@contextmanager
def _same_noise(device: torch.device) -> Iterator[None]:
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(_SEED)
        yield
