"""ActPolicy: LeRobot's numbers in our units, the fast option close to them, and clear words for what does not fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny import SIZE, tiny_arrays, tiny_settings

from so_arm.core.errors import UserError
from so_arm.core.units import lerobot_from_rad, rad_from_lerobot

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from so_arm.learning.act.train import TrainingRun

    run = tmp_path_factory.mktemp("run")
    return TrainingRun(run, Path("dataset"), tiny_arrays(), tiny_settings(steps=10)).run(lambda report: None)


def _load(folder: Path, precision: str = "fp32"):
    from so_arm.learning.act.policy import ActPolicy

    return ActPolicy.load(folder, precision=precision)


def _observation(frame: int = 3) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    arrays = tiny_arrays()
    return rad_from_lerobot(arrays.state[frame]), {
        name: np.array(pixels[frame]) for name, pixels in arrays.images.items()
    }


def _lerobot_chunk(folder: Path, state: np.ndarray, images: dict[str, np.ndarray]) -> np.ndarray:
    """Chunk [rad] as a LeRobot program computes it: its own processors around its own network."""
    import torch
    from lerobot.policies.act.modeling_act import ACTPolicy
    from lerobot.processor import PolicyProcessorPipeline
    from lerobot.processor.converters import policy_action_to_transition, transition_to_policy_action

    before = PolicyProcessorPipeline.from_pretrained(folder, config_filename="policy_preprocessor.json")
    after = PolicyProcessorPipeline.from_pretrained(
        folder,
        config_filename="policy_postprocessor.json",
        to_transition=policy_action_to_transition,
        to_output=transition_to_policy_action,
    )
    batch = {"observation.state": torch.from_numpy(lerobot_from_rad(state)).float()}
    for name, image in images.items():
        batch[f"observation.images.{name}"] = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    return rad_from_lerobot(after(ACTPolicy.from_pretrained(folder).predict_action_chunk(before(batch)))[0].numpy())


def test_it_computes_what_lerobot_computes(folder: Path) -> None:
    state, images = _observation()
    policy = _load(folder)
    chunk = policy.predict(state, images).chunk
    assert chunk.shape == (8, 6)
    assert (policy.fps, policy.camera_names, policy.image_size("static")) == (30, ("static", "wrist"), SIZE)
    np.testing.assert_allclose(chunk, _lerobot_chunk(folder, state, images), atol=1e-5)
    np.testing.assert_array_equal(chunk, _load(folder).predict(state, images).chunk)


def test_features_come_with_the_chunk_and_a_batch_is_its_observations(folder: Path) -> None:
    policy = _load(folder)
    seen = [_observation(frame) for frame in (3, 9)]
    chunks, features = policy.predict_batch(
        np.stack([state for state, _ in seen]),
        {name: np.stack([images[name] for _, images in seen]) for name in policy.camera_names},
    )
    assert policy.feature_size == (2 + 2 * 1) * 32  # latent and state, one token per camera of 32x32 px; dim_model
    assert features.shape == (2, policy.feature_size) and features.dtype == np.float32
    for observation, chunk, told in zip(seen, chunks, features, strict=True):
        alone = policy.predict(*observation)
        np.testing.assert_allclose(chunk, alone.chunk, atol=1e-5)
        np.testing.assert_allclose(told, alone.features, atol=1e-4)
    assert np.abs(features[0] - features[1]).max() > 1e-3


def test_bf16_stays_within_half_a_degree(folder: Path) -> None:
    from so_arm.learning.precision import cpu_has_bf16

    if not cpu_has_bf16():
        with pytest.raises(UserError, match="no native bf16"):
            _load(folder, "bf16")
        assert _load(folder, "auto").precision == "fp32"
        return
    assert _load(folder, "auto").precision == "bf16"
    exact, fast = _load(folder), _load(folder, "bf16")
    for frame in range(0, 60, 7):
        difference = fast.predict(*_observation(frame)).chunk - exact.predict(*_observation(frame)).chunk
        assert np.degrees(np.abs(difference).max()) < 0.5


def test_folded_norms_change_nothing() -> None:
    import torch
    import torchvision
    from torchvision.models._utils import IntermediateLayerGetter
    from torchvision.ops.misc import FrozenBatchNorm2d

    from so_arm.learning.act.fast_backbone import fold_norms

    torch.manual_seed(0)
    network = torchvision.models.resnet18(norm_layer=FrozenBatchNorm2d)
    for module in network.modules():
        if isinstance(module, FrozenBatchNorm2d):
            for buffer in (module.weight, module.bias, module.running_mean, module.running_var):
                buffer.uniform_(0.5, 1.0)
    backbone = IntermediateLayerGetter(network, return_layers={"layer4": "feature_map"}).eval()
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        before = backbone(images)["feature_map"]
        fold_norms(backbone)
        after = backbone(images)["feature_map"]
    assert not any(isinstance(module, FrozenBatchNorm2d) for module in backbone.modules())
    assert torch.allclose(before, after, rtol=1e-4, atol=1e-4 * float(before.abs().max()))


def test_images_of_another_size_are_resized(folder: Path) -> None:
    state, images = _observation()
    policy = _load(folder)
    large = {name: image.repeat(3, axis=0).repeat(3, axis=1) for name, image in images.items()}
    np.testing.assert_allclose(policy.predict(state, large).chunk, policy.predict(state, images).chunk, atol=1e-5)


def test_smaller_images_are_refused(folder: Path) -> None:
    state, images = _observation()
    images["wrist"] = images["wrist"][:20]
    with pytest.raises(UserError, match=r"camera wrist: its images are 32x20 px .*wants 32x32 px.*smaller ones are"):
        _load(folder).predict(state, images)


def test_a_missing_camera_is_named(folder: Path) -> None:
    state, images = _observation()
    del images["wrist"]
    with pytest.raises(UserError, match="no image of camera wrist; the policy needs static, wrist"):
        _load(folder).predict(state, images)


def _changed(folder: Path, target: Path, file: str, change) -> Path:
    shutil.copytree(folder, target)
    content = json.loads((target / file).read_text())
    change(content)
    (target / file).write_text(json.dumps(content))
    return target


def _state_of_seven(config: dict) -> None:
    config["input_features"]["observation.state"]["shape"] = [7]


def _grey_camera(config: dict) -> None:
    config["input_features"]["observation.images.wrist"]["shape"] = [1, 32, 32]


def _forces(config: dict) -> None:
    config["input_features"]["observation.environment_state"] = {"type": "ENV", "shape": [3]}


def _no_camera(config: dict) -> None:
    for name in ("static", "wrist"):
        del config["input_features"][f"observation.images.{name}"]


def _normaliser(data: dict) -> dict:
    return next(step for step in data["steps"] if step["registry_name"].endswith("normalizer_processor"))


PRE, POST = "policy_preprocessor.json", "policy_postprocessor.json"


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("config.json", _state_of_seven, r"feature observation\.state has shape \(7,\), expected \(6,\)"),
        ("config.json", _grey_camera, r"feature observation\.images\.wrist has shape \(1, 32, 32\), expected \(3, h"),
        ("config.json", _forces, r"feature observation\.environment_state is unknown here"),
        ("config.json", _no_camera, r"has no feature observation\.images\.NAME"),
        (
            "config.json",
            lambda config: config.update(type="difusion"),
            "unknown policy type .*Did you mean 'diffusion'",
        ),
        ("config.json", lambda config: config.update(dim_model=64), r"model\.safetensors does not fit config\.json"),
        ("config.json", lambda config: config.update(surprise=1), r"config\.json is not understood"),
        ("so_arm.json", lambda data: data["joint_names"].reverse(), "joint_names in so_arm.json is"),
        ("so_arm.json", lambda data: data.update(units={"body": "radian"}), "units in so_arm.json is"),
        (
            "policy_preprocessor.json",
            lambda data: data["steps"].append({"registry_name": "tokenizer_processor", "config": {}}),
            "the step tokenizer_processor",
        ),
        ("policy_postprocessor.json", lambda data: data["steps"].clear(), "has no unnormalizer_processor"),
        (PRE, lambda data: data.pop("steps"), "steps is NoneType, expected a list"),
        (PRE, lambda data: data["steps"].append("normalise"), "step 4 is 'normalise', expected a JSON object"),
        (PRE, lambda data: data["steps"].append({"class": "subprocess.Popen"}), "classes are not imported"),
        (PRE, lambda data: _normaliser(data).pop("config"), "features is None, expected a JSON object"),
        (PRE, lambda data: _normaliser(data).update(config=[]), r"config of normalizer_processor is \[\]"),
        (PRE, lambda data: _normaliser(data)["config"].pop("norm_map"), "norm_map is None, expected a JSON object"),
        (PRE, lambda data: _normaliser(data)["config"].pop("features"), "features is None, expected a JSON object"),
        (PRE, lambda data: _normaliser(data)["config"].update(eps="0"), "eps of normalizer_processor is '0'"),
        (PRE, lambda data: _normaliser(data).update(state_file=None), "state lacks the statistic mean"),
        (PRE, lambda data: _normaliser(data).update(state_file="../x"), r"state_file of normalizer_processor is '\.\."),
        (POST, lambda data: _normaliser(data)["config"]["norm_map"].update(ACTION="MEANSTD"), "mean 'MEAN_STD'"),
        (
            PRE,
            lambda data: data["steps"][0]["config"].update(rename_map={"observation.images.front": "a"}),
            "rename_observations_processor renames .*front.*; train with the names of this arm's cameras",
        ),
        ("so_arm.json", lambda data: data.update(fps="30"), "fps in so_arm.json is '30', expected a number above 0"),
        ("config.json", lambda config: config.update(vision_backbone="resnet99"), "no network can be built"),
    ],
)
def test_what_does_not_fit_is_named(folder: Path, tmp_path: Path, file: str, change, message: str) -> None:
    with pytest.raises(UserError, match=message):
        _load(_changed(folder, tmp_path / "policy", file, change))


def test_missing_empty_and_damaged_directories_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        _load(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"has no config\.json"):
        _load(tmp_path)


DAMAGES = {"4 bytes": lambda data: data[:4], "half": lambda data: data[: len(data) // 2], "list": lambda data: b"[1]"}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_every_damaged_file_is_one_line(folder: Path, tmp_path: Path, damage) -> None:
    for file in (path for path in folder.iterdir() if path.is_file()):
        content = file.read_bytes()
        broken = tmp_path / file.name
        shutil.copytree(folder, broken)
        (broken / file.name).write_bytes(
            {"short": content[:4], "half": content[: len(content) // 2]}.get(damage, b"[1]")
        )
        with pytest.raises(UserError, match="damaged") as refusal:
            _load(broken)
        assert "\n" not in str(refusal.value)
        shutil.rmtree(broken)


def test_statistics_of_another_shape_are_refused(folder: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, tmp_path / "policy")
    file = next((tmp_path / "policy").glob("policy_preprocessor*.safetensors"))
    save_file(load_file(file) | {"observation.state.std": torch.ones(7)}, file)
    with pytest.raises(UserError, match=r"observation\.state: the statistic std has shape \(7,\)"):
        _load(tmp_path / "policy")


def test_unknown_device_and_precision_are_refused(folder: Path) -> None:
    from so_arm.learning.act.policy import ActPolicy

    with pytest.raises(UserError, match="policy device 'tpux' is not a torch device"):
        ActPolicy.load(folder, device="tpux")
    with pytest.raises(UserError, match="unknown precision 'fp8'"):
        ActPolicy.load(folder, precision="fp8")
