"""Camera images as a policy's network wants them: its size, floats, channels first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from so_arm.core.errors import UserError, choice_error
from so_arm.learning.policy_fit import check_image_size


class PolicyImages:
    """The cameras of one policy. sizes: camera -> (height, width) [px]."""

    def __init__(self, sizes: Mapping[str, tuple[int, int]], device: torch.device) -> None:
        self.names = tuple(sizes)
        self._sizes = dict(sizes)
        self._device = device

    def size(self, camera: str) -> tuple[int, int]:
        """(height, width) [px]."""
        if camera not in self._sizes:
            raise choice_error("camera", camera, self._sizes)
        return self._sizes[camera]

    def pixels(self, camera: str, images: Mapping[str, np.ndarray]) -> Tensor:
        """(b, 3, height, width) float, 0..1, from the images of `camera`, (b, h, w, 3) uint8, scaled down by area.

        One image (h, w, 3) is a batch of one.
        """
        if camera not in images:
            raise UserError(f"no image of camera {camera}; the policy needs {', '.join(self.names)}")
        image = np.array(images[camera])  # a copy, because images from messages are read-only
        check_image_size(camera, image.shape[-3:-1], self._sizes[camera])
        pixels = (
            torch.from_numpy(image)
            .to(self._device)
            .reshape(-1, *image.shape[-3:])
            .permute(0, 3, 1, 2)
            .float()
            .contiguous()
        )
        if pixels.shape[2:] != self._sizes[camera]:
            pixels = functional.interpolate(pixels, self._sizes[camera], mode="area")
        return pixels.div_(255.0)
