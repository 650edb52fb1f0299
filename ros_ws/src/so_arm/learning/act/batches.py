"""Training batches cut from cached arrays: action chunks with padding, random shifts and light colour changes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from so_arm.data.training_arrays import TrainingArrays
from so_arm.learning.act.settings import TrainSettings

Statistics = dict[str, dict[str, Tensor]]


@dataclass(frozen=True)
class Batch:
    """images (cameras, B, 3, H, W), state (B, 6), action (B, chunk, 6), all normalised; is_pad (B, chunk) bool."""

    images: Tensor
    state: Tensor
    action: Tensor
    is_pad: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(getattr(self, field.name).to(device) for field in dataclasses.fields(self)))


class BatchSource:
    """Gives the batch of any step; the same step always gives the same batch, so a resumed run goes on exactly."""

    def __init__(self, arrays: TrainingArrays, statistics: Statistics, settings: TrainSettings) -> None:
        self._arrays = arrays
        self._settings = settings
        lengths = arrays.episode_end - arrays.episode_start
        self._last = np.repeat(arrays.episode_end - 1, lengths)  # last frame of each frame's episode
        self._state = _normalised(arrays.state, statistics["observation.state"])
        self._action = _normalised(arrays.action, statistics["action"])
        pixels = [statistics[f"observation.images.{name}"] for name in arrays.cameras]
        self._pixel_mean = torch.stack([item["mean"] for item in pixels]).unsqueeze(1)  # (cameras, 1, 3, 1, 1)
        self._pixel_std = torch.stack([item["std"] for item in pixels]).unsqueeze(1)
        self.batch_size = min(settings.batch_size, len(arrays))
        self.batches_per_epoch = len(arrays) // self.batch_size
        self._orders: dict[int, np.ndarray] = {}

    def batch(self, step: int, share: int = 0, shares: int = 1) -> Batch:
        """Every `shares`-th sample of the batch of `step`, from sample `share` on."""
        epoch, position = divmod(step, self.batches_per_epoch)
        rng = np.random.default_rng([self._settings.seed, epoch, position])
        order = self._order_of(epoch)
        mine = slice(share, None, shares)
        frames = order[position * self.batch_size : (position + 1) * self.batch_size][mine]
        steps = frames[:, None] + np.arange(self._settings.chunk_size)
        last = self._last[frames, None]
        return Batch(
            images=self._images(frames, mine, rng),
            state=torch.from_numpy(self._state[frames]),
            action=torch.from_numpy(self._action[np.minimum(steps, last)]),
            is_pad=torch.from_numpy(steps > last),
        )

    def _order_of(self, epoch: int) -> np.ndarray:
        if epoch not in self._orders:
            order = np.random.default_rng([self._settings.seed, epoch]).permutation(len(self._arrays))
            self._orders = {epoch: order}
            return order
        return self._orders[epoch]

    def _images(self, frames: np.ndarray, mine: slice, rng: np.random.Generator) -> Tensor:
        """Augmented images; drawn for the whole batch, so that the shares do not change them."""
        shift, jitter = self._settings.shift_px, self._settings.colour_jitter
        count = len(self._arrays.images)
        offsets = rng.integers(-shift, shift + 1, (count, self.batch_size, 2))[:, mine]
        gain = rng.uniform(1 - jitter, 1 + jitter, (count, self.batch_size, 3, 1, 1))[:, mine].astype(np.float32)
        cameras = []
        for pixels, offset in zip(self._arrays.images.values(), offsets, strict=True):
            height, width = pixels.shape[1:3]
            rows = np.clip(np.arange(height) + offset[:, :1], 0, height - 1)
            columns = np.clip(np.arange(width) + offset[:, 1:], 0, width - 1)
            cameras.append(pixels[frames][np.arange(len(frames))[:, None, None], rows[:, :, None], columns[:, None]])
        # (cameras, B, H, W, 3) seen as (cameras, B, 3, H, W) is the channels-last layout that convolutions want.
        stacked = torch.from_numpy(np.stack(cameras)).permute(0, 1, 4, 2, 3)
        return (stacked * (torch.from_numpy(gain) / 255.0) - self._pixel_mean) / self._pixel_std


def dataset_statistics(arrays: TrainingArrays) -> Statistics:
    """Mean and standard deviation per feature, as LeRobot's normaliser takes them (LeRobot units, pixels in 0..1)."""
    statistics = {
        "observation.state": _moments(arrays.state, (0,)),
        "action": _moments(arrays.action, (0,)),
    }
    stride = max(1, len(arrays) // 2000)
    for name, frames in arrays.images.items():
        found = _moments(np.asarray(frames[::stride], dtype=np.float32) / 255.0, (0, 1, 2))
        statistics[f"observation.images.{name}"] = {key: value.reshape(3, 1, 1) for key, value in found.items()}
    return statistics


def _moments(values: np.ndarray, axes: tuple[int, ...]) -> dict[str, Tensor]:
    mean = values.mean(axis=axes, dtype=np.float64)
    std = np.maximum(values.std(axis=axes, dtype=np.float64), 1e-2)  # a joint or pixel that never moves
    return {"mean": torch.tensor(mean, dtype=torch.float32), "std": torch.tensor(std, dtype=torch.float32)}


def _normalised(values: np.ndarray, statistics: dict[str, Tensor]) -> np.ndarray:
    return ((values - statistics["mean"].numpy()) / statistics["std"].numpy()).astype(np.float32)
