"""A recording of N episodes, one after the other: home, start, end, on disk, rest, and the next.

Automatic: episodes begin by themselves. Else each waits for a person's wish. No ROS in here, and no clock: call
`RecordingSession.step` now and then with what there is to see.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from so_arm.core.episode_info import DISCARDED, ENDED, IDLE, EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.recorder_status import RECORDING, REFUSED, SAVED, SAVING, RecorderStatus

#: So many episodes in a row that came to nothing are enough.
MOST_IN_A_ROW = 5
#: A recorder that is idle so long after the end of an episode has not seen it.
UNSEEN_S = 10.0
AFTER_REFUSAL_S = 1.0


class Phase(StrEnum):
    waiting = "waiting"  # for a node, or data
    homing = "homing"
    ready = "ready"  # for a person's wish
    starting = "starting"
    running = "running"
    saving = "saving"
    resting = "resting"
    done = "done"


class Order(StrEnum):
    """What the source of episodes is to do; the names are those of its services."""

    start = "start"
    stop = "stop"
    discard = "discard"


#: Phases in which an episode may be started.
_BETWEEN = (Phase.waiting, Phase.homing, Phase.ready, Phase.resting)


@dataclass(frozen=True)
class Sights:
    """missing: what an episode cannot begin without, empty when everything is there. at_home: so is the arm."""

    missing: str = ""
    at_home: bool = True
    episode: EpisodeInfo = field(default_factory=EpisodeInfo)
    recorder: RecorderStatus = field(default_factory=RecorderStatus)


@dataclass(frozen=True)
class Turn:
    """An episode that was begun. result: what became of it, as the recorder says it. rows: frames in the dataset."""

    id: str
    seed: int
    outcome: str
    failure: str
    steps: int
    result: str
    rows: int

    @property
    def saved(self) -> bool:
        return self.result == SAVED


class RecordingSession:
    """episodes: so many are to be saved. rest_s: time between episodes, for the scene to be set up again."""

    def __init__(self, episodes: int, automatic: bool, rest_s: float) -> None:
        self.episodes, self.automatic = episodes, automatic
        self.phase = Phase.waiting
        self.turns: list[Turn] = []
        self.note = ""  #: what happened last, or is waited for
        self.rest_until_s = 0.0
        self._rest_s = rest_s
        self._wanted = False  # somebody asked for the next episode
        self._quitting = False
        self._episode = EpisodeInfo()  # that of this turn
        self._idle_since_s: float | None = None

    @property
    def saved(self) -> int:
        return sum(turn.saved for turn in self.turns)

    @property
    def number(self) -> int:
        """Of the episode that is running or comes next, from 1 on."""
        return min(self.saved + 1, self.episodes)

    # ---- wishes; each says what comes of it or raises UserError

    def record(self) -> str:
        """The next episode is to begin; a rest is over with that."""
        self._check_open()
        if self.phase is Phase.resting:
            self._become(Phase.waiting)
        return self._want()

    def next(self) -> Order | None:
        """The running episode is to be stopped and saved, and the next one to begin after the rest."""
        self._check_open()
        if self.phase is Phase.running:
            self._wanted = True
            return Order.stop
        self._want()
        return None

    def check_running(self) -> None:
        """UserError when there is no episode to end."""
        if self.phase is not Phase.running:
            raise UserError(f"no episode is running ({self.phase})")

    def quit(self) -> Order | None:
        """The session is to end; an episode that is running is discarded."""
        self._quitting = True
        return Order.discard if self.phase is Phase.running else None

    def _check_open(self) -> None:
        if self._quitting or self.phase is Phase.done:
            raise UserError("the recording is at its end")

    def _want(self) -> str:
        if self.phase in (Phase.starting, Phase.running):
            raise UserError(f"episode {self.number} of {self.episodes} is being recorded")
        self._wanted = True
        number = self.number + (1 if self.phase is Phase.saving else 0)
        when = "" if self.phase is Phase.ready else f" as soon as it can ({self.phase})"
        return f"episode {number} of {self.episodes} begins{when}"

    # ---- what happens

    def step(self, now_s: float, seen: Sights) -> Order | None:
        """What the source of episodes is to do now. UserError when the session cannot go on."""
        if self._has_begun(seen.episode):
            self._begin(seen.episode)
            if seen.episode.running:
                return Order.discard if self._quitting else None
        if self.phase is Phase.running:
            self._follow(now_s, seen.episode)
        elif self.phase is Phase.saving:
            self._await_disk(now_s, seen.recorder)
        elif self._quitting and self.phase in _BETWEEN:
            self._become(Phase.done, f"{self.saved} of {self.episodes} episodes are saved")
        elif self.phase is Phase.resting and now_s >= self.rest_until_s:
            self._become(Phase.waiting)
        return self._prepare(seen) if self.phase in _BETWEEN else None

    def refused(self, now_s: float, reason: str) -> None:
        """The source has not started the episode; automatic sessions ask again after a while."""
        if self.phase is Phase.starting:
            self._wanted = False
            self.rest_until_s = now_s + AFTER_REFUSAL_S
            self._become(Phase.resting, reason)

    def _prepare(self, seen: Sights) -> Order | None:
        if self.phase is Phase.resting:
            return None
        if seen.missing:
            self._become(Phase.waiting, seen.missing)
        elif self.phase is Phase.waiting:
            self._become(Phase.homing, "the arm goes home")
        elif self.phase is Phase.homing and seen.at_home:
            self._become(Phase.ready, f"ready for episode {self.number} of {self.episodes}")
        elif self.phase is Phase.ready and (self.automatic or self._wanted):
            self._wanted = False
            self._become(Phase.starting, f"episode {self.number} of {self.episodes} starts")
            return Order.start
        return None

    def _has_begun(self, episode: EpisodeInfo) -> bool:
        """An episode runs that did not before, whoever started it; ours may be over by now."""
        new = episode.id != self._episode.id
        ours_is_over = self.phase is Phase.starting and episode.phase == ENDED
        return new and (ours_is_over or (episode.running and self.phase in (*_BETWEEN, Phase.starting)))

    def _begin(self, episode: EpisodeInfo) -> None:
        self._episode = episode
        self._become(Phase.running, f"episode {self.number} of {self.episodes} runs (seed {episode.seed})")

    def _follow(self, now_s: float, episode: EpisodeInfo) -> None:
        if episode.phase == ENDED and episode.id == self._episode.id:
            self._episode = episode
            self._idle_since_s = None
            if episode.outcome == DISCARDED:
                self._take_note(now_s, DISCARDED, 0)
            else:
                self._become(Phase.saving, f"{episode.outcome} after {episode.steps} steps")
        elif episode.phase == IDLE or episode.id != self._episode.id:
            self._take_note(now_s, DISCARDED, 0)  # the world was reset under it

    def _await_disk(self, now_s: float, recorder: RecorderStatus) -> None:
        if recorder.episode == self._episode.id:
            self._take_note(now_s, recorder.result, recorder.rows)
        elif recorder.phase in (RECORDING, SAVING):
            self._idle_since_s = None
        elif self._idle_since_s is None:
            self._idle_since_s = now_s
        elif now_s - self._idle_since_s > UNSEEN_S:
            self._take_note(now_s, f"{REFUSED}: the recorder has not seen it", 0)

    def _take_note(self, now_s: float, result: str, rows: int) -> None:
        episode = self._episode
        turn = Turn(episode.id, episode.seed, episode.outcome, episode.failure, episode.steps, result, rows)
        number = self.number
        self.turns.append(turn)
        self.rest_until_s = now_s + self._rest_s
        over = self.saved >= self.episodes or self._quitting
        self._become(Phase.done if over else Phase.resting, f"episode {number} of {self.episodes}: {told(turn)}")
        self._check_progress()

    def _check_progress(self) -> None:
        last = self.turns[-MOST_IN_A_ROW:]
        if (
            self.automatic
            and len(last) == MOST_IN_A_ROW
            and not any(turn.result in (SAVED, DISCARDED) for turn in last)
        ):
            raise UserError(f"{MOST_IN_A_ROW} episodes in a row came to nothing; the last one: {last[-1].result}")

    def _become(self, phase: Phase, note: str | None = None) -> None:
        self.phase = phase
        self.note = note if note is not None else self.note


def told(turn: Turn) -> str:
    """What became of an episode, in a line."""
    verdict = f"{turn.outcome}{f' ({turn.failure})' if turn.failure else ''}"
    if turn.saved:
        return f"{turn.rows} frames saved, {verdict}"
    if turn.result == DISCARDED:
        return "discarded, its turn comes again"
    fate, _, reason = turn.result.partition(": ")
    kept = f", {turn.rows} frames kept as a cut episode" if turn.rows else ""
    return f"{fate}: {reason}{kept}; another one takes its place"
