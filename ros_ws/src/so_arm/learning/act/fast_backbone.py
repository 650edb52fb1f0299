"""The ResNet of an ACT network prepared for bf16 inference: normalisation folded into the kernels, channels last."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops.misc import FrozenBatchNorm2d


class Bf16Backbone(nn.Module):
    """Takes and returns float32 as the original does; computes in bf16. It consumes the module it is given."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        fold_norms(backbone)
        self._backbone = backbone.to(torch.bfloat16).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        images = images.to(torch.bfloat16, memory_format=torch.channels_last)
        return {"feature_map": self._backbone(images)["feature_map"].float()}


def fold_norms(module: nn.Module) -> None:
    """Replace every frozen batch norm by an identity, its affine map moved into the convolution before it."""
    convolution: nn.Conv2d | None = None
    # torchvision lists conv1, bn1, conv2, bn2 in this order, in blocks, stem and downsampling alike.
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            convolution = child
        elif isinstance(child, FrozenBatchNorm2d):
            assert convolution is not None, "a batch norm follows its convolution"
            _fold(convolution, child)
            module._modules[name] = nn.Identity()  # the top level is a ModuleDict, whose items setattr does not reach
        else:
            fold_norms(child)


@torch.no_grad()
def _fold(convolution: nn.Conv2d, norm: FrozenBatchNorm2d) -> None:
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    convolution.weight.mul_(scale.reshape(-1, 1, 1, 1))
    convolution.bias = nn.Parameter(norm.bias - norm.running_mean * scale)
