"""The values of an ensemble of networks with two hidden layers, and their gradients, without an operation too many.

The same as automatic differentiation gives, at about half of its cost for networks this small: each member's layers
are computed one after the other, as what they hand on fits into a core's cache, and the gradients of all members are
written where they belong.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

_EPSILON = 1e-5
_aten = torch.ops.aten


class Layer(NamedTuple):
    """Parameters of one layer of all members: weight (members, inputs, outputs), the others (members, 1, outputs)."""

    weight: Tensor
    bias: Tensor
    gain: Tensor | None = None  # of layer normalisation, before the ReLU
    offset: Tensor | None = None


def ensemble_values(x: Tensor, layers: list[Layer], head: Layer, members: list[int], dtype: torch.dtype) -> Tensor:
    """Values (members, n) of the inputs (n, inputs). dtype: of the hidden layers' products; the head is fp32 always."""
    flat = [parameter for layer in (*layers, head) for parameter in layer if parameter is not None]
    values: Tensor = _EnsembleValues.apply(x, members, dtype, layers[0].gain is not None, *flat)
    return values


class _Passed(NamedTuple):
    """What the way back needs of one layer of one member."""

    before: Tensor  # (n, inputs)
    summed: Tensor  # (n, outputs), ahead of the normalisation
    scales: tuple[Tensor, Tensor] | None  # mean and reciprocal deviation of `summed`
    after: Tensor  # (n, outputs)


class _EnsembleValues(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, members: list[int], dtype: torch.dtype, layer_norm: bool, *parameters: Tensor
    ) -> Tensor:
        layers, head = _layers(parameters, layer_norm)
        rounded = [(layer.weight.to(dtype), layer.bias.to(dtype)) for layer in layers]
        first = x.to(dtype)
        values, passed = x.new_empty((len(members), len(x))), []
        for row, member in enumerate(members):
            h = first
            for layer, (weight, bias) in zip(layers, rounded, strict=True):
                passed.append(_forward(layer, member, h, weight[member], bias[member, 0]))
                h = passed[-1].after
            torch.addmv(head.bias[member, 0], h.float(), head.weight[member, :, 0], out=values[row])
        ctx.members, ctx.passed, ctx.parameters, ctx.layer_norm = members, passed, parameters, layer_norm
        ctx.weights = [weight for weight, _ in rounded]
        return values

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (of_values,) = grads
        layers, head = _layers(ctx.parameters, ctx.layer_norm)
        learns, x_learns = ctx.needs_input_grad[4], ctx.needs_input_grad[0]
        wanted = [torch.empty_like(parameter) for parameter in ctx.parameters] if learns else []
        out_layers, out_head = _layers(wanted, ctx.layer_norm) if learns else (layers, head)
        passed, of_x = iter(ctx.passed), None
        for row, member in enumerate(ctx.members):
            trail = [next(passed) for _ in layers]
            of_value = of_values[row]
            if learns:
                torch.mv(trail[-1].after.float().t(), of_value, out=out_head.weight[member, :, 0])
                torch.sum(of_value, 0, keepdim=True, out=out_head.bias[member, 0])
            of_h = torch.outer(of_value, head.weight[member, :, 0]).to(trail[-1].after.dtype)
            for i in reversed(range(len(layers))):
                of_h = _backward(layers[i], member, trail[i], of_h, out_layers[i] if learns else None)
                if i > 0 or x_learns:
                    of_h = of_h @ ctx.weights[i][member].t()
            if x_learns:
                of_x = of_h.float() if of_x is None else of_x + of_h
        return of_x, None, None, None, *(wanted if learns else [None] * len(ctx.parameters))


def _forward(layer: Layer, member: int, x: Tensor, weight: Tensor, bias: Tensor) -> _Passed:
    """One layer of one member. weight, bias: its own, rounded as x (n, inputs) is."""
    summed = torch.addmm(bias, x, weight)
    if layer.gain is None or layer.offset is None:
        return _Passed(x, summed, None, summed.relu_())
    after, mean, scale = torch.native_layer_norm(
        summed, summed.shape[-1:], layer.gain[member, 0], layer.offset[member, 0], _EPSILON
    )
    return _Passed(x, summed, (mean, scale), after.relu_())


def _backward(layer: Layer, member: int, step: _Passed, grad: Tensor, out: Layer | None) -> Tensor:
    """Gradient of `step.summed` for that of `step.after` (n, outputs); those of the parameters go into `out`."""
    learns = out is not None
    grad = _aten.threshold_backward(grad, step.after, 0)
    if step.scales is not None and layer.gain is not None and layer.offset is not None:
        grad, of_gain, of_offset = _aten.native_layer_norm_backward(
            grad,
            step.summed,
            grad.shape[-1:],
            *step.scales,
            layer.gain[member, 0],
            layer.offset[member, 0],
            [True, learns, learns],
        )
    if out is not None:
        out.weight[member] = step.before.t() @ grad
        torch.sum(grad, 0, dtype=torch.float32, out=out.bias[member, 0])
        if out.gain is not None and out.offset is not None:
            out.gain[member, 0], out.offset[member, 0] = of_gain, of_offset
    return grad


def _layers(parameters: Any, layer_norm: bool) -> tuple[list[Layer], Layer]:
    """Inverse of the flat list; the head is the last one."""
    *hidden, weight, bias = parameters
    size = 4 if layer_norm else 2
    return [Layer(*hidden[i : i + size]) for i in range(0, len(hidden), size)], Layer(weight, bias)
