from __future__ import annotations

import json

import pytest

from so_arm.cli.policy_images import image_size
from so_arm.core.errors import UserError


def config(tmp_path, features):
    (tmp_path / "config.json").write_text(json.dumps({"type": "act", "input_features": features}))
    return tmp_path


def test_the_largest_image_feature_decides(tmp_path):
    features = {
        "observation.state": {"type": "STATE", "shape": [6]},
        "observation.images.static": {"type": "VISUAL", "shape": [3, 48, 64]},
        "observation.images.wrist": {"type": "VISUAL", "shape": [3, 120, 160]},
    }
    assert image_size(config(tmp_path, features)) == (120, 160)


def test_it_is_large_enough_for_every_camera(tmp_path):
    shapes = {"static": [3, 48, 96], "wrist": [3, 64, 64]}
    features = {f"observation.images.{name}": {"type": "VISUAL", "shape": shape} for name, shape in shapes.items()}
    assert image_size(config(tmp_path, features)) == (64, 96)


def test_a_policy_without_images_gets_the_default(tmp_path):
    assert image_size(config(tmp_path, {"observation.state": {"type": "STATE", "shape": [6]}})) == (64, 64)


@pytest.mark.parametrize("text", ["{", "[]", '"act"'])
def test_a_damaged_config_is_refused_by_name(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json is damaged"):
        image_size(tmp_path)


@pytest.mark.parametrize(
    "text", ["{}", '{"input_features": []}', '{"input_features": {"a": {"type": "VISUAL", "shape": [3]}}}']
)
def test_a_foreign_config_is_refused_by_name(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json is no LeRobot policy config"):
        image_size(tmp_path)
