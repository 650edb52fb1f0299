"""TD3+BC against figures by hand, and what the critics see."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fake_experience import make_batch, make_seen  # noqa: E402
from test_dense import plainly  # noqa: E402

from so_arm.core.joints import LOWER_RAD, UPPER_RAD  # noqa: E402
from so_arm.core.residual import apply_correction, to_unit  # noqa: E402
from so_arm.learning.residual.networks import Actor  # noqa: E402
from so_arm.learning.residual.settings import ResidualSettings  # noqa: E402
from so_arm.learning.residual.td3_bc import Td3Bc, critic_input, mean_square  # noqa: E402

pytestmark = pytest.mark.torch
BOUND = (0.1, 0.1, 0.2, 0.1, 0.1, 0.3)


def _networks(**changes: object) -> Td3Bc:
    values = {"hidden": 16, "ensemble": 4, "bound": BOUND, "smoothing_noise": 0.0, "precision": "fp32"}
    return Td3Bc(ResidualSettings(**(values | changes)))  # type: ignore[arg-type]


class _Always:
    """Critics that say the same whatever they are shown, and keep what that was. values: one list per member."""

    def __init__(self, *values: list[float]) -> None:
        self.said, self.shown = torch.tensor(values), []

    def values(self, x, members=None):
        self.shown.append(x)
        return self.said if members is None else self.said[members]

    def slope(self, x, tail):
        self.shown.append(x)
        return self.said.mean(dim=0), torch.zeros(len(x), tail)


def _loss(networks: Td3Bc, batch):
    """Of the actor as it is, and its gradient in the corrections."""
    correction = torch.tanh(networks.actor(batch.seen.body, batch.seen.places)).detach()
    return networks.actor_loss(batch, networks.state(batch.seen), correction, 1.0)


def test_an_untrained_actor_says_zero_and_learns_from_there() -> None:
    actor, seen = Actor(16), make_seen(0, 5)
    assert not actor(seen.body, seen.places).any()
    actor(seen.body, seen.places).sum().backward()
    assert actor.head.weight.grad.abs().max() > 0


@pytest.mark.parametrize("scale", [1.0, 0.4])
def test_the_executed_action_is_that_of_the_residual(scale: float) -> None:
    """Also where the base is at or beyond a joint limit."""
    networks, rng = _networks(), np.random.default_rng(0)
    base = rng.uniform(LOWER_RAD - 0.1, UPPER_RAD + 0.1, (500, 6))
    correction = rng.uniform(-1, 1, (500, 6))
    executed = networks.executed(make_seen(0, 500, to_unit(base)), torch.from_numpy(correction).float(), scale)
    wanted = apply_correction(base, correction, np.array(BOUND) * scale).action
    np.testing.assert_allclose(executed.numpy(), to_unit(wanted), atol=1e-5)


def test_the_critics_see_the_executed_action_the_privileged_state_and_the_base() -> None:
    networks, seen = _networks(), make_seen(0, 3, np.full((3, 6), 0.95))
    networks.set_scales(np.stack([np.full(14, 3.0), np.full(14, 5.0)]).astype(np.float32))
    action = networks.executed(seen, torch.ones(3, 6), 1.0)
    assert torch.equal(action, torch.ones(3, 6))  # 0.95 + bound is beyond the limit
    x = critic_input(networks.state(seen), networks.acted(seen, action))
    torch.testing.assert_close(x[:, -12:-6], action)
    torch.testing.assert_close(x[:, -6:], torch.tensor(0.05) / torch.tensor(BOUND).expand(3, 6), atol=1e-5, rtol=0)
    torch.testing.assert_close(x[:, :52], seen.body)
    torch.testing.assert_close(x[:, 64:78], (seen.privileged - 4.0) / 1.01)


def test_the_actor_is_judged_by_the_executed_action() -> None:
    networks, batch = _networks(), make_batch(2, base=np.full((2, 6), 0.95))
    torch.nn.init.constant_(networks.actor.head.bias, 20.0)
    networks._ensemble = critics = _Always([1.0, 1.0])
    _loss(networks, batch)
    assert torch.equal(critics.shown[0][:, -12:-6], torch.ones(2, 6))


def test_targets_by_hand() -> None:
    """The smaller of two: 1 + 0.9 * 2, 2 + 0.5 * -1, and 3 at an end."""
    networks = _networks(ensemble=2)
    networks._slow_ensemble = critics = _Always([2.0, 7.0, 9.0], [5.0, -1.0, 9.0])
    batch = make_batch(3)._replace(returns=torch.tensor([1.0, 2.0, 3.0]), discount=torch.tensor([0.9, 0.5, 0.0]))
    torch.testing.assert_close(networks.targets(batch, 1.0), torch.tensor([2.8, 1.5, 3.0]))
    # The action that follows is the slow actor's, which still is the base's.
    torch.testing.assert_close(critics.shown[0][:, -12:-6], batch.later.body[:, 12:18])


def test_a_random_pair_of_the_ensemble_or_all_of_it() -> None:
    batch = make_batch(1)._replace(returns=torch.zeros(1), discount=torch.ones(1))
    said = {}
    for pair in (True, False):
        networks = _networks(pair=pair)
        networks._slow_ensemble = _Always([1.0], [2.0], [3.0], [4.0])
        said[pair] = {networks.targets(batch, 1.0).item() for _ in range(60)}
    assert said == {True: {1.0, 2.0, 3.0}, False: {1.0}}


def test_smoothing_noise_is_clipped() -> None:
    networks = _networks(smoothing_noise=0.1, pair=False)
    networks._slow_ensemble = critics = _Always([0.0] * 4000)
    batch = make_batch(4000, base=np.zeros((4000, 6)))
    networks.targets(batch, 1.0)
    share = critics.shown[0][:, -6:]
    assert share.abs().max() == pytest.approx(0.2, abs=1e-6)
    assert share.std() == pytest.approx(0.1 * 0.88, rel=0.1)


def test_the_loss_of_the_actor_by_hand() -> None:
    """-2.5 / 4.5 * 4.5 + 1.0 * (0.5 - 1)^2 + 0.2 * 0.5^2: lambda weighs the value, the mean of the ensemble."""
    networks = _networks(bc_alpha=2.5, bc_demo=1.0, bc_zero=0.2)
    torch.nn.init.constant_(networks.actor.head.bias, math.atanh(0.5))
    networks._ensemble = _Always([2.0, 4.0], [4.0, 8.0])
    batch = make_batch(2, demos=1, base=np.zeros((2, 6)))
    batch.action[0] = torch.tensor(BOUND) * 3.0  # demonstrated further out than the bound allows: 1 is wanted
    assert _loss(networks, batch)[0].item() == pytest.approx(-2.5 + 0.25 + 0.2 * 0.25, abs=1e-6)
    networks._ensemble = _Always([-2.0, 1.0], [-2.0, 1.0])
    value = -2.5 / 1.5 * -0.5
    assert _loss(networks, batch)[0].item() == pytest.approx(value + 0.25 + 0.2 * 0.25, abs=1e-6)


def test_lambda_is_no_way_for_gradients() -> None:
    """A value that grows with the action pulls the actor with alpha / mean|Q|, not with what |Q| would do to it."""
    networks = _networks(bc_zero=0.0)
    slope = torch.cat((torch.zeros(8, 6), torch.ones(8, 6)), dim=1)
    networks._ensemble = SimpleNamespace(slope=lambda x, tail: (10.0 + x[:, -6:].sum(dim=1), slope))
    _, gradient = _loss(networks, make_batch(8, base=np.zeros((8, 6))))
    torch.testing.assert_close(gradient, torch.full((8, 6), -2.5 / 10.0 / 8))


def _plainly(networks: Td3Bc, batch, scale: float):
    """The loss of the actor, with all of it left to autograd."""
    seen, s = batch.seen, networks._settings
    correction = torch.tanh(networks.actor(seen.body, seen.places))
    x = critic_input(networks.state(seen), networks.acted(seen, networks.executed(seen, correction, scale)))
    value = plainly(networks.critics, x, range(s.ensemble)).mean(dim=0)
    loss = -s.bc_alpha / value.detach().abs().mean() * value.mean()
    loss = loss + s.bc_demo * (networks.off_demonstration(batch, correction) ** 2).mean()
    return loss + s.bc_zero * (correction[batch.demos :] ** 2).mean()


@pytest.mark.parametrize("layer_norm", [True, False])
def test_a_step_of_the_actor_goes_down_the_gradient_that_autograd_finds(layer_norm: bool) -> None:
    """Near a joint limit, and with demonstrations outside of the bound."""
    networks = _networks(policy_delay=1, layer_norm=layer_norm, actor_layer_norm=layer_norm, critic_learning_rate=0.0)
    torch.nn.init.normal_(networks.actor.head.weight, std=0.3, generator=torch.Generator().manual_seed(0))
    batch = make_batch(40, demos=10, base=np.random.default_rng(0).uniform(-1.05, 1.05, (40, 6)))
    wanted_loss = _plainly(networks, batch, 0.7)
    wanted = torch.autograd.grad(wanted_loss, list(networks.actor.parameters()))
    networks.update(batch, 0.7)
    assert networks.losses["actor"] == pytest.approx(wanted_loss.item(), rel=1e-4)
    for parameter, gradient in zip(networks.actor.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)


def test_distance_to_a_demonstration_by_hand() -> None:
    networks, batch = _networks(), make_batch(2, demos=2, base=np.zeros((2, 6)))
    batch.action[:] = torch.tensor(BOUND) * torch.tensor([[0.5], [-4.0]])
    distance, slope = mean_square(networks.off_demonstration(batch, torch.zeros(2, 6)))
    assert distance.item() == pytest.approx((0.25 + 1.0) / 2)
    torch.testing.assert_close(slope, torch.tensor([[-0.5], [1.0]]).expand(2, 6) / 6)


def test_the_actor_moves_every_second_update_and_the_slow_ones_follow() -> None:
    networks, batch = _networks(policy_delay=2, target_rate=0.25, smoothing_noise=0.1), make_batch(8, demos=2)
    head = networks.critics.head.weight.detach().clone()
    networks.update(batch)
    moved = networks.critics.head.weight.detach()
    torch.testing.assert_close(networks.slow_critics.head.weight, head + 0.25 * (moved - head))
    assert not networks.actor.head.bias.any() and "actor" not in networks.losses
    networks.update(batch)
    torch.testing.assert_close(networks.slow_actor.head.bias, 0.25 * networks.actor.head.bias)
    assert networks.actor.head.bias.abs().max() > 0 and networks.updates == 2


def test_cloning_brings_the_actor_to_the_demonstrations() -> None:
    networks, batch = _networks(actor_learning_rate=1e-2), make_batch(16, demos=16, base=np.zeros((16, 6)))
    batch.action[:] = torch.tensor(BOUND) * 0.5
    first = networks.clone(batch)
    for _ in range(100):
        last = networks.clone(batch)
    assert first == pytest.approx(0.25) and last < 0.01
