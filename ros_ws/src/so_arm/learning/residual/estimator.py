"""Where the object and the target are, learned from the base policy's frozen features.

Training in simulation knows the truth, so the estimator is fitted to it; the robot has only the estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from so_arm.learning.residual.network_input import PLACES_SIZE

_HIDDEN = 256
_BATCH = 256
_LEARNING_RATE, _WEIGHT_DECAY = 1e-3, 5e-2
#: One of so many episodes is kept out of the fit and says how good the estimate is.
HELD_OUT = 20
_MIN_FEATURE_SCALE, _MIN_PLACE_SCALE_M = 1e-2, 1e-3


class Estimator(nn.Module):
    """Features (n, k) to places (n, 6) [m]: object and target. With k = 0 it knows but the usual places.

    The joint positions of the same observation are among the features: the base's encoder has them as a token.
    """

    feature_mean: Tensor
    feature_scale: Tensor
    place_mean: Tensor
    place_scale: Tensor

    def __init__(self, feature_size: int) -> None:
        super().__init__()
        self.feature_size = feature_size
        self.register_buffer("feature_mean", torch.zeros(feature_size))
        self.register_buffer("feature_scale", torch.ones(feature_size))
        self.register_buffer("place_mean", torch.zeros(PLACES_SIZE))
        self.register_buffer("place_scale", torch.ones(PLACES_SIZE))
        self.layers = nn.Sequential(
            nn.Linear(feature_size, _HIDDEN),
            nn.LayerNorm(_HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.LayerNorm(_HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, PLACES_SIZE),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Normalised places."""
        out: Tensor = self.layers((features - self.feature_mean) / self.feature_scale)
        return out

    def places(self, features: np.ndarray) -> np.ndarray:
        """Estimated object and target positions (n, 6) float32 [m] for features (n, k)."""
        with torch.inference_mode():
            out = self(torch.from_numpy(features.astype(np.float32)))
            return np.asarray((out * self.place_scale + self.place_mean).numpy())


class Frames:
    """What the base saw whenever it planned, in flat arrays that grow."""

    ARRAYS = ("features", "places", "episode", "estimated")

    def __init__(self, feature_size: int) -> None:
        self.features = np.empty((0, feature_size), np.float16)
        self.places = np.empty((0, PLACES_SIZE), np.float32)  # the truth [m]
        self.episode = np.empty(0, np.int64)
        self.estimated = np.empty((0, PLACES_SIZE), np.float32)  # [m]
        self.size = 0

    def add(self, features: np.ndarray, places: np.ndarray, estimated: np.ndarray) -> int:
        """The frames of one episode (n, ...); returns the index of the first."""
        first, end = self.size, self.size + len(features)
        episode = self.episode[first - 1] + 1 if first else 0
        for name, rows in (
            ("features", features),
            ("places", places),
            ("estimated", estimated),
            ("episode", np.full(len(features), episode)),
        ):
            array = getattr(self, name)
            if end > len(array):
                grown = np.empty((max(1024, 2 * end), *array.shape[1:]), array.dtype)
                grown[:first] = array[:first]
                setattr(self, name, array := grown)
            array[first:end] = rows
        self.size = end
        return first

    def saved(self) -> dict[str, np.ndarray]:
        """All rows of the arrays; views."""
        return {name: getattr(self, name)[: self.size] for name in self.ARRAYS}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """The arrays that `saved` gave, in place of what is here."""
        for name in self.ARRAYS:
            setattr(self, name, arrays[name])
        self.size = len(self.features)

    def estimate(self, estimator: Estimator) -> None:
        """Make every estimate that of `estimator`."""
        for begin in range(0, self.size, 4096):
            rows = slice(begin, min(begin + 4096, self.size))
            self.estimated[rows] = estimator.places(self.features[rows])


def fit(
    estimator: Estimator,
    frames: Frames,
    updates: int,
    generator: torch.Generator,
    first: bool,
    on_update: Callable[[], None] = lambda: None,
) -> float:
    """Fit to all frames but those of every `HELD_OUT`-th episode; the median error of the object on those [m].

    first: set the scales by these frames; later fits keep them, so that they go on where the last one ended.
    """
    kept_out = frames.episode[: frames.size] % HELD_OUT == HELD_OUT - 1
    if kept_out.all() or not kept_out.any():
        kept_out = np.zeros(frames.size, bool)
    inside = torch.from_numpy(np.flatnonzero(~kept_out))
    features, places = torch.from_numpy(frames.features), torch.from_numpy(frames.places)
    if first:
        _set_scales(estimator, features[inside].float(), places[inside])
    optimiser = torch.optim.AdamW(estimator.parameters(), _LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=max(updates, 2))
    for _ in range(updates):
        rows = inside[torch.randint(len(inside), (_BATCH,), generator=generator)]
        wanted = (places[rows] - estimator.place_mean) / estimator.place_scale
        loss = (estimator(features[rows].float()) - wanted).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        on_update()
    return _median_error(estimator, frames, np.flatnonzero(kept_out) if kept_out.any() else np.arange(frames.size))


def _set_scales(estimator: Estimator, features: Tensor, places: Tensor) -> None:
    for name, values, least in (("feature", features, _MIN_FEATURE_SCALE), ("place", places, _MIN_PLACE_SCALE_M)):
        getattr(estimator, f"{name}_mean").copy_(values.mean(0))
        getattr(estimator, f"{name}_scale").copy_(values.std(0) + least)


def _median_error(estimator: Estimator, frames: Frames, rows: Sequence[int] | np.ndarray) -> float:
    wrong = estimator.places(frames.features[rows]) - frames.places[rows]
    return float(np.median(np.linalg.norm(wrong[:, :3], axis=1)))
