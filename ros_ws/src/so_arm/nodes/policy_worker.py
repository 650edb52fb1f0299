"""Inference in a thread of its own, one observation at a time, so that messages are served meanwhile."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from so_arm.core.joints import NUM_JOINTS

if TYPE_CHECKING:
    from so_arm.learning.controller import Prediction
    from so_arm.learning.policy import LoadedPolicy


class Job(NamedTuple):
    """An observation to be answered."""

    episode_id: str
    stamp_ns: int
    position: np.ndarray  #: (6,) [rad]
    images: dict[str, np.ndarray]  #: camera -> (height, width, 3) uint8


class PolicyWorker:
    """on_plan: called in the worker's thread with the job and its answer; returns what sends that on.
    on_failure: called with its error."""

    def __init__(
        self,
        policy: LoadedPolicy,
        on_plan: Callable[[Job, Prediction], Callable[[], None]],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.last_s = 0.0  #: duration of the last inference
        self._policy, self._on_plan, self._on_failure = policy, on_plan, on_failure
        self._episode_id = ""
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._busy = threading.Event()
        self._thread = threading.Thread(target=self._work, name="inference", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        return self._busy.is_set()

    def submit(self, job: Job) -> None:
        """Only while not busy."""
        self._busy.set()
        self._jobs.put(job)

    def warm_up(self) -> None:
        """A first inference is slow; have it over before an episode starts."""
        images = {}
        for name in self._policy.camera_names:
            height, width = self._policy.image_size(name)
            images[name] = np.zeros((height, width, 3), np.uint8)
        self._policy.predict(np.zeros(NUM_JOINTS), images)
        self._policy.reset()

    def close(self) -> None:
        self._jobs.put(None)
        self._thread.join(2.0)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                if job.episode_id != self._episode_id:
                    self._policy.reset()
                    self._episode_id = job.episode_id
                begun = time.perf_counter()
                prediction = self._policy.predict(job.position, job.images)
                self.last_s = time.perf_counter() - begun
                publish = self._on_plan(job, prediction)
                # Not busy any more before the answer goes out: it may bring the next job at once.
                self._busy.clear()
                publish()
            except Exception as error:
                self._on_failure(error)
                return
