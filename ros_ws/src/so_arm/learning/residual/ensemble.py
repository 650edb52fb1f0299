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
        self._networks = critics.networks(values)
        self._gradients = critics.networks(gradients)
        self._passage = Passage(dtype)

    def values(self, x: Tensor, members: Tensor | None = None) -> Tensor:
        """(members, n) of the inputs (n, inputs); `members`: indices of those that are asked, None for all."""
        asked = range(len(self._networks)) if members is None else members.tolist()
        return torch.stack([self._passage.forward(self._networks[member], x)[:, 0].clone() for member in asked])

    def regress(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Set the gradients of ``loss = sum_i mean (Q_i(x) - target)^2``; returns the loss and the values' mean."""
        loss, mean = torch.zeros(()), torch.zeros(())
        for network, gradient in zip(self._networks, self._gradients, strict=True):
            said = self._passage.forward(network, x)
            off = said - target[:, None]
            loss += (off**2).mean()
            mean += said.mean() / len(self._networks)
            self._passage.backward(network, off * (2.0 / len(off)), gradient)
        return loss, mean

    def slope(self, x: Tensor, tail: int) -> tuple[Tensor, Tensor]:
        """Mean over the members of the values (n,), and its gradient in the last `tail` inputs (n, tail)."""
        share = torch.full((len(x), 1), 1.0 / len(self._networks))
        value, slope = torch.zeros(len(x)), torch.zeros(len(x), tail)
        for network in self._networks:
            value += self._passage.forward(network, x)[:, 0] / len(self._networks)
            slope += self._passage.backward(network, share, tail=tail)
        return value, slope
