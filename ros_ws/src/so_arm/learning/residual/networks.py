"""The networks of the residual: a small actor, and an ensemble of critics in one set of tensors."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from so_arm.core.joints import NUM_JOINTS
from so_arm.learning.residual.ensemble import Layer, ensemble_values
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
        out: Tensor = self.head(self.layers(torch.cat((body, look(body, places)), dim=1)))
        return out


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
    """Q(s, a) of `members` networks at once; see `ensemble`."""

    def __init__(self, members: int, inputs: int, hidden: int, layer_norm: bool) -> None:
        super().__init__()
        self.members = members
        sizes = ((inputs, hidden), (hidden, hidden))
        self.layers = nn.ModuleList(_EnsembleLinear(members, a, b) for a, b in sizes)
        self.norms = nn.ModuleList(_EnsembleLayerNorm(members, b) for _, b in sizes) if layer_norm else None
        self.head = _EnsembleLinear(members, hidden, 1)

    def forward(self, x: Tensor, members: Tensor | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
        """Values (members, n) of the inputs (n, inputs); `members`: indices of those that are asked, None for all."""
        layers = [Layer(*layer.parameters()) for layer in self.layers]
        if self.norms is not None:
            layers = [Layer(*layer[:2], *norm.parameters()) for layer, norm in zip(layers, self.norms, strict=True)]
        asked = list(range(self.members)) if members is None else members.tolist()
        return ensemble_values(x, layers, Layer(*self.head.parameters()), asked, dtype)
