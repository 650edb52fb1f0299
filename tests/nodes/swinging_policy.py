"""Run as a script: act_policy with a policy that swings the arm for ever."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

CENTRE = np.array([0.0, -0.9, 0.7, 1.2, -1.57, 0.6])
#: Fastest at 0.9 rad/s.
AMPLITUDE_RAD, OMEGA = 0.45, 2.0
CHUNK = 50


class SwingingPolicy:
    fps = 30
    camera_names = ("static", "wrist")

    def image_size(self, name: str) -> tuple[int, int]:
        return (64, 64)

    def reset(self) -> None:
        pass

    def predict_chunk(self, state_rad: np.ndarray, images: dict[str, np.ndarray]) -> np.ndarray:
        at_s = time.monotonic() + np.arange(CHUNK)[:, None] / self.fps
        return CENTRE + AMPLITUDE_RAD * np.sin(OMEGA * at_s + 0.7 * np.arange(6))


def load_swinging(folder: Path, device: str = "cpu", precision: str = "auto", threads: int = 1) -> SwingingPolicy:
    return SwingingPolicy()


if __name__ == "__main__":
    from so_arm.nodes import act_policy

    act_policy.load_policy = load_swinging
    act_policy.main()
