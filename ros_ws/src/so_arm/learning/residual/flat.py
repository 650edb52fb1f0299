"""All parameters of a module in one tensor, so that one operation serves them all: a step, a copy that follows."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def flattened(module: nn.Module) -> nn.Parameter:
    """Make the parameters of `module`, and their gradients, views of one; returns that one, with its gradient."""
    parameters = list(module.parameters())
    flat = nn.Parameter(torch.cat([parameter.detach().reshape(-1) for parameter in parameters]))
    flat.grad = torch.zeros_like(flat)
    sizes = [parameter.numel() for parameter in parameters]
    for parameter, value, gradient in zip(parameters, flat.detach().split(sizes), flat.grad.split(sizes), strict=True):
        parameter.data = value.view_as(parameter)
        parameter.grad = gradient.view_as(parameter)
    return flat


def follow(slow: Tensor, fast: Tensor, rate: float) -> None:
    """Move `slow` by this share of the way towards `fast`."""
    slow.detach().lerp_(fast.detach(), rate)
