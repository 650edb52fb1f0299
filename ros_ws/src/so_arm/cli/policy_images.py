"""How large the images must be that a policy is shown, read without loading it."""

from __future__ import annotations

import json
from pathlib import Path

from so_arm.cli.rollouts import POLICY_CONFIG
from so_arm.core.errors import UserError


def image_size(policy: Path) -> tuple[int, int]:
    """(height, width) [px] of the policy's largest image feature; the simulation's own for a policy without images.

    One size serves all cameras; the policy scales what it wants smaller.
    """
    from so_arm.sim.rendering import POLICY_IMAGE_SIZE

    path = policy / POLICY_CONFIG
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["input_features"].values()
        sizes = [(int(feature["shape"][1]), int(feature["shape"][2])) for feature in features if _is_image(feature)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(f"{path} is no LeRobot policy config: {type(error).__name__}: {error}") from None
    return max(sizes, key=lambda size: size[0] * size[1], default=POLICY_IMAGE_SIZE)


def _is_image(feature: dict[str, object]) -> bool:
    return feature["type"] == "VISUAL"
