"""A trained ACT policy in the units of this package: joint angles [rad] and camera images in, action chunk out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from so_arm.core.joints import NUM_JOINTS
from so_arm.core.units import lerobot_from_rad, rad_from_lerobot
from so_arm.data.dataset_schema import IMAGE_PREFIX, STATE
from so_arm.learning.act.fast_backbone import Bf16Backbone
from so_arm.learning.act.network import decode, encode, pooled_tokens
from so_arm.learning.act.policy_directory import PolicyDirectory, load_policy_directory
from so_arm.learning.compute import Compute
from so_arm.learning.controller import Prediction
from so_arm.learning.policy_images import PolicyImages
from so_arm.learning.precision import use_bf16


class ActPolicy:
    """The same inputs give the same chunk, bit by bit, in every process (for one precision and number of threads)."""

    def __init__(self, directory: PolicyDirectory, compute: Compute, bf16: bool) -> None:
        self._model = directory.network.model
        if bf16:
            self._model.backbone = Bf16Backbone(self._model.backbone)
        self._compute = compute
        self._description = directory.description
        self._images = PolicyImages(self._description.cameras, compute.device)
        self._state = directory.inputs[STATE].to(compute.device)
        self._pixels = {name: directory.inputs[IMAGE_PREFIX + name].to(compute.device) for name in self._images.names}
        self._action = directory.action.to(compute.device)
        self.precision = "bf16" if bf16 else "fp32"

    @classmethod
    def load(cls, directory: Path | str, device: str = "cpu", precision: str = "auto", threads: int = 1) -> ActPolicy:
        """Load any LeRobot ACT policy directory whose features are those of this arm.

        precision: "fp32", or "bf16" (needs a processor that has it), or "auto" (bf16 where it is native on a CPU).
        """
        compute = Compute(device, threads)
        bf16 = use_bf16(precision, compute.device)
        return cls(load_policy_directory(Path(directory), str(compute.device)), compute, bf16)

    @property
    def fps(self) -> float:
        """Rate that the steps of a chunk are meant for [1/s]."""
        return self._description.fps

    @property
    def camera_names(self) -> tuple[str, ...]:
        return self._images.names

    def image_size(self, camera: str) -> tuple[int, int]:
        """(height, width) [px] that the network sees; larger images are scaled down."""
        return self._images.size(camera)

    def reset(self) -> None:
        """Forget the episode: nothing to forget, the network sees one observation at a time."""

    @cached_property
    def feature_size(self) -> int:
        """Length of the features: a few tokens of the network's encoder, flattened."""
        black = {name: np.zeros((1, *self.image_size(name), 3), np.uint8) for name in self.camera_names}
        return self.predict_batch(np.zeros((1, NUM_JOINTS)), black)[1].shape[1]

    def predict(self, state_rad: ArrayLike, images: Mapping[str, np.ndarray]) -> Prediction:
        """Joint targets (chunk size, 6) [rad] and features (k,) for joint positions (6,) [rad] and images (h, w, 3)
        uint8 by camera.
        """
        chunks, features = self.predict_batch(np.asarray(state_rad)[None], images)
        return Prediction(chunks[0], features[0])

    def predict_batch(self, states_rad: ArrayLike, images: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Joint targets (b, chunk size, 6) [rad] and features (b, k) float32 for joint positions (b, 6) [rad] and
        images (b, h, w, 3) uint8 by camera. A batch of another size may differ in the last bits.
        """
        self._compute.prepare_thread()
        with torch.inference_mode():
            states = torch.from_numpy(lerobot_from_rad(states_rad).astype(np.float32)).to(self._compute.device)
            states = (states - self._state.offset) / self._state.scale
            pixels = torch.stack(
                [
                    self._images.pixels(name, images).sub_(affine.offset).div_(affine.scale)
                    for name, affine in self._pixels.items()
                ]
            )
            encoded = encode(self._model, pixels, states)
            chunks = decode(self._model, encoded) * self._action.scale + self._action.offset
            features = pooled_tokens(encoded).float()
        return rad_from_lerobot(chunks.cpu().numpy()), features.cpu().numpy()
