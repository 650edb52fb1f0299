"""What the environment costs beyond its physics: control steps per second against raw `mj_step`.

Both sides take the same controls from the same states, in turn (A, B, A, B, ...), so that contacts, and with
them the cost of a physics step, are the same. See docs/benchmarks.md for the protocol.
"""

from __future__ import annotations

import os
import time
from statistics import median
from typing import Any

import mujoco
import numpy as np

from so_arm.sim.batch_env import BatchEnv
from so_arm.sim.clock import substeps
from so_arm.sim.env import SoArmEnv
from so_arm.sim.expert import make_expert

GYM_TARGET = 0.90
BATCH_TARGET = 0.80
N_ENVS = 8
SEED = 0


def run(quick: bool) -> dict[str, Any]:
    """Ratios of this run; `ratio` is the environment's, `batch_ratio` that of the batch on every core."""
    rounds = 5 if quick else 21
    actions = _expert_actions()
    env, cores = SoArmEnv(), len(os.sched_getaffinity(0))
    batch = BatchEnv(SoArmEnv, N_ENVS)
    ratios, batch_ratios, same, raw_us, env_us = [], [], [], [], []
    for _ in range(rounds):
        raw_a = _raw_seconds(env, actions)
        ours = _env_seconds(env, actions)
        raw_b = _raw_seconds(env, actions)
        raw = (raw_a + raw_b) / 2
        same.append(raw_a / raw_b)
        ratios.append(raw / ours)
        raw_us.append(1e6 * raw / len(actions))
        env_us.append(1e6 * ours / len(actions))
        batched = _batch_seconds(batch, actions)
        # `cores` x the raw rate is the ceiling: N steps per action against 1.
        batch_ratios.append((N_ENVS / batched) / (cores / raw))
    batch.close()
    ratio, batch_ratio = median(ratios), median(batch_ratios)
    return {
        "name": "physics",
        "ratio": ratio,
        "target": GYM_TARGET,
        "passed": ratio >= GYM_TARGET and batch_ratio >= BATCH_TARGET,
        "batch_ratio": batch_ratio,
        "batch_target": BATCH_TARGET,
        "raw_us_per_control_step": median(raw_us),
        "env_us_per_control_step": median(env_us),
        "physics_steps_per_second_raw": 1e6 / median(raw_us) * 50 / 3,
        "raw_to_raw_ratio": median(same),
        "ratios": ratios,
        "batch_ratios": batch_ratios,
        "cores": cores,
        "n_envs": N_ENVS,
        "control_steps_per_round": len(actions),
    }


def _expert_actions() -> np.ndarray:
    """The commands of one successful expert episode, (T, 6) [rad]."""
    env = SoArmEnv()
    env.reset(seed=SEED)
    expert = make_expert(env)
    commands, done = [], False
    while not done:
        _, _, terminated, truncated, _ = env.step(expert.act())
        commands.append(env.command)
        done = terminated or truncated
    return np.array(commands[:-1])


def _raw_seconds(env: SoArmEnv, actions: np.ndarray) -> float:
    env.reset(seed=SEED)
    model, data = env.arm.model, env.arm.data
    control, step = data.ctrl, mujoco.mj_step
    start = time.perf_counter()
    for tick, action in enumerate(actions):
        control[:] = action
        step(model, data, substeps(tick))
    return time.perf_counter() - start


def _env_seconds(env: SoArmEnv, actions: np.ndarray) -> float:
    env.reset(seed=SEED)
    start = time.perf_counter()
    for action in actions:
        env.step(action)
    return time.perf_counter() - start


def _batch_seconds(batch: BatchEnv, actions: np.ndarray) -> float:
    batch.reset([SEED] * batch.n)
    repeated = np.repeat(actions[:, None], batch.n, axis=1)
    start = time.perf_counter()
    for action in repeated:
        batch.step(action)
    return time.perf_counter() - start
