"""LeRobot's ACT network: how it is built here, and a forward pass that encodes all cameras in one backbone batch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACT, ACTPolicy
from lerobot.utils.constants import ACTION, OBS_IMAGES, OBS_STATE
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops.misc import FrozenBatchNorm2d

from so_arm.core.joints import NUM_JOINTS
from so_arm.learning.act.settings import TrainSettings

#: Rows and columns of image tokens per camera that are kept as features: a policy with large images stays small.
FEATURE_GRID = 4


def make_config(settings: TrainSettings, cameras: dict[str, tuple[int, int]], device: str = "cpu") -> ACTConfig:
    """ACT configuration for six joints and `cameras` (name -> height, width [px]); nothing is downloaded."""
    inputs = {OBS_STATE: PolicyFeature(FeatureType.STATE, (NUM_JOINTS,))}
    for name, (height, width) in cameras.items():
        inputs[f"{OBS_IMAGES}.{name}"] = PolicyFeature(FeatureType.VISUAL, (3, height, width))
    return ACTConfig(
        input_features=inputs,
        output_features={ACTION: PolicyFeature(FeatureType.ACTION, (NUM_JOINTS,))},
        device=device,
        push_to_hub=False,
        pretrained_backbone_weights=None,
        chunk_size=settings.chunk_size,
        n_action_steps=settings.chunk_size,
        dim_model=settings.dim_model,
        n_heads=settings.n_heads,
        dim_feedforward=settings.dim_feedforward,
        n_encoder_layers=settings.n_encoder_layers,
        n_decoder_layers=1,
        dropout=0.0,  # drawing the masks is a tenth of a step on a CPU; shifted images regularise already
        use_vae=False,  # the demonstrator is deterministic: there is no style for a latent to carry
    )


def make_policy(config: ACTConfig, backbone_norm: str) -> ACTPolicy:
    """A freshly initialised policy, its ResNet with trainable batch normalisation when `backbone_norm` is "batch"."""
    policy = ACTPolicy(config)
    if backbone_norm == "batch":
        _swap_frozen_norms(policy.model.backbone)
    policy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return policy


def _swap_frozen_norms(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, FrozenBatchNorm2d):
            setattr(module, name, nn.BatchNorm2d(child.weight.shape[0], eps=child.eps))
        else:
            _swap_frozen_norms(child)


class Encoded(NamedTuple):
    """What the transformer encoder makes of B observations."""

    tokens: Tensor  #: (2 + cameras * h * w, B, D): latent, state, then camera by camera the image, row by row
    position: Tensor  #: (2 + cameras * h * w, 1, D), where each token is
    grid: tuple[int, int, int]  #: cameras, h, w


def predict(model: ACT, images: Tensor, state: Tensor) -> Tensor:
    """Normalised action chunks (B, chunk, 6) from images (cameras, B, 3, H, W) and states (B, 6), all normalised.

    The same computation as ``ACT.forward`` without the VAE (a test holds them equal). Encoding the cameras together
    keeps one set of batch statistics for all of them, and uses the processor better.
    """
    return decode(model, encode(model, images, state))


def encode(model: ACT, images: Tensor, state: Tensor) -> Encoded:
    """The first half of `predict`."""
    n_cameras, batch = images.shape[:2]
    features = model.backbone(images.flatten(0, 1))["feature_map"]
    position = model.encoder_cam_feat_pos_embed(features).to(features.dtype)
    features = model.encoder_img_feat_input_proj(features)
    # (cameras * B, D, h, w) -> (cameras * h * w, B, D)
    tokens = features.flatten(2).unflatten(0, (n_cameras, batch)).permute(0, 3, 1, 2).flatten(0, 1)
    position = position.flatten(2).permute(2, 0, 1).repeat(n_cameras, 1, 1)

    latent = torch.zeros(batch, model.config.latent_dim, dtype=torch.float32, device=state.device)
    head = torch.stack([model.encoder_latent_input_proj(latent), model.encoder_robot_state_input_proj(state)])
    position = torch.cat([model.encoder_1d_feature_pos_embed.weight.unsqueeze(1), position])
    tokens = model.encoder(torch.cat([head, tokens]), pos_embed=position)
    return Encoded(tokens, position, (n_cameras, *features.shape[2:]))


def decode(model: ACT, encoded: Encoded) -> Tensor:
    """The second half of `predict`."""
    tokens, position, _ = encoded
    queries = torch.zeros(
        model.config.chunk_size, tokens.shape[1], tokens.shape[2], dtype=position.dtype, device=tokens.device
    )
    decoded = model.decoder(
        queries, tokens, encoder_pos_embed=position, decoder_pos_embed=model.decoder_pos_embed.weight.unsqueeze(1)
    )
    return model.action_head(decoded.transpose(0, 1))


def pooled_tokens(encoded: Encoded) -> Tensor:
    """(B, k) the encoder's tokens one after the other, each camera's image averaged down to `FEATURE_GRID` at most."""
    tokens, _, (n_cameras, height, width) = encoded
    head, image = tokens[:2], tokens[2:]
    # (cameras * h * w, B, D) -> (B * cameras, D, h, w)
    image = image.unflatten(0, (n_cameras, height, width)).permute(3, 0, 4, 1, 2).flatten(0, 1)
    image = functional.adaptive_avg_pool2d(image, (min(height, FEATURE_GRID), min(width, FEATURE_GRID)))
    image = image.unflatten(0, (-1, n_cameras)).permute(0, 1, 3, 4, 2)
    return torch.cat([head.transpose(0, 1).flatten(1), image.flatten(1)], dim=1)


def chunk_loss(predicted: Tensor, target: Tensor, is_pad: Tensor) -> Tensor:
    """Mean absolute error over the steps that are not padding; shapes (B, chunk, 6), (B, chunk, 6), (B, chunk)."""
    valid = (~is_pad).unsqueeze(-1)
    error = (predicted.float() - target).abs() * valid
    return error.sum() / (valid.sum() * target.shape[-1]).clamp_min(1)
