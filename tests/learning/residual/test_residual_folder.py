"""A residual folder is taken when it fits and is whole; whatever else is in it is said in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from so_arm.core.errors import UserError  # noqa: E402
from so_arm.learning.residual.corrector import Residual  # noqa: E402
from so_arm.learning.residual.estimator import Estimator  # noqa: E402
from so_arm.learning.residual.networks import Actor  # noqa: E402
from so_arm.learning.residual.residual_folder import (  # noqa: E402
    DESCRIPTION_FILE,
    WEIGHTS_FILE,
    load_residual,
    policy_hash,
    save_residual,
)
from so_arm.learning.residual.settings import ResidualSettings  # noqa: E402
from so_arm.learning.tensor_files import read_tensors, write_tensors  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folders = []
    for name in ("base", "another"):
        folder = tmp_path_factory.mktemp(name)
        (folder / "model.safetensors").write_bytes(name.encode())
        folders.append(folder)
    return folders[0], folders[1]


@pytest.fixture(scope="module")
def whole(policies: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "residual"
    settings = ResidualSettings(hidden=16, bound=(0.1,) * 6)
    save_residual(folder, Actor(16), Estimator(3), settings, {"base": policy_hash(policies[0])})
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "residual"))


def _change(folder: Path, **fields: object) -> None:
    path = folder / DESCRIPTION_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_it_is_read_as_it_was_written(whole: Path, policies: tuple[Path, Path]) -> None:
    trained = load_residual(whole, policies[0], "pick_place")
    assert trained.settings == ResidualSettings(hidden=16, bound=(0.1,) * 6)
    assert trained.estimator.feature_size == 3 and not trained.actor.training
    residual = Residual.load(whole, policies[0], "pick_place")
    assert residual.feature_size == 3 and residual.bound.tolist() == [0.1] * 6
    assert Residual.load(None).feature_size == 0


def test_another_base_or_task(whole: Path, policies: tuple[Path, Path]) -> None:
    with pytest.raises(UserError, match=f"base is another policy than {policies[1]}"):
        load_residual(whole, policies[1], "pick_place")
    with pytest.raises(UserError, match="task is pick_place, not reach"):
        load_residual(whole, policies[0], "reach")
    with pytest.raises(UserError, match=r"cannot read .*model.safetensors"):
        load_residual(whole, whole)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": 9}, "format is 9, expected 1"),
        ({"joint_names": ["a"]}, "joint_names is ['a'], expected ['shoulder_pan'"),
        ({"inputs": [1, 2]}, "inputs is [1, 2], expected [52, 12]"),
        ({"bound": [0.2] * 6}, "bound is [0.2, 0.2"),
        ({"task": "reach"}, "task is reach, but was trained as pick_place"),
        ({"feature_size": 4}, "feature_size is 4, the weights have 3"),
        ({"feature_size": 10**15}, "feature_size is 1000000000000000, the weights have 3"),
        ({"feature_size": True}, "feature_size is True"),
        ({"feature_size": None}, "feature_size is None"),
        ({"settings": {"hidden": 10**9}}, "hidden is 1000000000, the weights have 16"),
        ({"settings": {"hidden": 16.5}}, "hidden is 16.5, expected a whole number"),
        ({"settings": {"hidden": "16"}}, "hidden is '16', expected a whole number"),
        ({"settings": {"bound": ["wide"]}}, "bound is ['wide'], expected numbers"),
        ({"settings": {"colour": 1}}, "residual setting colour is unknown"),
        ({"settings": [1]}, "settings"),
        ({"settings": None}, "settings"),
    ],
)
def test_a_field_that_does_not_fit_is_named(folder: Path, fields: dict[str, object], message: str) -> None:
    if isinstance(settings := fields.get("settings"), dict):
        described = json.loads((folder / DESCRIPTION_FILE).read_text())
        fields = {"settings": described["settings"] | settings}
    _change(folder, **fields)
    with pytest.raises(UserError) as refused:
        load_residual(folder)
    assert message in str(refused.value) and str(folder) in str(refused.value)


def test_missing_parts_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        load_residual(tmp_path / "nowhere")
    described = json.loads((folder / DESCRIPTION_FILE).read_text())
    for name in described:
        if name not in ("policy", "training", "made_by"):
            (folder / DESCRIPTION_FILE).write_text(json.dumps({k: v for k, v in described.items() if k != name}))
            with pytest.raises(UserError, match=f"lacks the field {name}"):
                load_residual(folder)
    (folder / DESCRIPTION_FILE).write_text(json.dumps(described))
    (folder / WEIGHTS_FILE).unlink()
    with pytest.raises(UserError, match=rf"{WEIGHTS_FILE} is missing"):
        load_residual(folder)
    (folder / DESCRIPTION_FILE).unlink()
    with pytest.raises(UserError, match=f"has no {DESCRIPTION_FILE}"):
        load_residual(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["actor.head.weight", "estimator.place_scale"])
def test_weights_that_are_no_numbers(folder: Path, name: str, value: float) -> None:
    tensors = read_tensors(folder / WEIGHTS_FILE)
    tensors[name].view(-1)[0] = value
    write_tensors(folder / WEIGHTS_FILE, tensors)
    with pytest.raises(UserError, match="holds numbers that are not finite"):
        load_residual(folder)


def test_weights_of_another_shape_or_less_of_them(folder: Path) -> None:
    tensors = read_tensors(folder / WEIGHTS_FILE)
    for changed in (
        {**tensors, "actor.layers.0.weight": torch.zeros(3, 3)},
        {k: v for k, v in tensors.items() if k != "estimator.layers.0.bias"},
        {k: v for k, v in tensors.items() if k != "actor.head.weight"},
        {**tensors, "estimator.feature_mean": torch.tensor(1.0)},
    ):
        write_tensors(folder / WEIGHTS_FILE, changed)
        with pytest.raises(UserError, match=f"{WEIGHTS_FILE} is damaged|{DESCRIPTION_FILE} is damaged"):
            load_residual(folder)


def test_damage_is_one_line_or_no_harm(folder: Path) -> None:
    """Bytes changed, cut off and put in, in either file."""
    rng = np.random.default_rng(0)
    refused = 0
    for path in (folder / DESCRIPTION_FILE, folder / WEIGHTS_FILE):
        good = path.read_bytes()
        # The head of a safetensors file says what the rest means.
        reach = len(good) if path.suffix == ".json" else min(len(good), 2500)
        for _ in range(150):
            at, kind = int(rng.integers(reach)), rng.integers(3)
            byte = bytes([rng.integers(256)])
            path.write_bytes((good[:at], good[:at] + byte + good[at + 1 :], good[:at] + byte + good[at:])[kind])
            try:
                load_residual(folder)
            except UserError as error:
                assert str(folder) in str(error) and len(str(error)) < 2000
                refused += 1
        path.write_bytes(good)
    assert refused > 200
