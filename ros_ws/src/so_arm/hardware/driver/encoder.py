"""Whether positions can be true: a joint does not jump, so an encoder that does is not followed."""

from __future__ import annotations

from collections.abc import Sequence

from so_arm.core.calibration import MAX_TICK
from so_arm.core.joints import JOINT_NAMES

#: Faster than any servo turns its joint (no-load: 3400), and than hands turn a limp one.
_DRIVEN_TICKS_S, _LIMP_TICKS_S = 5000.0, 9000.0
#: Answers that were asked for again are that much older or younger than the others.
_UNSURE_S, _NOISE_TICKS = 0.01, 8
#: Steps are judged over that time at most; after longer silence the first positions are believed as they come.
_LONGEST_STEP_S, FORGET_S = 0.1, 0.5
#: How far from the stretch between its last good position and its goal a held joint may come to rest.
_REST_TICKS = 120
#: Good again after so many cycles; taken for slipped after that time.
_GOOD_CYCLES, SLIPPED_AFTER_S = 5, 0.5


class EncoderWatch:
    """Judges positions [ticks] of one sweep after the other.

    `suspects`: joints whose position is not believed now. `slipped`: those that stayed off; only `accept` clears them.
    """

    def __init__(self) -> None:
        self.suspects: frozenset[int] = frozenset()
        self.slipped: frozenset[int] = frozenset()
        self.jumps = 0
        self._good: list[int] | None = None
        self._good_s = 0.0
        self._last: list[int] = []
        self._held_at: list[int | None] = []
        self._since_s = 0.0
        self._last_s = 0.0
        self._calm_cycles = 0
        self._jumped_back = False

    @property
    def trusted(self) -> bool:
        return not (self.suspects or self.slipped)

    def forget(self) -> None:
        """The next positions are believed as they come, except of slipped joints."""
        self._good, self.suspects = None, frozenset()

    def accept(self) -> None:
        """A human says that the pose is right."""
        self.slipped = frozenset()
        self.forget()

    def moved_by_themselves(self) -> frozenset[int]:
        """Joints whose position has jumped and stayed there for two cycles: it is what their servos act on."""
        return self.slipped | (self.suspects if self._calm_cycles else frozenset())

    def check(self, ticks: list[int], now_s: float, goals: Sequence[int | None]) -> bool:
        """True when the positions can be true. goals: of the joints that have torque, None for limp ones."""
        if self._good is not None and now_s - self._good_s > FORGET_S and not self.suspects:
            self.forget()
        if self._good is None:
            self.suspects = self._impossible(ticks)
            if self.suspects:
                return False
            self._believe(ticks, now_s)
            return not self.slipped
        if self.suspects:
            return self._doubt(ticks, now_s, goals)
        jumped = self._jumped(self._good, ticks, now_s - self._good_s, goals) | self._impossible(ticks)
        if not jumped:
            self._believe(ticks, now_s)
            return not self.slipped
        self.jumps += 1
        self.suspects, self._since_s, self._calm_cycles = jumped, now_s, 0
        self._last, self._last_s, self._held_at, self._jumped_back = ticks, now_s, list(goals), False
        return False

    def names(self) -> str:
        return ", ".join(JOINT_NAMES[joint] for joint in sorted(self.suspects | self.slipped))

    def _believe(self, ticks: list[int], now_s: float) -> None:
        self._good, self._good_s = ticks, now_s

    def _doubt(self, ticks: list[int], now_s: float, goals: Sequence[int | None]) -> bool:
        assert self._good is not None
        back = all(
            self._may_rest_at(tick, good, goal)
            for tick, good, goal in zip(ticks, self._good, self._held_at, strict=True)
        )
        steady = not self._jumped(self._last, ticks, now_s - self._last_s, goals)
        self._last, self._last_s = ticks, now_s
        self._calm_cycles = self._calm_cycles + 1 if steady else 0
        self._jumped_back |= not steady
        back_at_rest = back and self._calm_cycles >= _GOOD_CYCLES
        if back_at_rest and self._jumped_back:
            self.suspects = frozenset()
            self._believe(ticks, now_s)
            return not self.slipped
        if back_at_rest or (not back and now_s - self._since_s > SLIPPED_AFTER_S):
            # What came back without another jump was moved there by its servo, which had been misled by the first one.
            # Nothing drives a limp joint away: what it says now is believed, as after a long silence.
            self.slipped |= frozenset(j for j in self.suspects if self._held_at[j] is not None)
            self.suspects = frozenset()
            self._believe(ticks, now_s)
            return not self.slipped
        return False

    @staticmethod
    def _may_rest_at(tick: int, good: int, goal: int | None) -> bool:
        low, high = (good, good) if goal is None else (min(good, goal), max(good, goal))
        return low - _REST_TICKS <= tick <= high + _REST_TICKS

    @staticmethod
    def _impossible(ticks: list[int]) -> frozenset[int]:
        return frozenset(joint for joint, tick in enumerate(ticks) if not 0 <= tick <= MAX_TICK)

    @staticmethod
    def _jumped(before: list[int], now: list[int], dt_s: float, goals: Sequence[int | None]) -> frozenset[int]:
        dt_s = min(dt_s, _LONGEST_STEP_S) + _UNSURE_S
        driven, limp = _DRIVEN_TICKS_S * dt_s + _NOISE_TICKS, _LIMP_TICKS_S * dt_s + _NOISE_TICKS
        return frozenset(
            joint
            for joint, (old, new, goal) in enumerate(zip(before, now, goals, strict=True))
            if abs(new - old) > (limp if goal is None else driven)
        )
