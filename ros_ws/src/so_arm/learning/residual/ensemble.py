"""The critics of an ensemble on one batch after the other: values, targets to regress to, slopes for the actor."""

from __future__ import annotations

import torch
from torch import Tensor

from so_arm.learning.residual.dense import Passage
from so_arm.learning.residual.networks import Critics, gradients, values


class Ensemble:
    """Computes with the parameters of `critics`, as they are. To be used without autograd.

    dtype: of the hidden layers' products; everything else is fp32.
    """

    def __init__(self, critics: Critics, dtype: torch.dtype = torch.float32) -> None:
        self._size = critics.members
        self._network = critics.network(values)
        self._members = [self._network.member(i) for i in range(self._size)]
        self._gradients = critics.network(gradients)
        self._passage = Passage(dtype)

    def values(self, x: Tensor, members: Tensor | None = None) -> Tensor:
        """(members, n) of the inputs (n, inputs); `members`: indices of those that are asked, None for all."""
        if members is None:
            return self._passage.forward(self._network, x)[..., 0].clone()
        asked = [self._members[member] for member in members.tolist()]
        return torch.stack([self._passage.forward(network, x)[0, :, 0].clone() for network in asked])

    def regress(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Set the gradients of ``loss = sum_i mean (Q_i(x) - target)^2``; returns the loss and the values' mean."""
        said = self._passage.forward(self._network, x)
        off = said - target[:, None]
        loss, mean = torch.linalg.vecdot(off.flatten(), off.flatten()) / len(x), said.mean()
        self._passage.backward(self._network, off.mul_(2.0 / len(x)), self._gradients)
        return loss, mean

    def slope(self, x: Tensor, tail: int) -> tuple[Tensor, Tensor]:
        """Mean over the members of the values (n,), and its gradient in the last `tail` inputs (n, tail)."""
        value = self._passage.forward(self._network, x)[..., 0].mean(0)
        share = torch.full((self._size, len(x), 1), 1.0 / self._size)
        return value, self._passage.backward(self._network, share, tail=tail)
