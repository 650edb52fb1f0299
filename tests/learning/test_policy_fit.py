from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from so_arm.core.errors import UserError
from so_arm.learning.policy_fit import check_fit, check_image_size

FOLDER = Path("models/mine")


def test_a_policy_that_fits_passes():
    check_fit(FOLDER, SimpleNamespace(fps=30, camera_names=("wrist",)), 30, ("static", "wrist"))
    check_image_size("wrist", (64, 64), (64, 64))
    check_image_size("wrist", (480, 640), (64, 96))


@pytest.mark.parametrize(
    ("fps", "cameras", "message"),
    [
        (50, ("static",), "policy models/mine acts at 50 Hz; the control rate is 30 Hz"),
        (30, ("front",), r"feature observation\.images\.front has no camera; cameras are static, wrist"),
    ],
)
def test_what_does_not_fit_is_named(fps, cameras, message):
    with pytest.raises(UserError, match=message):
        check_fit(FOLDER, SimpleNamespace(fps=fps, camera_names=cameras), 30, ("static", "wrist"))


@pytest.mark.parametrize("given", [(63, 96), (64, 95)])
def test_smaller_images_are_refused(given):
    with pytest.raises(UserError, match=rf"camera wrist: its images are {given[1]}x{given[0]} px .* wants 96x64 px"):
        check_image_size("wrist", given, (64, 96))
