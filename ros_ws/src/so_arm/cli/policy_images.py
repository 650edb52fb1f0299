"""How large the images must be that a policy is shown, read without loading it."""

from __future__ import annotations

from pathlib import Path

from so_arm.cli.rollouts import POLICY_CONFIG
from so_arm.core.errors import UserError
from so_arm.core.files import read_json


def image_size(policy: Path) -> tuple[int, int]:
    """(height, width) [px] that is enough for all image features; the simulation's own for a policy without images.

    One size serves all cameras; the policy scales down what it wants smaller.
    """
    from so_arm.sim.rendering import POLICY_IMAGE_SIZE

    path = policy / POLICY_CONFIG
    config = read_json(path)
    try:
        shapes = [feature["shape"] for feature in config["input_features"].values() if feature["type"] == "VISUAL"]
        sizes = [(int(height), int(width)) for _, height, width in shapes]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is no LeRobot policy config: {type(error).__name__}: {error}") from None
    if not sizes:
        return POLICY_IMAGE_SIZE
    heights, widths = zip(*sizes, strict=True)
    return max(heights), max(widths)
