"""The networks of the residual: a small actor, and an ensemble of critics in one set of tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from so_arm.core.joints import NUM_JOINTS
from so_arm.learning.residual.dense import Layer, Network
from so_arm.learning.residual.network_input import BODY_SIZE, LOOK_SIZE, look


class Actor(nn.Module):
    """f(o, a_base) of the bounded residual ``a_base + bound * tanh(f)``; its last layer starts at zero."""

    def __init__(self, hidden: int, layer_norm: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs in (BODY_SIZE + LOOK_SIZE, hidden):
            layers += [nn.Linear(inputs, hidden), *([nn.LayerNorm(hidden)] if layer_norm else []), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(hidden, NUM_JOINTS)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, body: Tensor, places: Tensor) -> Tensor:
        """f (n, 6), before the tanh. body, places: see `network_input`."""
        out: Tensor = self.head(self.layers(actor_input(body, places)))
        return out

    def network(self, of: Callable[[Tensor], Tensor]) -> Network:
        """The parameters, or what `of` makes of them, by layers."""
        hidden: list[Layer] = []
        for part in self.layers:
            if isinstance(part, nn.Linear):
                hidden.append(_one_member(part, of))
            elif isinstance(part, nn.LayerNorm):
                hidden[-1] = hidden[-1]._replace(gain=of(part.weight)[None, None], offset=of(part.bias)[None, None])
        return Network(hidden, _one_member(self.head, of))


def _one_member(linear: nn.Linear, of: Callable[[Tensor], Tensor]) -> Layer:
    return Layer(of(linear.weight).t()[None], of(linear.bias)[None, None])


def actor_input(body: Tensor, places: Tensor) -> Tensor:
    """What the actor's first layer gets (n, BODY_SIZE + LOOK_SIZE)."""
    return torch.cat((body, look(body, places)), dim=1)


class _EnsembleLinear(nn.Module):
    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        limit = 1.0 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-limit, limit))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs).uniform_(-limit, limit))


class _EnsembleLayerNorm(nn.Module):
    def __init__(self, members: int, size: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(members, 1, size))
        self.offset = nn.Parameter(torch.zeros(members, 1, size))


class Critics(nn.Module):
    """The parameters of Q(s, a), `members` networks of two hidden layers."""

    def __init__(self, members: int, inputs: int, hidden: int, layer_norm: bool) -> None:
        super().__init__()
        self.members = members
        sizes = ((inputs, hidden), (hidden, hidden))
        self.layers = nn.ModuleList(_EnsembleLinear(members, a, b) for a, b in sizes)
        self.norms = nn.ModuleList(_EnsembleLayerNorm(members, b) for _, b in sizes) if layer_norm else None
        self.head = _EnsembleLinear(members, hidden, 1)

    def network(self, of: Callable[[Tensor], Tensor]) -> Network:
        """The parameters of all members, or what `of` makes of them, by layers."""
        norms: Sequence[nn.Module | None] = [None] * len(self.layers) if self.norms is None else list(self.norms)
        *layers, head = (
            Layer(*(of(parameter) for part in (layer, norm) if part is not None for parameter in part.parameters()))
            for layer, norm in zip((*self.layers, self.head), (*norms, None), strict=True)
        )
        return Network(layers, head)


def values(parameter: Tensor) -> Tensor:
    """For `network`: a view that autograd knows nothing of."""
    return parameter.detach()


def gradients(parameter: Tensor) -> Tensor:
    """For `network`: where the gradient is kept, in memory that stays the same."""
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad
