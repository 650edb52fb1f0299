"""An action chunk through the policy node's path against bare LeRobot, and the fast option against stock fp32.

One round is: bare, node, fast, bare (A, B, C, A), one thread, one core. The node's path goes from ROS messages to
a ROS message, through the worker thread; bare is `predict_action_chunk` on tensors that lie ready.
"""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from lerobot.policies.act.modeling_act import ACTPolicy
from sensor_msgs.msg import Image, JointState

from so_arm.core.chunk import ActionChunk
from so_arm.core.errors import UserError
from so_arm.core.paths import share_dir
from so_arm.core.statistics import median_interval
from so_arm.core.units import lerobot_from_rad
from so_arm.learning.act.policy import ActPolicy
from so_arm.learning.compute import one_core
from so_arm.learning.controller import Prediction
from so_arm.learning.precision import cpu_has_bf16
from so_arm.nodes.messages import ImageWriter, JointStateReader, JointStateWriter, chunk_message, image_from_message
from so_arm.nodes.policy_worker import Job, PolicyWorker
from so_arm.sim.env import SoArmEnv
from so_arm.sim.expert import make_expert

NODE_TARGET = 1.05
SPEEDUP_TARGET = 1.6
DEVIATION_TARGET_DEG = 0.5
SAME_RANGE = (0.95, 1.05)  # A/A outside of it: the machine was too busy
PERIOD_NS = 33_333_333
Observation = tuple[np.ndarray, dict[str, np.ndarray]]


def run(quick: bool) -> dict[str, Any]:
    """`ratio` is node / bare; `speedup` is bare / fast, None on a processor without native bf16."""
    folder = share_dir() / "models" / "act_pick_place"
    observations = _observations(folder, seeds=1 if quick else 4, every=60 if quick else 20)
    rounds = 11 if quick else 201
    sides = {"bare": _bare(folder, observations[0])}
    with one_core(), _node(folder, "fp32", observations[0]) as sides["node"]:
        if cpu_has_bf16():
            with _node(folder, "bf16", observations[0]) as sides["fast"]:
                seconds = _measure(sides, rounds)
        else:
            seconds = _measure(sides, rounds)
    same = median(seconds["bare"] / seconds["bare again"])
    if not (quick or SAME_RANGE[0] <= same <= SAME_RANGE[1]):  # a quick run is for trying, and tells `same_ratio`
        raise UserError(f"the machine is too busy to measure: the same work took {same:.2f} times as long as itself")
    bare = (seconds["bare"] + seconds["bare again"]) / 2
    ratio = float(median(seconds["node"] / bare))
    result = {
        "name": "act",
        "ratio": ratio,
        "target": NODE_TARGET,
        "passed": ratio <= NODE_TARGET,
        "ratio_ci95": median_interval(seconds["node"] / bare),
        "same_ratio": float(same),
        **{f"{side.replace(' ', '_')}_ms": 1e3 * float(median(values)) for side, values in seconds.items()},
        "rounds": rounds,
        "load_average": os.getloadavg()[0],
        "speedup": None,
    }
    if "fast" in seconds:
        result |= _judge_fast(bare / seconds["fast"], _deviation_deg(folder, observations), len(observations))
        result["passed"] = result["passed"] and result["fast_passed"]
    return result


def _judge_fast(speedups: np.ndarray, deviation_deg: float, observations: int) -> dict[str, Any]:
    speedup = float(median(speedups))
    return {
        "speedup": speedup,
        "speedup_target": SPEEDUP_TARGET,
        "speedup_ci95": median_interval(speedups),
        "deviation_deg": deviation_deg,
        "deviation_target_deg": DEVIATION_TARGET_DEG,
        "deviation_observations": observations,
        "fast_passed": speedup >= SPEEDUP_TARGET and deviation_deg <= DEVIATION_TARGET_DEG,
    }


def _measure(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, np.ndarray]:
    """Seconds (rounds,) per side, and of the first side's second turn as "bare again"."""
    order = [*sides.items(), ("bare again", sides["bare"])]
    for _ in range(5):
        for side in sides.values():
            side()
    seconds: dict[str, list[float]] = {name: [] for name, _ in order}
    for _ in range(rounds):
        for name, side in order:
            start = time.perf_counter()
            side()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def _bare(folder: Path, observation: Observation) -> Callable[[], object]:
    """LeRobot alone, as it comes: its own forward pass in fp32."""
    with redirect_stdout(sys.stderr):  # LeRobot prints; standard output may be the JSON's
        policy = ACTPolicy.from_pretrained(folder)
    state, images = observation
    batch = {"observation.state": torch.from_numpy(lerobot_from_rad(state)).float().unsqueeze(0)}
    for name, image in images.items():
        batch[f"observation.images.{name}"] = torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0).float() / 255
    return lambda: policy.predict_action_chunk(batch)


@contextmanager
def _node(folder: Path, precision: str, observation: Observation) -> Iterator[Callable[[], object]]:
    """What `act_policy` does between the messages of an observation and the message of its chunk."""
    state, pixels = observation
    joints: JointState = JointStateWriter().write(1, state)
    images: dict[str, Image] = {}
    for name, image in pixels.items():
        images[name] = ImageWriter(name, *image.shape[:2]).write(1, image)
    reader = JointStateReader("joint state")
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()

    def on_plan(job: Job, prediction: Prediction) -> Callable[[], None]:
        message = chunk_message(ActionChunk(job.stamp_ns, PERIOD_NS, *prediction))
        return lambda: answers.put(message)

    policy = ActPolicy.load(folder, precision=precision)
    with closing(PolicyWorker(policy, on_plan, answers.put)) as worker:

        def chunk() -> object:
            arrays = {name: image_from_message(message) for name, message in images.items()}
            worker.submit(Job("benchmark", 1, reader.position(joints), arrays))
            answer = answers.get()
            if isinstance(answer, Exception):
                raise answer
            return answer

        yield chunk


def _deviation_deg(folder: Path, observations: list[Observation]) -> float:
    """Largest difference of any joint target between fast and fp32 [degree]."""
    exact, fast = ActPolicy.load(folder, precision="fp32"), ActPolicy.load(folder, precision="bf16")
    return max(
        float(np.degrees(np.abs(fast.predict(*seen).chunk - exact.predict(*seen).chunk).max())) for seen in observations
    )


def _observations(folder: Path, seeds: int, every: int) -> list[Observation]:
    """What the cameras see along expert episodes of the first seeds, every so many ticks."""
    policy = ActPolicy.load(folder)
    env = SoArmEnv(image_size=policy.image_size(policy.camera_names[0]))
    seen: list[Observation] = []
    for seed in range(seeds):
        observation, _ = env.reset(seed=seed)
        expert, done = make_expert(env), False
        while not done:
            if env.tick % every == 0:
                images = {name: env.camera_image(name).copy() for name in policy.camera_names}
                seen.append((observation["joint_position"].copy(), images))
            observation, _, terminated, truncated, _ = env.step(expert.act())
            done = terminated or truncated
    env.close()
    return seen
