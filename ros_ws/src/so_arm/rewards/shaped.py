"""The built-in rewards: weighted sums of the same terms, generation by generation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from so_arm.rewards import terms
from so_arm.rewards.state import RewardState

Term = Callable[[RewardState], float]

_TERMS: Mapping[str, Term] = MappingProxyType(
    {
        "time": terms.step,
        "contact": terms.contact,
        "lift": terms.lifted,
        "transport": terms.transport,
        "near": terms.near,
        "success": terms.success,
        "drop": terms.dropped,
    }
)

# 0.1 per touching finger side; "near" is 50 per metre over OVERFIT's 20 cm, i.e. 10 at the target.
WEIGHTS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "v1": {"time": -0.1, "contact": 0.2, "lift": 2.0, "transport": 5.0, "success": 50.0},
        "v2": {"time": -0.1, "contact": 0.2, "lift": 5.0, "transport": 10.0, "success": 500.0, "drop": -20.0},
        "v3": {
            "time": -0.1,
            "contact": 0.2,
            "lift": 5.0,
            "transport": 10.0,
            "near": 10.0,
            "success": 500.0,
            "drop": -20.0,
        },
    }
)


class ShapedReward:
    """Weighted sum of terms; `weights` maps names of known terms to their weight."""

    def __init__(self, name: str, weights: Mapping[str, float]) -> None:
        self.name = name
        self.weights = MappingProxyType(dict(weights))
        self._parts = tuple((weight, _TERMS[term]) for term, weight in weights.items())

    def __call__(self, state: RewardState) -> float:
        total = 0.0
        for weight, term in self._parts:
            total += weight * term(state)
        return total

    def terms(self, state: RewardState) -> dict[str, float]:
        """Each term before its weight, in [0, 1]."""
        return {term: _TERMS[term](state) for term in self.weights}
