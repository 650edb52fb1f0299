"""What a training run is made of: network sizes, optimisation and schedule. Written into the run directory."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from so_arm.core.errors import UserError, choice_error
from so_arm.learning.precision import PRECISIONS

BACKBONE_NORMS = ("batch", "frozen")


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides the result of a run, besides the dataset.

    `backbone_norm`: "batch" trains the ResNet with batch normalisation and saves its running statistics into
    LeRobot's frozen layers (the saved network is the same ACT either way); "frozen" trains those layers as they are.
    """

    chunk_size: int = 50
    dim_model: int = 256
    n_heads: int = 4
    dim_feedforward: int = 1024
    n_encoder_layers: int = 2
    backbone_norm: str = "batch"

    batch_size: int = 48
    learning_rate: float = 3e-4
    weight_decay: float = 1e-4
    warmup_fraction: float = 0.02
    gradient_clip: float = 10.0
    ema_decay: float = 0.999
    shift_px: int = 3
    colour_jitter: float = 0.1
    precision: str = "auto"
    seed: int = 0

    steps: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        if self.backbone_norm not in BACKBONE_NORMS:
            raise choice_error("backbone norm", self.backbone_norm, BACKBONE_NORMS)
        if self.precision not in PRECISIONS:
            raise choice_error("precision", self.precision, PRECISIONS)
        if (self.steps is None) == (self.minutes is None):
            raise UserError("a training run needs either a number of steps or a number of minutes, not both")
        for name in ("chunk_size", "dim_model", "batch_size", "steps", "minutes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"{name} is {value}; it has to be above zero")

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainSettings:
        """Inverse of `to_dict`; UserError for a setting that this version does not know."""
        known = {field.name for field in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise UserError(f"training setting {name} is unknown to this version of so-arm")
        return cls(**values)
