"""A trained ACT policy in the units of this package: joint angles [rad] and camera images in, action chunk out."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional

from so_arm.core.errors import UserError, choice_error
from so_arm.core.units import lerobot_from_rad, rad_from_lerobot
from so_arm.data.dataset_schema import IMAGE_PREFIX, STATE
from so_arm.learning.act.fast_backbone import Bf16Backbone
from so_arm.learning.act.network import predict
from so_arm.learning.act.policy_directory import PolicyDirectory, load_policy_directory
from so_arm.learning.act.precision import use_bf16

_DEFAULT_FPS = 30


class ActPolicy:
    """Computes with `threads` threads; the same inputs give the same chunk, bit by bit, in every process."""

    def __init__(self, directory: PolicyDirectory, device: torch.device, bf16: bool, threads: int) -> None:
        self._model = directory.network.model
        if bf16:
            self._model.backbone = Bf16Backbone(self._model.backbone)
        self._device = device
        self._threads = threads
        self._pinned = threading.local()
        self._sizes = directory.cameras
        self._state = directory.inputs[STATE].to(device)
        self._pixels = {name: directory.inputs[IMAGE_PREFIX + name].to(device) for name in self._sizes}
        self._action = directory.action.to(device)
        self._chunk_size = directory.network.config.chunk_size
        self.metadata: dict[str, Any] = directory.metadata
        self.precision = "bf16" if bf16 else "fp32"

    @classmethod
    def load(cls, directory: Path | str, device: str = "cpu", precision: str = "auto", threads: int = 1) -> ActPolicy:
        """Load any LeRobot ACT policy directory whose features are those of this arm.

        precision: "fp32", or "bf16" (needs a processor that has it), or "auto" (bf16 where it is native on a CPU).
        """
        where = _device(device)
        bf16 = use_bf16(precision, where)
        return cls(load_policy_directory(Path(directory), str(where)), where, bf16, threads)

    @property
    def fps(self) -> int:
        """Rate that the steps of a chunk are meant for [1/s]."""
        return int(self.metadata.get("fps", _DEFAULT_FPS))

    @property
    def camera_names(self) -> tuple[str, ...]:
        return tuple(self._sizes)

    @property
    def chunk_size(self) -> int:
        return self._chunk_size

    def image_size(self, camera: str) -> tuple[int, int]:
        """(height, width) [px] that the network sees; images of other sizes are resized."""
        if camera not in self._sizes:
            raise choice_error("camera", camera, self._sizes)
        return self._sizes[camera]

    def reset(self) -> None:
        """Forget the episode: nothing to forget, the network sees one observation at a time."""

    def predict_chunk(self, state_rad: ArrayLike, images: Mapping[str, np.ndarray]) -> np.ndarray:
        """Joint targets (chunk_size, 6) [rad] for joint positions (6,) [rad] and images (h, w, 3) uint8 by camera."""
        if not hasattr(self._pinned, "done"):  # the number of threads is a property of each calling thread
            torch.set_num_threads(self._threads)
            self._pinned.done = True
        with torch.inference_mode():
            state = torch.from_numpy(lerobot_from_rad(state_rad).astype(np.float32)).to(self._device)
            state = (state - self._state.offset) / self._state.scale
            pixels = torch.stack([self._image(name, images) for name in self._sizes])
            chunk = predict(self._model, pixels, state.unsqueeze(0))[0]
            chunk = chunk * self._action.scale + self._action.offset
        return rad_from_lerobot(chunk.cpu().numpy())

    def _image(self, name: str, images: Mapping[str, np.ndarray]) -> Tensor:
        """One normalised image (1, 3, H, W)."""
        if name not in images:
            raise UserError(f"no image of camera {name}; the policy needs {', '.join(self._sizes)}")
        image = np.array(images[name])  # a copy, because images from messages are read-only
        pixels = torch.from_numpy(image).to(self._device).permute(2, 0, 1).unsqueeze(0).float()
        if pixels.shape[2:] != self._sizes[name]:
            pixels = functional.interpolate(pixels, self._sizes[name], mode="area")
        return pixels.div_(255.0).sub_(self._pixels[name].offset).div_(self._pixels[name].scale)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"policy device '{name}' is not a torch device; use cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"policy device {name}: this machine has no usable CUDA device; use cpu")
    return device
