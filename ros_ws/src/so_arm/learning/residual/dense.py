"""Small networks forward and back by hand, the members of an ensemble at once, in memory that is taken once.

The same as automatic differentiation gives, with less around the matrix products, which for networks this small is
most of the cost: as few operations as there can be, few that take memory anew, gradients written where they belong,
and only for those inputs that somebody asks for.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_EPSILON = 1e-5  # of layer normalisation, as torch has it
_aten = torch.ops.aten


class Layer(NamedTuple):
    """Parameters of one layer of every member, or their gradients."""

    weight: Tensor  #: (members, inputs, outputs)
    bias: Tensor  #: (members, 1, outputs)
    gain: Tensor | None = None  #: (members, 1, outputs) of layer normalisation, before the ReLU
    offset: Tensor | None = None  #: (members, 1, outputs)


class Network(NamedTuple):
    """Layers with ReLU, and a linear head."""

    layers: list[Layer]
    head: Layer

    def member(self, i: int) -> Network:
        """One member alone; a view."""

        def alone(layer: Layer) -> Layer:
            return Layer(*(None if part is None else part[i : i + 1] for part in layer))  # type: ignore[arg-type]

        return Network([alone(layer) for layer in self.layers], alone(self.head))


class _Passed(NamedTuple):
    """What the way back needs of one layer."""

    before: Tensor  # (members, n, inputs)
    weight: Tensor  # as it was multiplied
    summed: Tensor  # (members, n, outputs), ahead of the normalisation
    scales: list[tuple[Tensor, Tensor]]  # per member mean and reciprocal deviation of `summed`, (n, 1) each; or empty
    after: Tensor  # (members, n, outputs)


class Passage:
    """Takes one network after the other forward and then, before the next one, back. To be used without autograd.

    What it returns is overwritten by its next call. dtype: of the hidden layers' products; everything else is fp32.
    """

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self._dtype = dtype
        self._rooms: dict[tuple[str, tuple[int, ...]], Tensor] = {}
        self._passed: list[_Passed] = []
        self._last = torch.empty(0)

    def forward(self, network: Network, x: Tensor) -> Tensor:
        """(members, n, outputs) for inputs (n, inputs), the same for every member."""
        h = self._as("x", x, self._dtype).expand(len(network.head.bias), *x.shape)
        self._passed = []
        for i, layer in enumerate(network.layers):
            self._passed.append(self._forward(i, layer, h))
            h = self._passed[-1].after
        self._last, head = self._as("last", h, torch.float32), network.head
        return torch.baddbmm(head.bias, self._last, head.weight, out=self._room("out", _output_shape(h, head)))

    def backward(self, network: Network, grad: Tensor, into: Network | None = None, tail: int = 0) -> Tensor:
        """Gradient (n, tail) of the last `tail` inputs, over all members, for `grad` (members, n, outputs) of what
        `forward` gave for `network` last.

        into: takes the gradients of the parameters, in place of what it held.
        """
        if into is not None:
            torch.bmm(self._last.mT, grad, out=into.head.weight)
            torch.sum(grad, 1, keepdim=True, out=into.head.bias)
        of_last = torch.bmm(grad, network.head.weight.mT, out=self._room("of_last", self._last.shape))
        grad = self._as("of_rounded_last", of_last, self._dtype)
        for i in reversed(range(len(self._passed))):
            if i + 1 < len(self._passed):
                room = self._room(f"of_{i}", self._passed[i].after.shape, self._dtype)
                grad = torch.bmm(grad, self._passed[i + 1].weight.mT, out=room)
            grad = self._backward(network.layers[i], self._passed[i], grad, into.layers[i] if into else None)
        if tail == 0:
            return grad.new_empty((grad.shape[1], 0))
        return torch.bmm(grad, self._passed[0].weight[:, -tail:].mT).sum(0, dtype=torch.float32)

    def _forward(self, i: int, layer: Layer, x: Tensor) -> _Passed:
        weight, bias = (self._as(f"{name}_{i}", getattr(layer, name), self._dtype) for name in ("weight", "bias"))
        summed = torch.baddbmm(bias, x, weight, out=self._room(f"summed_{i}", _output_shape(x, layer), self._dtype))
        if layer.gain is None or layer.offset is None:
            return _Passed(x, weight, summed, [], summed.relu_())
        normalised = [
            torch.native_layer_norm(part, part.shape[-1:], gain[0], offset[0], _EPSILON)
            for part, gain, offset in zip(summed, layer.gain, layer.offset, strict=True)
        ]
        after = torch.stack(
            [part for part, _, _ in normalised], out=self._room(f"after_{i}", summed.shape, self._dtype)
        )
        return _Passed(x, weight, summed, [(mean, scale) for _, mean, scale in normalised], after.relu_())

    def _backward(self, layer: Layer, step: _Passed, grad: Tensor, into: Layer | None) -> Tensor:
        """Gradient of `step.summed` for that of `step.after` (members, n, outputs), which is overwritten."""
        grad = _aten.threshold_backward.grad_input(grad, step.after, 0, grad_input=grad)
        for member in range(len(step.scales)):
            _back_through_norm(layer, step, grad[member], into, member)
        if into is not None:
            self._multiply(step.before.mT, grad, into.weight)
            into.bias.copy_(grad.sum(1, keepdim=True))  # a sum into fp32 would copy all of it first
        return grad

    def _multiply(self, a: Tensor, b: Tensor, into: Tensor) -> None:
        if a.dtype is into.dtype:
            torch.bmm(a, b, out=into)
        else:
            into.copy_(torch.bmm(a, b))

    def _as(self, name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        return tensor if tensor.dtype is dtype else self._room(name, tensor.shape, dtype).copy_(tensor)

    def _room(self, name: str, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
        room = self._rooms.get((name, shape))
        if room is None:
            room = self._rooms[name, shape] = torch.empty(shape, dtype=dtype)
        return room


def _output_shape(x: Tensor, layer: Layer) -> tuple[int, int, int]:
    members, n, _ = x.shape
    return members, n, layer.bias.shape[-1]


def _back_through_norm(layer: Layer, step: _Passed, grad: Tensor, into: Layer | None, member: int) -> None:
    """Make of the gradient (n, outputs) of one member's normalised sums that of its sums."""
    assert layer.gain is not None and layer.offset is not None
    of_sum, of_gain, of_offset = _aten.native_layer_norm_backward(
        grad,
        step.summed[member],
        grad.shape[-1:],
        *step.scales[member],
        layer.gain[member, 0],
        layer.offset[member, 0],
        [True, into is not None, into is not None],
    )
    grad.copy_(of_sum)
    if into is not None and into.gain is not None and into.offset is not None:
        into.gain[member, 0].copy_(of_gain)
        into.offset[member, 0].copy_(of_offset)
