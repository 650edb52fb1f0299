"""A policy on recorded observations: the code that runs live, open loop."""

from __future__ import annotations

from functools import partial

import numpy as np

from so_arm.core.chunk import ChunkTimeline
from so_arm.core.joints import NUM_JOINTS
from so_arm.core.predictions import Predictions
from so_arm.data.recordings.recording import RecordedFrames
from so_arm.learning.controller import ActionCorrector, Answer, ChunkPolicy, PolicyController

_NO_ANSWER = np.full(NUM_JOINTS, np.nan)


def replay(
    frames: RecordedFrames,
    policy: ChunkPolicy,
    timeline: ChunkTimeline,
    residual: ActionCorrector | None = None,
    delay: int = 0,
) -> Predictions:
    """What `policy` answers to each observation of one episode, as `act_policy` and `residual_corrector` do.

    Open loop: whatever it answers, the next observation is the recorded one. Starts with a reset of policy and
    timeline. Images are asked for only where a new chunk is due. delay: control periods that pass until a chunk is
    there, as with a slow policy in real time; 0: it is waited for, as in lockstep.
    """
    controller = PolicyController(policy, timeline, residual, delay)
    controller.reset()
    answers = [
        controller.decide(int(stamp), frames.state[tick], partial(_image, frames, tick))
        for tick, stamp in enumerate(frames.stamps_ns)
    ]
    return Predictions(
        chunks=[(tick, answer.new_chunk) for tick, answer in enumerate(answers) if answer.new_chunk is not None],
        base=_stacked(answers, 0),
        residual=_stacked(answers, 1),
        action=_stacked(answers, 2),
        fresh=np.array([answer.fresh for answer in answers]),
        delay=delay,
    )


def _stacked(answers: list[Answer], part: int) -> np.ndarray:
    """(T, 6) base, residual or action."""
    return np.array([_NO_ANSWER if answer.step is None else answer.step[part] for answer in answers])


def _image(frames: RecordedFrames, tick: int, camera: str) -> np.ndarray:
    return frames.image_of(camera, tick)
