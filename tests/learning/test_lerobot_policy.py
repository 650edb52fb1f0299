"""Policies that LeRobot computes, here a tiny diffusion policy as LeRobot itself saves it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from so_arm.core.errors import UserError
from so_arm.core.units import lerobot_from_rad, rad_from_lerobot

pytestmark = pytest.mark.torch

STATE = np.linspace(-0.4, 0.5, 6)
IMAGES = {
    name: np.random.default_rng(i).integers(0, 255, (32, 40, 3), np.uint8) for i, name in enumerate(("static", "wrist"))
}
SCALE = 200.0


def _save(folder: Path, observations: int = 1) -> Path:
    import torch
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
    from lerobot.policies.factory import get_policy_class, make_pre_post_processors

    inputs = {"observation.state": PolicyFeature(FeatureType.STATE, (6,))}
    inputs |= {f"observation.images.{name}": PolicyFeature(FeatureType.VISUAL, (3, 32, 40)) for name in IMAGES}
    config = DiffusionConfig(
        input_features=inputs,
        output_features={"action": PolicyFeature(FeatureType.ACTION, (6,))},
        n_obs_steps=observations,
        horizon=8,
        n_action_steps=6,
        down_dims=(16, 32),
        diffusion_step_embed_dim=8,
        spatial_softmax_num_keypoints=4,
        use_separate_rgb_encoder_per_camera=False,
        num_train_timesteps=10,
        num_inference_steps=2,
        pretrained_backbone_weights=None,
        device="cpu",
        push_to_hub=False,
    )
    torch.manual_seed(0)
    get_policy_class("diffusion")(config).save_pretrained(folder)
    joints = {"min": torch.full((6,), -SCALE), "max": torch.full((6,), SCALE)}
    pixels = {"mean": torch.full((3, 1, 1), 0.4), "std": torch.full((3, 1, 1), 0.3)}
    statistics = {"observation.state": joints, "action": joints}
    statistics |= {f"observation.images.{name}": pixels for name in IMAGES}
    for processor in make_pre_post_processors(config, dataset_stats=statistics):
        processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(tmp_path_factory.mktemp("diffusion"))


def _load(folder: Path, **options: str):
    from so_arm.learning.policy import load_policy

    return load_policy(folder, **options)


def _lerobot_chunk(folder: Path) -> np.ndarray:
    """Chunk [rad] computed by hand around LeRobot's network: normalisation written out, the same noise."""
    import torch
    from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy

    policy = DiffusionPolicy.from_pretrained(folder)
    batch = {"observation.state": torch.from_numpy(lerobot_from_rad(STATE) / SCALE).float().reshape(1, 1, 6)}
    for name, image in IMAGES.items():
        pixels = torch.from_numpy(image).permute(2, 0, 1).float() / 255
        batch[f"observation.images.{name}"] = ((pixels - 0.4) / 0.3).unsqueeze(0)
    torch.manual_seed(0)
    return rad_from_lerobot(policy.predict_action_chunk(batch)[0].numpy() * SCALE)


def test_a_diffusion_policy_answers_as_lerobot_computes_it(folder: Path) -> None:
    policy = _load(folder)
    assert (policy.fps, policy.camera_names, policy.image_size("wrist")) == (30, ("static", "wrist"), (32, 40))
    chunk = policy.predict(STATE, IMAGES).chunk
    assert chunk.shape == (6, 6) and np.isfinite(chunk).all()
    np.testing.assert_allclose(chunk, _lerobot_chunk(folder), atol=1e-4)
    assert np.abs(policy.predict(STATE + 0.3, IMAGES).chunk - chunk).max() > 1e-6


def test_the_same_inputs_give_the_same_chunk_and_nobody_elses_noise_changes(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import torch

    policy = _load(folder)
    chunk = policy.predict(STATE, IMAGES).chunk
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    np.testing.assert_array_equal(policy.predict(STATE, IMAGES).chunk, chunk)
    assert torch.equal(torch.rand(1), expected)
    policy.reset()
    np.testing.assert_array_equal(policy.predict(STATE, IMAGES).chunk, chunk)
    np.testing.assert_array_equal(_load(folder).predict(STATE, IMAGES).chunk, chunk)
    assert capfd.readouterr().out == "", "standard output belongs to the command"


def test_larger_images_are_scaled_down_and_smaller_ones_refused(folder: Path) -> None:
    policy = _load(folder)
    large = {name: image.repeat(2, axis=0).repeat(2, axis=1) for name, image in IMAGES.items()}
    np.testing.assert_allclose(policy.predict(STATE, large).chunk, policy.predict(STATE, IMAGES).chunk, atol=1e-4)
    with pytest.raises(UserError, match="camera static: its images are 20x16 px"):
        policy.predict(STATE, {name: image[:16, :20] for name, image in IMAGES.items()})


def test_a_history_of_observations_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="n_obs_steps is 2, but a chunk answers one observation here"):
        _load(_save(tmp_path, observations=2))


def _changed(folder: Path, target: Path, file: str, change) -> Path:
    shutil.copytree(folder, target)
    content = json.loads((target / file).read_text())
    change(content)
    (target / file).write_text(json.dumps(content))
    return target


PRE, POST = "policy_preprocessor.json", "policy_postprocessor.json"


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("config.json", lambda config: config.update(use_peft=True), "is an adapter"),
        (
            "config.json",
            lambda config: config.update(down_dims=[16, 16]),
            "diffusion cannot be used: RuntimeErr",
        ),
        (
            "config.json",
            lambda config: config["output_features"]["action"].update(shape=[7]),
            r"feature action has shape \(7,\)",
        ),
        (
            PRE,
            lambda data: data["steps"].append({"class": "subprocess.Popen", "config": {"args": ["true"]}}),
            "classes are not imported",
        ),
        (
            PRE,
            lambda data: data["steps"].append({"registry_name": "action_tokenizer_processor"}),
            "runs code from outside",
        ),
        (POST, lambda data: data["steps"][0].update(state_file="gone"), "of type diffusion cannot be used: .*gone"),
    ],
)
def test_what_does_not_fit_is_named(folder: Path, tmp_path: Path, file: str, change, message: str) -> None:
    with pytest.raises(UserError, match=message) as refusal:
        _load(_changed(folder, tmp_path / "policy", file, change))
    assert "\n" not in str(refusal.value)


def test_damaged_weights_and_bf16_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="precision bf16 is for policies of type act"):
        _load(folder, precision="bf16")
    broken = tmp_path / "policy"
    shutil.copytree(folder, broken)
    (broken / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:2000])
    with pytest.raises(UserError, match="of type diffusion cannot be used: SafetensorError"):
        _load(broken)


def test_nothing_is_downloaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub import constants
    from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy

    def fetch(*_, **__):
        huggingface_hub.HfApi().model_info("someone/backbone")

    monkeypatch.setattr(DiffusionPolicy, "from_pretrained", fetch)
    before = constants.HF_HUB_OFFLINE
    with pytest.raises(UserError, match="of type diffusion cannot be used: OfflineModeIsEnabled"):
        _load(folder)
    assert before == constants.HF_HUB_OFFLINE
