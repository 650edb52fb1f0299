"""Training batches cut from cached arrays: action chunks with padding, random shifts and light colour changes."""

from __future__ import annotations

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
        self._epoch = -1
        self._order = np.empty(0, dtype=np.int64)

    def batch(self, step: int) -> Batch:
        epoch, position = divmod(step, self.batches_per_epoch)
        if epoch != self._epoch:
            self._order = np.random.default_rng([self._settings.seed, epoch]).permutation(len(self._arrays))
            self._epoch = epoch
        frames = np.sort(self._order[position * self.batch_size : (position + 1) * self.batch_size])
        steps = frames[:, None] + np.arange(self._settings.chunk_size)
        last = self._last[frames, None]
        rng = np.random.default_rng([self._settings.seed, epoch, position])
        return Batch(
            images=self._images(frames, rng),
            state=torch.from_numpy(self._state[frames]),
            action=torch.from_numpy(self._action[np.minimum(steps, last)]),
            is_pad=torch.from_numpy(steps > last),
        )

    def _images(self, frames: np.ndarray, rng: np.random.Generator) -> Tensor:
        shift = self._settings.shift_px
        jitter = self._settings.colour_jitter
        cameras = []
        for pixels in self._arrays.images.values():
            height, width = pixels.shape[1:3]
            offset = rng.integers(-shift, shift + 1, (len(frames), 2))
            rows = np.clip(np.arange(height) + offset[:, :1], 0, height - 1)
            columns = np.clip(np.arange(width) + offset[:, 1:], 0, width - 1)
            cameras.append(pixels[frames][np.arange(len(frames))[:, None, None], rows[:, :, None], columns[:, None]])
        # (cameras, B, H, W, 3) seen as (cameras, B, 3, H, W) is the channels-last layout that convolutions want.
        stacked = torch.from_numpy(np.stack(cameras)).permute(0, 1, 4, 2, 3)
        gain = rng.uniform(1 - jitter, 1 + jitter, (len(cameras), len(frames), 3, 1, 1)).astype(np.float32)
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
