"""Loads any LeRobot policy directory that fits this arm: ACT on a fast path of its own, other types through LeRobot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from so_arm.learning.controller import ChunkPolicy
from so_arm.learning.policy_fit import Fitted


class LoadedPolicy(ChunkPolicy, Fitted, Protocol):
    """A policy ready to act."""

    def predict_batch(self, states_rad: np.ndarray, images: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Joint targets (b, n, 6) [rad] and features (b, k) for positions (b, 6) [rad] and images (b, h, w, 3)."""

    def image_size(self, camera: str) -> tuple[int, int]:
        """(height, width) [px] that the network sees; larger images are scaled down."""


def load_policy(folder: Path, device: str = "cpu", precision: str = "auto", threads: int = 1) -> LoadedPolicy:
    """UserError names the file, feature or field that is missing or does not fit.

    device: cpu, cuda, ... precision: auto, fp32 or bf16 (ACT only). threads: for computing on a CPU.
    """
    from so_arm.learning.act.policy import ActPolicy
    from so_arm.learning.lerobot_policy import LerobotPolicy
    from so_arm.learning.policy_description import policy_type

    kind = ActPolicy if policy_type(folder) == "act" else LerobotPolicy
    return kind.load(folder, device, precision, threads)
