"""A recording session on a stage: a source of episodes and a recorder that do as they are told."""

from __future__ import annotations

import dataclasses

from so_arm.core.recorder_status import RecorderStatus
from so_arm.core.recording_session import Order, Phase, RecordingSession, Sights


class Stage:
    """A session with an episode source and a recorder that do as they are told."""

    def __init__(self, episodes: int = 2, automatic: bool = True, rest_s: float = 0.0) -> None:
        self.session = RecordingSession(episodes, automatic, rest_s)
        self.seen = Sights()
        self.now_s = 0.0
        self.started = 0
        self.seed = 5

    def step(self, **changes: object) -> Order | None:
        self.now_s += 0.1
        self.seen = dataclasses.replace(self.seen, **changes)  # type: ignore[arg-type]
        order = self.session.step(self.now_s, self.seen)
        if order is Order.start:
            self.started += 1
            self._episode(id=f"e{self.started}", phase="running", seed=self.seed)
            self.seed += 1
        return order

    def until(self, phase: Phase) -> None:
        for _ in range(200):
            if self.session.phase is phase:
                return
            self.step()
        raise AssertionError(f"{self.session.phase} instead of {phase}: {self.session.note}")

    def end(self, outcome: str = "success", failure: str = "") -> None:
        if outcome == "discarded":
            self.seed = self.seen.episode.seed
        self._episode(phase="ended", outcome=outcome, failure=failure, steps=30)
        self.step()

    def record(self, result: str = "saved", rows: int = 30) -> None:
        episode = self.seen.episode.id
        self.step(recorder=RecorderStatus("idle", episode=episode, result=result, rows=rows))

    def turn(self, outcome: str = "success", result: str = "saved") -> None:
        """A whole episode."""
        self.until(Phase.running)
        self.end(outcome)
        if outcome != "discarded":
            self.record(result)

    def _episode(self, **values: object) -> None:
        self.seen = dataclasses.replace(self.seen, episode=dataclasses.replace(self.seen.episode, **values))
