"""TD3+BC against figures by hand, and what the critics see."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fake_experience import make_batch, make_seen  # noqa: E402

from so_arm.core.joints import LOWER_RAD, UPPER_RAD  # noqa: E402
from so_arm.core.residual import apply_correction, to_unit  # noqa: E402
from so_arm.learning.residual.networks import Actor, Critics  # noqa: E402
from so_arm.learning.residual.settings import ResidualSettings  # noqa: E402
from so_arm.learning.residual.td3_bc import Td3Bc  # noqa: E402

pytestmark = pytest.mark.torch
BOUND = (0.1, 0.1, 0.2, 0.1, 0.1, 0.3)


def _networks(**changes: object) -> Td3Bc:
    values = {"hidden": 16, "ensemble": 4, "bound": BOUND, "smoothing_noise": 0.0, "precision": "fp32"}
    return Td3Bc(ResidualSettings(**(values | changes)))  # type: ignore[arg-type]


def _always(*values: list[float]):
    """Critics that say the same whatever they are shown, and keep what that was."""
    shown = []

    def critics(x, members=None, dtype=None):
        shown.append(x)
        said = torch.tensor(values)
        return said if members is None else said[members]

    return critics, shown


def test_an_untrained_actor_says_zero_and_learns_from_there() -> None:
    actor, seen = Actor(16), make_seen(0, 5)
    assert not actor(seen.body, seen.places).any()
    actor(seen.body, seen.places).sum().backward()
    assert actor.head.weight.grad.abs().max() > 0


@pytest.mark.parametrize("layer_norm", [True, False])
def test_a_member_of_the_ensemble_says_the_same_alone(layer_norm: bool) -> None:
    critics, x = Critics(3, 7, 16, layer_norm), torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    every = critics(x)
    assert every.shape == (3, 5)
    torch.testing.assert_close(critics(x, torch.tensor([2, 0])), every[[2, 0]])
    assert (every[0] - every[1]).abs().max() > 1e-3


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
    x = networks.critic_input(seen, action)
    torch.testing.assert_close(x[:, -12:-6], action)
    torch.testing.assert_close(x[:, -6:], torch.tensor(0.05) / torch.tensor(BOUND).expand(3, 6), atol=1e-5, rtol=0)
    torch.testing.assert_close(x[:, :52], seen.body)
    torch.testing.assert_close(x[:, 64:78], (seen.privileged - 4.0) / 1.01)


def test_the_actor_is_judged_by_the_executed_action() -> None:
    networks, batch = _networks(), make_batch(2, base=np.full((2, 6), 0.95))
    torch.nn.init.constant_(networks.actor.head.bias, 20.0)
    networks.critics, shown = _always([1.0, 1.0])
    networks.actor_loss(batch, 1.0)
    assert torch.equal(shown[0][:, -12:-6], torch.ones(2, 6))


def test_targets_by_hand() -> None:
    """The smaller of two: 1 + 0.9 * 2, 2 + 0.5 * -1, and 3 at an end."""
    networks = _networks(ensemble=2)
    networks.slow_critics, shown = _always([2.0, 7.0, 9.0], [5.0, -1.0, 9.0])
    batch = make_batch(3)._replace(returns=torch.tensor([1.0, 2.0, 3.0]), discount=torch.tensor([0.9, 0.5, 0.0]))
    torch.testing.assert_close(networks.targets(batch, 1.0), torch.tensor([2.8, 1.5, 3.0]))
    # The action that follows is the slow actor's, which still is the base's.
    torch.testing.assert_close(shown[0][:, -12:-6], batch.later.body[:, 12:18])


def test_a_random_pair_of_the_ensemble_or_all_of_it() -> None:
    batch = make_batch(1)._replace(returns=torch.zeros(1), discount=torch.ones(1))
    said = {}
    for pair in (True, False):
        networks = _networks(pair=pair)
        networks.slow_critics, _ = _always([1.0], [2.0], [3.0], [4.0])
        said[pair] = {networks.targets(batch, 1.0).item() for _ in range(60)}
    assert said == {True: {1.0, 2.0, 3.0}, False: {1.0}}


def test_smoothing_noise_is_clipped() -> None:
    networks = _networks(smoothing_noise=0.1, pair=False)
    networks.slow_critics, shown = _always([0.0] * 4000)
    batch = make_batch(4000, base=np.zeros((4000, 6)))
    networks.targets(batch, 1.0)
    share = shown[0][:, -6:]
    assert share.abs().max() == pytest.approx(0.2, abs=1e-6)
    assert share.std() == pytest.approx(0.1 * 0.88, rel=0.1)


def test_the_loss_of_the_actor_by_hand() -> None:
    """-2.5 / 4.5 * 4.5 + 1.0 * (0.5 - 1)^2 + 0.2 * 0.5^2: lambda weighs the value, the mean of the ensemble."""
    networks = _networks(bc_alpha=2.5, bc_demo=1.0, bc_zero=0.2)
    torch.nn.init.constant_(networks.actor.head.bias, math.atanh(0.5))
    networks.critics, _ = _always([2.0, 4.0], [4.0, 8.0])
    batch = make_batch(2, demos=1, base=np.zeros((2, 6)))
    batch.action[0] = torch.tensor(BOUND) * 3.0  # demonstrated further out than the bound allows: 1 is wanted
    assert networks.actor_loss(batch, 1.0).item() == pytest.approx(-2.5 + 0.25 + 0.2 * 0.25, abs=1e-6)
    networks.critics, _ = _always([-2.0, 1.0], [-2.0, 1.0])
    value = -2.5 / 1.5 * -0.5
    assert networks.actor_loss(batch, 1.0).item() == pytest.approx(value + 0.25 + 0.2 * 0.25, abs=1e-6)


def test_lambda_is_no_way_for_gradients() -> None:
    """A value that grows with the action pulls the actor with alpha / mean|Q|, not with what |Q| would do to it."""
    networks = _networks(bc_zero=0.0)
    networks.critics = lambda x, members, dtype: (10.0 + x[:, -6:].sum(dim=1)).expand(4, -1)
    networks.actor_loss(make_batch(8, base=np.zeros((8, 6))), 1.0).backward()
    torch.testing.assert_close(networks.actor.head.bias.grad, torch.full((6,), -2.5 / 10.0))


def test_distance_to_a_demonstration_by_hand() -> None:
    networks, batch = _networks(), make_batch(2, demos=2, base=np.zeros((2, 6)))
    batch.action[:] = torch.tensor(BOUND) * torch.tensor([[0.5], [-4.0]])
    assert networks.distance_to_demonstration(batch, torch.zeros(2, 6)).item() == pytest.approx((0.25 + 1.0) / 2)


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
