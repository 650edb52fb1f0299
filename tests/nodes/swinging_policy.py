"""Run as a script: act_policy with a policy that swings the arm for ever."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from so_arm.core.chunk import no_features
from so_arm.learning.controller import Prediction

CENTRE = np.array([0.0, -0.9, 0.7, 1.2, -1.57, 0.6])
#: Fastest at 0.9 rad/s.
AMPLITUDE_RAD, OMEGA = 0.45, 2.0
CHUNK = 50


class SwingingPolicy:
    fps = 30
    camera_names = ("static", "wrist")
    feature_size = 0

    def image_size(self, name: str) -> tuple[int, int]:
        return (64, 64)

    def reset(self) -> None:
        pass

    def predict(self, state_rad: np.ndarray, images: dict[str, np.ndarray]) -> Prediction:
        at_s = time.monotonic() + np.arange(CHUNK)[:, None] / self.fps
        return Prediction(CENTRE + AMPLITUDE_RAD * np.sin(OMEGA * at_s + 0.7 * np.arange(6)), no_features())


def load_swinging(folder: Path, device: str = "cpu", precision: str = "auto", threads: int = 1) -> SwingingPolicy:
    return SwingingPolicy()


if __name__ == "__main__":
    from so_arm.nodes import act_policy

    act_policy.load_policy = load_swinging
    act_policy.main()
