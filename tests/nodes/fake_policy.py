"""act_policy with a policy that needs neither torch nor a checkpoint. Run as a script, it is the node.

The fake looks at joint state and images, so that a wrong or stale observation changes what it says.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from so_arm.learning.controller import Prediction

CHUNK = 50
GOAL = np.array([0.3, -0.6, 0.5, 1.2, -1.0, 0.2])


class FakePolicy:
    fps = 30
    camera_names = ("static", "wrist")
    feature_size = 1

    def image_size(self, name: str) -> tuple[int, int]:
        return (64, 64)

    def reset(self) -> None:
        self.calls = 0

    def predict(self, state_rad: np.ndarray, images: dict[str, np.ndarray]) -> Prediction:
        """Straight to the goal, shifted a little by what the cameras see, which is the feature."""
        seen = sum(float(images[name].mean()) for name in self.camera_names) / 255.0
        share = np.linspace(0.02, 1.0, CHUNK)[:, None]
        return Prediction(state_rad + share * (GOAL + 0.01 * seen - state_rad), np.array([seen], np.float32))


def load_fake(folder: Path, device: str = "cpu", precision: str = "auto", threads: int = 1) -> FakePolicy:
    return FakePolicy()


if __name__ == "__main__":
    from so_arm.nodes import act_policy

    act_policy.load_policy = load_fake
    act_policy.main()
