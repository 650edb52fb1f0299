"""A policy on recorded observations: the code that runs live, open loop."""

from __future__ import annotations

from functools import partial

import numpy as np

from so_arm.core.chunk import ChunkTimeline
from so_arm.core.predictions import Predictions
from so_arm.data.recordings.recording import RecordedFrames
from so_arm.learning.controller import ActionCorrector, ChunkPolicy, PolicyController


def replay(
    frames: RecordedFrames, policy: ChunkPolicy, timeline: ChunkTimeline, residual: ActionCorrector | None = None
) -> Predictions:
    """What `policy` answers to each observation of one episode, as `act_policy` and `residual_corrector` in lockstep.

    Open loop: whatever it answers, the next observation is the recorded one. Starts with a reset of policy and
    timeline. Images are asked for only where a new chunk is due.
    """
    controller = PolicyController(policy, timeline, residual)
    controller.reset()
    answers = [
        controller.decide(int(stamp), frames.state[tick], partial(_image, frames, tick))
        for tick, stamp in enumerate(frames.stamps_ns)
    ]
    return Predictions(
        chunks=[(tick, answer.new_chunk) for tick, answer in enumerate(answers) if answer.new_chunk is not None],
        base=np.array([answer.base for answer in answers]),
        residual=np.array([answer.residual for answer in answers]),
        action=np.array([answer.action for answer in answers]),
        fresh=np.ones(len(answers), dtype=bool),  # every chunk that is due is waited for
    )


def _image(frames: RecordedFrames, tick: int, camera: str) -> np.ndarray:
    return frames.image_of(camera, tick)
