"""Networks forward and back by hand against automatic differentiation of the same networks written plainly."""

import pytest

pytestmark = pytest.mark.torch

MEMBERS, INPUTS, HIDDEN, ROWS, TAIL = 3, 11, 16, 20, 4


def make_critics(layer_norm):
    import torch

    from so_arm.learning.residual.networks import Critics

    torch.manual_seed(0)
    critics = Critics(MEMBERS, INPUTS, HIDDEN, layer_norm)
    with torch.no_grad():
        for parameter in critics.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))  # gains and offsets differ from 1 and 0
    return critics, torch.randn(ROWS, INPUTS)


def make_actor(layer_norm):
    import torch

    from so_arm.learning.residual.networks import Actor

    torch.manual_seed(0)
    actor = Actor(HIDDEN, layer_norm)
    with torch.no_grad():
        for parameter in actor.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    return actor


def plainly(critics, x, members=range(MEMBERS)):
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


def ensemble_of(critics, dtype=None):
    import torch

    from so_arm.learning.residual.ensemble import Ensemble

    return Ensemble(critics, dtype or torch.float32)


@pytest.mark.parametrize("layer_norm", [True, False])
def test_values_of_all_members_and_of_some(layer_norm):
    import torch

    critics, x = make_critics(layer_norm)
    with torch.no_grad():
        torch.testing.assert_close(ensemble_of(critics).values(x), plainly(critics, x))
        torch.testing.assert_close(ensemble_of(critics).values(x, torch.tensor([2, 0])), plainly(critics, x, [2, 0]))


@pytest.mark.parametrize("layer_norm", [True, False])
def test_loss_and_gradients_of_a_regression(layer_norm):
    import torch

    critics, x = make_critics(layer_norm)
    target = torch.randn(ROWS)
    values = plainly(critics, x)
    wanted_loss = ((values - target) ** 2).mean(dim=1).sum()
    wanted = torch.autograd.grad(wanted_loss, list(critics.parameters()))
    ensemble = ensemble_of(critics)
    with torch.no_grad():
        for _ in range(2):  # the second time in place of the first
            loss, mean = ensemble.regress(x, target)
    torch.testing.assert_close(loss, wanted_loss.detach())
    torch.testing.assert_close(mean, values.mean().detach())
    for parameter, gradient in zip(critics.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


@pytest.mark.parametrize("layer_norm", [True, False])
def test_the_slope_in_the_last_inputs_leaves_the_gradients_alone(layer_norm):
    import torch

    critics, x = make_critics(layer_norm)
    x.requires_grad_()
    values = plainly(critics, x).mean(dim=0)
    (wanted,) = torch.autograd.grad(values.sum(), [x])
    with torch.no_grad():
        value, slope = ensemble_of(critics).slope(x, TAIL)
    torch.testing.assert_close(value, values.detach())
    torch.testing.assert_close(slope, wanted[:, -TAIL:])
    assert not any(parameter.grad.any() for parameter in critics.parameters())


@pytest.mark.parametrize("precise", [True, False])
@pytest.mark.parametrize("layer_norm", [True, False])
def test_the_actor_forward_and_back(layer_norm, precise):
    import torch

    from so_arm.learning.residual.dense import Passage
    from so_arm.learning.residual.network_input import BODY_SIZE, PLACES_SIZE
    from so_arm.learning.residual.networks import actor_input, gradients, values

    actor = make_actor(layer_norm)
    body, places, grad = torch.randn(ROWS, BODY_SIZE), torch.randn(ROWS, PLACES_SIZE), torch.randn(ROWS, 6)
    out = actor(body, places)
    wanted = torch.autograd.grad((out * grad).sum(), list(actor.parameters()))
    passage, network = Passage(torch.float32 if precise else torch.bfloat16), actor.network(values)
    with torch.no_grad():
        said = passage.forward(network, actor_input(body, places))[0]
        assert_near(said, out.detach(), precise)
        assert precise or not torch.equal(said, out)
        passage.backward(network, grad[None], actor.network(gradients))
    for parameter, gradient in zip(actor.parameters(), wanted, strict=True):
        assert_near(parameter.grad, gradient, precise)


def assert_near(found, wanted, precise):
    import torch

    if precise:
        torch.testing.assert_close(found, wanted)
    else:
        assert (found - wanted).norm() < 0.1 * wanted.norm() + 1e-3


def test_batches_of_another_size_may_follow():
    import torch

    critics, x = make_critics(True)
    ensemble = ensemble_of(critics)
    with torch.no_grad():
        for rows in (ROWS, 7, ROWS):
            torch.testing.assert_close(ensemble.values(x[:rows]), plainly(critics, x[:rows]))
            ensemble.regress(x[:rows], torch.zeros(rows))


@pytest.mark.parametrize("layer_norm", [True, False])
def test_bf16_is_near_and_always_the_same(layer_norm):
    import torch

    critics, x = make_critics(layer_norm)
    exact, rounded = ensemble_of(critics), ensemble_of(critics, torch.bfloat16)
    target, found = torch.randn(ROWS), {}
    with torch.no_grad():
        near = rounded.values(x)
        assert near.dtype is torch.float32
        assert 0.0 < (near - exact.values(x)).abs().max() < 0.05
        assert torch.equal(near, rounded.values(x))
        (_, slope), (_, near_slope) = exact.slope(x, TAIL), rounded.slope(x, TAIL)
        assert (near_slope - slope).norm() < 0.1 * slope.norm()
        for name, ensemble in (("exact", exact), ("rounded", rounded)):
            ensemble.regress(x, target)
            found[name] = [parameter.grad.clone() for parameter in critics.parameters()]
    for a, b in zip(found["rounded"], found["exact"], strict=True):
        assert a.dtype is torch.float32
        assert (a - b).norm() < 0.1 * b.norm() + 1e-3
