"""Gradients of one batch, shared between single-threaded copies of a network, one per core.

Two copies with one thread each do a fifth more than one with two OpenMP threads, and a busy neighbour slows them
in proportion; OpenMP's barriers inside every layer make it fifty times slower (measured).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn


class Replicas:
    """`count` copies of `model` that share its parameters; buffers of the original follow its own share only."""

    def __init__(self, model: nn.Module, count: int) -> None:
        self._parameters = list(model.parameters())
        self._models = [model, *(self._sharing(model) for _ in range(count - 1))]
        self._threads = ThreadPoolExecutor(count, "replica", torch.set_num_threads, (1,)) if count > 1 else None

    @property
    def count(self) -> int:
        return len(self._models)

    def gradients(self, loss_of: Callable[[nn.Module, int], Tensor]) -> float:
        """Set the parameters' gradients to the mean over all copies; returns the mean loss.

        `loss_of(model, i)` is the loss of copy `i` on its share of the batch.
        """

        def work(index: int) -> Tensor:
            model = self._models[index]
            model.zero_grad()
            loss = loss_of(model, index)
            loss.backward()
            return loss.detach()

        if self._threads is None:
            return float(work(0))
        losses = list(self._threads.map(work, range(self.count)))
        mine = _gradients(self._models[0])
        for model in self._models[1:]:
            torch._foreach_add_(mine, _gradients(model))
        torch._foreach_div_(mine, [float(self.count)] * len(mine))
        return float(torch.stack(losses).mean())

    def close(self) -> None:
        """End the threads."""
        if self._threads is not None:
            self._threads.shutdown()

    def _sharing(self, model: nn.Module) -> nn.Module:
        twin = copy.deepcopy(model)
        for theirs, parameter in zip(twin.parameters(), self._parameters, strict=True):
            theirs.data = parameter.data
        return twin


def _gradients(model: nn.Module) -> list[Tensor]:
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
