"""Episodes of a base and of a residual as they might come out of a comparison, made up and the same each time."""

from __future__ import annotations

import math

import numpy as np

from so_arm.analysis.residual_report import Pair, residual_report
from so_arm.core.episode import EpisodeResult
from so_arm.core.episode_phase import Phase
from so_arm.core.judged_episode import JudgedEpisode
from so_arm.core.object_start import ObjectStart
from so_arm.core.residual_use import ResidualUse

SEEDS = range(500, 620)
SETTINGS = {
    "policy": "models/<base>",
    "residual": "models/residual",
    "task": "pick_place",
    "seeds": [SEEDS[0], SEEDS[-1]],
    "bound": [0.1] * 6,
}
PROVENANCE = {"command": "so-arm rl-eval", "machine": {"cores": 2}}


def use(saturated: float = 0.0, rms: float = 0.4, **wrong: int) -> ResidualUse:
    """Of the shoulder alone."""
    rest = (0.0,) * 5
    offences = {"above_bound": 0, "pushed_outside": 0} | wrong
    return ResidualUse(100, (rms, *rest), (min(1.0, 2 * rms), *rest), (saturated, *rest), **offences)


def episode(
    seed: int,
    failure: str | None = None,
    phase: Phase = Phase.NEAR_TARGET,
    steps: int = 150,
    residual: ResidualUse | None = None,
    outside: int = 0,
) -> JudgedEpisode:
    steps = 400 if failure else steps
    result = EpisodeResult(seed, failure is None, 100.0 if failure is None else -40.0, steps, failure, steps / 30)
    return JudgedEpisode(result, phase, 2.0, 20.0, outside, residual, np.zeros((3, 16), np.float32))


def starts() -> dict[int, ObjectStart]:
    rng = np.random.default_rng(3)
    return {
        seed: ObjectStart(rng.uniform(0.14, 0.29), rng.uniform(-0.1, 0.1), rng.uniform(-math.pi, math.pi))
        for seed in SEEDS
    }


def base_side() -> list[JudgedEpisode]:
    """Every third one fails."""
    return [
        episode(seed, "missed_grasp", Phase.TOUCHED) if seed % 3 == 0 else episode(seed, steps=200) for seed in SEEDS
    ]


def residual_side(failing: set[int], **more) -> list[JudgedEpisode]:
    return [
        episode(seed, "missed_grasp", more.get("phase", Phase.TOUCHED), residual=more.get("bad", use()))
        if seed in failing
        else episode(seed, steps=150, residual=use())
        for seed in SEEDS
    ]


def report_of(after: list[JudgedEpisode], before: list[JudgedEpisode] | None = None, delays=(), **settings):
    """delays: more pairs than that without delay, as (ticks, pair)."""
    pairs = {0: Pair(before or base_side(), after), **dict(delays)}
    return residual_report(pairs, starts(), SETTINGS | settings, PROVENANCE)
