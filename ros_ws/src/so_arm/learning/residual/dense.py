"""Small networks forward and back by hand, in memory that is taken once.

The same as automatic differentiation gives, with less around the matrix products, which for networks this small is half
of the cost: few operations take memory anew, what one layer hands to the next is still in the core's cache, gradients
are written where they belong, and only those inputs get one that somebody asks for.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_EPSILON = 1e-5  # of layer normalisation, as torch has it
_aten = torch.ops.aten


class Layer(NamedTuple):
    """Parameters of one layer, or their gradients."""

    weight: Tensor  #: (inputs, outputs)
    bias: Tensor  #: (outputs,)
    gain: Tensor | None = None  #: (outputs,) of layer normalisation, before the ReLU
    offset: Tensor | None = None  #: (outputs,)


class Network(NamedTuple):
    """Layers with ReLU, and a linear head."""

    layers: list[Layer]
    head: Layer


class _Passed(NamedTuple):
    """What the way back needs of one layer."""

    before: Tensor  # (n, inputs)
    weight: Tensor  # as it was multiplied
    summed: Tensor  # (n, outputs), ahead of the normalisation
    scales: tuple[Tensor, Tensor] | None  # mean and reciprocal deviation of `summed`
    after: Tensor  # (n, outputs)


class Passage:
    """Takes one network after the other forward and then, before the next one, back. To be used without autograd.

    What it returns is overwritten by its next call. dtype: of the hidden layers' products; everything else is fp32.
    """

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self._dtype = dtype
        self._rooms: dict[str, Tensor] = {}
        self._passed: list[_Passed] = []

    def forward(self, network: Network, x: Tensor) -> Tensor:
        """(n, outputs) for inputs (n, inputs)."""
        self._passed = []
        h = self._as("x", x, self._dtype)
        for i, layer in enumerate(network.layers):
            self._passed.append(self._forward(i, layer, h))
            h = self._passed[-1].after
        last, head = self._as("last", h, torch.float32), network.head
        return torch.addmm(head.bias, last, head.weight, out=self._room("out", (len(x), len(head.bias))))

    def backward(self, network: Network, grad: Tensor, into: Network | None = None, tail: int = 0) -> Tensor:
        """Gradient (n, tail) of the last `tail` inputs, for that of what `forward` gave for `network` (n, outputs).

        into: takes the gradients of the parameters, in place of what it held.
        """
        last = self._as("last", self._passed[-1].after, torch.float32)
        if into is not None:
            torch.mm(last.t(), grad, out=into.head.weight)
            torch.sum(grad, 0, out=into.head.bias)
        of_last = torch.mm(grad, network.head.weight.t(), out=self._room("of_last", last.shape))
        grad = self._as("of_rounded_last", of_last, self._dtype)
        for i in reversed(range(len(self._passed))):
            if i + 1 < len(self._passed):
                room = self._room(f"of_{i}", self._passed[i].after.shape, self._dtype)
                grad = torch.mm(grad, self._passed[i + 1].weight.t(), out=room)
            grad = self._backward(network.layers[i], self._passed[i], grad, into.layers[i] if into else None)
        if tail == 0:
            return grad.new_empty((len(grad), 0))
        acting = self._passed[0].weight[-tail:].t()
        return self._as("of_tail", torch.mm(grad, acting), torch.float32)

    def _forward(self, i: int, layer: Layer, x: Tensor) -> _Passed:
        weight, bias = (self._as(f"{name}_{i}", getattr(layer, name), self._dtype) for name in ("weight", "bias"))
        summed = torch.addmm(bias, x, weight, out=self._room(f"summed_{i}", (len(x), len(bias)), self._dtype))
        if layer.gain is None or layer.offset is None:
            return _Passed(x, weight, summed, None, summed.relu_())
        after, mean, scale = torch.native_layer_norm(summed, summed.shape[-1:], layer.gain, layer.offset, _EPSILON)
        return _Passed(x, weight, summed, (mean, scale), after.relu_())

    def _backward(self, layer: Layer, step: _Passed, grad: Tensor, into: Layer | None) -> Tensor:
        """Gradient of `step.summed` for that of `step.after` (n, outputs), which is overwritten."""
        grad = _aten.threshold_backward.grad_input(grad, step.after, 0, grad_input=grad)
        if step.scales is not None and layer.gain is not None and layer.offset is not None:
            wanted = [True, into is not None, into is not None]
            grad, *of_norm = _aten.native_layer_norm_backward(
                grad, step.summed, grad.shape[-1:], *step.scales, layer.gain, layer.offset, wanted
            )
            if into is not None and into.gain is not None and into.offset is not None:
                into.gain.copy_(of_norm[0])
                into.offset.copy_(of_norm[1])
        if into is not None:
            self._multiply(step.before.t(), grad, into.weight)
            torch.sum(grad, 0, dtype=torch.float32, out=into.bias)
        return grad

    def _multiply(self, a: Tensor, b: Tensor, into: Tensor) -> None:
        if a.dtype is into.dtype:
            torch.mm(a, b, out=into)
        else:
            into.copy_(torch.mm(a, b))

    def _as(self, name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        return tensor if tensor.dtype is dtype else self._room(name, tensor.shape, dtype).copy_(tensor)

    def _room(self, name: str, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
        room = self._rooms.get(name)
        if room is None or room.shape != shape:
            room = self._rooms[name] = torch.empty(shape, dtype=dtype)
        return room
