"""The ensemble's own way back against automatic differentiation of the same networks written plainly."""

import pytest

pytestmark = pytest.mark.torch

MEMBERS, INPUTS, HIDDEN, ROWS = 3, 11, 16, 20


def make_critics(layer_norm):
    import torch

    from so_arm.learning.residual.networks import Critics

    torch.manual_seed(0)
    critics = Critics(MEMBERS, INPUTS, HIDDEN, layer_norm)
    with torch.no_grad():
        for parameter in critics.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))  # gains and offsets differ from 1 and 0
    return critics, torch.randn(ROWS, INPUTS)


def plainly(critics, x, members):
    import torch
    import torch.nn.functional as F

    values = []
    for member in members:
        h = x
        for i, layer in enumerate(critics.layers):
            h = h @ layer.weight[member] + layer.bias[member]
            if critics.norms is not None:
                norm = critics.norms[i]
                h = F.layer_norm(h, (HIDDEN,)) * norm.gain[member] + norm.offset[member]
            h = F.relu(h)
        values.append((h @ critics.head.weight[member] + critics.head.bias[member])[:, 0])
    return torch.stack(values)


@pytest.mark.parametrize("layer_norm", [True, False])
def test_values_and_gradients(layer_norm):
    import torch

    critics, x = make_critics(layer_norm)
    x.requires_grad_()
    wanted = [x, *critics.parameters()]
    own, plain = critics(x), plainly(critics, x, range(MEMBERS))
    torch.testing.assert_close(own, plain)
    weight = torch.randn(MEMBERS, ROWS)
    for a, b in zip(
        torch.autograd.grad((own * weight).sum(), wanted),
        torch.autograd.grad((plain * weight).sum(), wanted),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_some_members_only():
    import torch

    critics, x = make_critics(True)
    torch.testing.assert_close(critics(x, torch.tensor([2, 0])), plainly(critics, x, [2, 0]))


def test_input_alone_has_a_gradient_when_the_critics_are_still():
    import torch

    critics, x = make_critics(True)
    critics.requires_grad_(False)
    x.requires_grad_()
    (own,) = torch.autograd.grad(critics(x).sum(), [x])
    (plain,) = torch.autograd.grad(plainly(critics, x, range(MEMBERS)).sum(), [x])
    torch.testing.assert_close(own, plain)


@pytest.mark.parametrize("layer_norm", [True, False])
def test_bf16_is_near_and_always_the_same(layer_norm):
    import torch

    critics, x = make_critics(layer_norm)
    exact = critics(x)
    rounded = critics(x, dtype=torch.bfloat16)
    assert rounded.dtype is torch.float32
    assert 0.0 < (rounded - exact).abs().max() < 0.05
    assert torch.equal(rounded, critics(x, dtype=torch.bfloat16))
    grads = torch.autograd.grad(rounded.sum(), list(critics.parameters()))
    for a, b in zip(grads, torch.autograd.grad(exact.sum(), list(critics.parameters())), strict=True):
        assert a.dtype is torch.float32
        assert (a - b).norm() < 0.1 * b.norm() + 1e-3
