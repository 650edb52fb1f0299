"""The network here is LeRobot's; only the order of computation differs."""

from __future__ import annotations

import pytest
from tiny import tiny_settings

pytestmark = pytest.mark.torch


def test_one_pass_for_all_cameras_equals_lerobot_s() -> None:
    import torch

    from so_arm.learning.act.network import make_config, make_policy, predict

    torch.manual_seed(0)
    config = make_config(tiny_settings(), {"static": (32, 64), "wrist": (32, 64)})
    policy = make_policy(config, "frozen").eval()
    images, state = torch.randn(2, 3, 3, 32, 64), torch.randn(3, 6)
    batch = {
        "observation.state": state,
        "observation.images.static": images[0],
        "observation.images.wrist": images[1],
    }
    with torch.no_grad():
        expected = policy.predict_action_chunk(batch)
        found = predict(policy.model, images, state)
    assert found.shape == (3, 8, 6)
    assert torch.allclose(found, expected, atol=1e-5)


def test_features_are_the_encoders_tokens_and_large_images_are_averaged() -> None:
    import torch

    from so_arm.learning.act.network import Encoded, pooled_tokens

    def encoded(height: int, width: int) -> Encoded:
        """Token t of observation b has the value 100 b + t in both of its places."""
        tokens = 100.0 * torch.arange(3) + torch.arange(2.0 + 2 * height * width)[:, None]
        return Encoded(tokens.unsqueeze(-1).expand(-1, -1, 2), torch.empty(0), (2, height, width))

    small = pooled_tokens(encoded(1, 2))
    assert small.shape == (3, 12)
    assert small[1].tolist() == [100, 100, 101, 101, 102, 102, 103, 103, 104, 104, 105, 105]
    large = pooled_tokens(encoded(2, 8))
    assert large.shape == (3, 2 * (2 + 2 * 2 * 4))
    assert large[0, ::2].tolist() == [0, 1] + [first + 0.5 for first in range(2, 34, 2)]


def test_the_loss_leaves_padding_out() -> None:
    import torch

    from so_arm.learning.act.network import chunk_loss

    target = torch.zeros(1, 4, 6)
    predicted = torch.ones(1, 4, 6)
    predicted[:, 2:] = 100.0
    is_pad = torch.tensor([[False, False, True, True]])
    assert float(chunk_loss(predicted, target, is_pad)) == 1.0


def test_lerobot_s_defaults_are_the_documented_ones() -> None:
    """What this package overrides, so that a new LeRobot that changes it is noticed."""
    from lerobot.policies.act.configuration_act import ACTConfig

    config = ACTConfig(push_to_hub=False)
    assert (config.chunk_size, config.n_action_steps, config.dim_model, config.latent_dim) == (100, 100, 512, 32)
    assert (config.kl_weight, config.optimizer_lr) == (10.0, 1e-5)
    assert config.pretrained_backbone_weights == "ResNet18_Weights.IMAGENET1K_V1"
