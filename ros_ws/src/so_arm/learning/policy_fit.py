"""Whether a policy fits what it is to act on: control rate, cameras, image sizes. The one place that decides it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from so_arm.core.errors import UserError
from so_arm.data.dataset_schema import IMAGE_PREFIX


class Fitted(Protocol):
    """What a policy says of itself."""

    @property
    def fps(self) -> float: ...

    @property
    def camera_names(self) -> Sequence[str]: ...


def check_fit(folder: Path, policy: Fitted, control_hz: float, cameras: Collection[str]) -> None:
    """UserError for a policy of another control rate [Hz], or one that wants a camera which is not there."""
    if policy.fps != control_hz:
        raise UserError(f"policy {folder} acts at {policy.fps} Hz; the control rate is {control_hz} Hz")
    for name in policy.camera_names:
        if name not in cameras:
            there = ", ".join(cameras) or "none"
            raise UserError(f"policy {folder}: feature {IMAGE_PREFIX}{name} has no camera; cameras are {there}")


def check_image_size(camera: str, given: Sequence[int], wanted: Sequence[int]) -> None:
    """UserError for an image smaller than the policy wants; both (height, width) [px]. Larger ones are scaled down."""
    if given[0] < wanted[0] or given[1] < wanted[1]:
        raise UserError(
            f"camera {camera}: its images are {given[1]}x{given[0]} px (width x height), the policy wants"
            f" {wanted[1]}x{wanted[0]} px; larger images are scaled down, smaller ones are refused"
        )
