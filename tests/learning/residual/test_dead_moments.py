"""A unit that gets no gradient any more costs no time, and nothing of what Adam does changes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from so_arm.learning.residual.dead_moments import drop_dead_moments  # noqa: E402

pytestmark = pytest.mark.torch

_LEAST_NORMAL = torch.finfo(torch.float32).tiny


def _trained(drop: bool) -> tuple[torch.Tensor, torch.optim.Adam]:
    """2000 steps: half of the weights get a gradient at the first one only."""
    weights = torch.nn.Parameter(torch.linspace(0.1, 1.0, 64))
    optimiser = torch.optim.Adam([weights], 1e-3, fused=True)
    noise = torch.Generator().manual_seed(1)
    for step in range(2000):
        weights.grad = torch.randn(64, generator=noise)
        if step:
            weights.grad[32:] = 0.0
        optimiser.step()
        if drop:
            drop_dead_moments(optimiser)
    return weights.detach(), optimiser


def _denormal(optimiser: torch.optim.Adam) -> int:
    (state,) = optimiser.state.values()
    both = torch.cat((state["exp_avg"], state["exp_avg_sq"]))
    return int(((both != 0.0) & (both.abs() < _LEAST_NORMAL)).sum())


def test_moments_of_dead_weights_become_nought_and_weights_stay_the_same() -> None:
    kept, with_denormals = _trained(drop=False)
    dropped, without = _trained(drop=True)
    assert _denormal(with_denormals) == 32
    assert _denormal(without) == 0
    assert torch.equal(kept, dropped)
