"""Judging a policy from a recording against the bare inferences and the bare decoding that it needs.

Ours is all that `so-arm replay-eval` does once the policy is loaded: reading the dataset, replaying, scores, report
and page. Bare is LeRobot's ACT with its processors on the observations that need a chunk, in fp32 as ours, and PyAV
from the first to the last frame that is needed. One round is bare, ours, bare; one thread, one core.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy as np
import torch
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors

from so_arm.analysis.replay_report import build_report
from so_arm.cli.replay_runs import Candidate, Judged, TimedPolicy, judge, page_of, timing_of
from so_arm.core.chunk_settings import ChunkSettings
from so_arm.core.clock import CONTROL_HZ
from so_arm.core.files import json_text
from so_arm.core.paths import share_dir
from so_arm.core.units import lerobot_from_rad
from so_arm.data.dataset_writer import DatasetWriter
from so_arm.data.recordings.recording import open_recording
from so_arm.learning.act.policy import ActPolicy
from so_arm.learning.compute import one_core
from so_arm.learning.residual.corrector import Residual
from so_arm.sim.demonstrations import DemonstrationSettings, demonstrate
from so_arm.sim.rendering import CAMERAS, POLICY_IMAGE_SIZE

TARGET = 1.3


def run(quick: bool) -> dict[str, Any]:
    """`ratio` is ours / bare; the page, whose cost does not grow with the recording, is a part of ours."""
    folder, rounds = share_dir() / "models" / "act_pick_place", 1 if quick else 7
    with tempfile.TemporaryDirectory(prefix="so_arm_benchmark_") as scratch, one_core():
        root = Path(scratch) / "set"
        _record(root, episodes=2 if quick else 20)
        ours = _Ours(folder, root)
        first = ours()  # warms up, and tells where chunks are needed
        bare = _bare(folder, root, ours.judged)
        bare()
        seconds: dict[str, list[float]] = {"bare": [], "ours": [], "bare again": []}
        reports = [first]
        for _ in range(rounds):
            seconds["bare"].append(_timed(bare))
            seconds["ours"].append(_timed(lambda: reports.append(ours())))
            seconds["bare again"].append(_timed(bare))
        recorded_s = sum(fact["seconds"] for fact in ours.judged.facts)
    took = {side: np.array(values) for side, values in seconds.items()}
    ratio = float(median(took["ours"] / ((took["bare"] + took["bare again"]) / 2)))
    same = len(set(reports)) == 1
    return {
        "name": "replay_eval",
        "ratio": ratio,
        "target": TARGET,
        "passed": ratio <= TARGET and same,
        "same_report_every_time": same,
        "reports": len(reports),
        "same_ratio": float(median(took["bare"] / took["bare again"])),
        **{f"{side.replace(' ', '_')}_s": float(median(values)) for side, values in took.items()},
        "page_s": median(ours.page_s),
        "times_real_time": recorded_s / float(median(took["ours"])),
        "chunks": sum(len(predictions.chunks) for predictions in ours.answers),
        "recorded_s": recorded_s,
        "rounds": rounds,
        "load_average": os.getloadavg()[0],
    }


class _Ours:
    """A call judges the policy on all episodes and returns the report as JSON text."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root
        self._policy = ActPolicy.load(folder, precision="fp32")
        self.judged = Judged()
        self.page_s: list[float] = []

    @property
    def answers(self) -> list[Any]:
        return next(iter(self.judged.predictions.values()))

    def __call__(self) -> str:
        recording = open_recording(self._root, CONTROL_HZ)
        timeline = ChunkSettings.of_policy(self._folder).timeline(recording.fps)
        candidates = [Candidate("policy", TimedPolicy(self._policy), timeline)]
        episodes = range(len(recording))
        begun = time.perf_counter()
        self.judged = judge(recording, episodes, candidates, Residual(), None, 0, lambda: None)
        timing = timing_of(self.judged, candidates, time.perf_counter() - begun, recording.fps)
        settings = {"recording": "set", "fps": recording.fps}
        report = build_report(settings, self.judged.facts, self.judged.scores)
        self.page_s.append(_timed(lambda: page_of(report, timing, self.judged)))
        return json_text(report)


def _bare(folder: Path, root: Path, judged: Judged) -> Callable[[], None]:
    """Every chunk that the replay asked for, from pictures in the video files; the joint states lie ready."""
    with redirect_stdout(sys.stderr):  # LeRobot prints; standard output may be the JSON's
        policy = ACTPolicy.from_pretrained(folder)
        before, after = make_pre_post_processors(policy.config, str(folder))
    needed: list[tuple[int, np.ndarray]] = []  # frame in the videos, state; the episodes lie one after the other
    start = 0
    for frames, predictions in zip(judged.frames, next(iter(judged.predictions.values())), strict=True):
        for tick, _ in predictions.chunks:
            needed.append((start + tick, lerobot_from_rad(frames.state[tick]).astype(np.float32)))
        start += len(frames)
    videos = [root / f"videos/observation.images.{name}/chunk-000/file-000.mp4" for name in CAMERAS]

    def infer() -> None:
        wanted = [frame for frame, _ in needed]
        pictures = [_decode(video, wanted) for video in videos]
        for place, (_, state) in enumerate(needed):
            batch: dict[str, Any] = {"observation.state": torch.from_numpy(state)}
            for name, decoded in zip(CAMERAS, pictures, strict=True):
                picture = torch.from_numpy(decoded[place])
                batch[f"observation.images.{name}"] = picture.permute(2, 0, 1).float() / 255
            with torch.inference_mode():
                after(policy.predict_action_chunk(before(batch)))

    return infer


def _decode(path: Path, wanted: list[int]) -> list[np.ndarray]:
    """The frames `wanted` (ascending) of a video, in one go."""
    found: list[np.ndarray] = []
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == wanted[len(found)]:
                found.append(frame.to_ndarray(format="rgb24"))
                if len(found) == len(wanted):
                    break
    return found


def _record(root: Path, episodes: int) -> None:
    """Episodes of the scripted expert, seen as the released policy sees them."""
    settings = DemonstrationSettings("pick_place", "none", POLICY_IMAGE_SIZE)
    env = settings.make_env()
    cameras = dict.fromkeys(CAMERAS, POLICY_IMAGE_SIZE)
    with DatasetWriter(root, cameras, CONTROL_HZ, "Put the cube into the target zone.") as writer:
        for seed in range(episodes):
            episode = demonstrate(env, seed)
            for tick in range(len(episode.action)):
                images = {camera: pictures[tick] for camera, pictures in episode.images.items()}
                writer.add_frame(episode.joint_position[tick], episode.action[tick], images)
            writer.save_episode({"seed": seed})
    env.close()


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
