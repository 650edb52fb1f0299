"""Who commands the arm: hold, policy or teleop, with a bumpless handover between them.

One source is active; a person may take over, and hand back to the source of before. A change of source starts
from the last target (or the measured pose when there is none): the first target after it is that pose, and the
following ones move from it towards what the new source asks, no faster than the handover velocity, until they
meet. From then on targets pass unchanged.

Time is counted in observation stamps, so the same rules hold in lockstep, where time stands still while
a source thinks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from so_arm.core.errors import UserError, choice_error
from so_arm.core.handover import Handover

HOLD, POLICY, TELEOP = "hold", "policy", "teleop"
SOURCES = (HOLD, POLICY, TELEOP)
#: A hand that was not heard for more control periods than that may be elsewhere when it is heard again.
_GAP_PERIODS = 3


class Control(NamedTuple):
    """Who is in control, for people and programs to see."""

    source: str  #: that is active, one of ``SOURCES``
    in_control: bool  #: its targets pass unchanged: it speaks, and the arm has come from elsewhere to meet it
    holding: bool  #: see `Arbiter.holding`

    def to_text(self) -> dict[str, str]:
        return {"in_control": str(self.in_control).lower(), "holding": str(self.holding).lower()}


class Arbiter:
    """All positions are (6,) [rad] in ``JOINT_NAMES`` order; stamps are those of the observation answered.

    source: active at the start, one of ``SOURCES``.
    period_s: control period [s]. handover_velocity: slew limit during a handover [rad/s].
    timeout_ns: the arm holds when the active source has been silent for longer.
    """

    def __init__(self, source: str, period_s: float, handover_velocity: float, timeout_ns: int) -> None:
        if not (period_s > 0.0 and handover_velocity > 0.0 and timeout_ns > 0):
            raise UserError(
                f"arbiter: period {period_s} s, handover velocity {handover_velocity} rad/s"
                f" and timeout {timeout_ns} ns must be more than 0"
            )
        self._handover = Handover(handover_velocity * period_s)
        self._timeout_ns = timeout_ns
        self._gap_ns = round(_GAP_PERIODS * period_s * 1e9)
        self.ignored = 0  #: offers of sources that are not active
        self.refused = 0  #: offers and measured poses with non-finite values
        self._target: np.ndarray | None = None
        self._measured: np.ndarray | None = None
        self._sent_ns: int | None = None
        self._heard_ns: int | None = None
        self._silent = False
        self._before = ""  # the source that was taken over from
        self._offers: dict[str, tuple[int, np.ndarray]] = {}  # the newest of each source
        self.sent_by = HOLD  #: whose target was sent last
        self.select(source)

    def select(self, source: str) -> None:
        """Make `source` the active one; the next target starts a handover."""
        if source not in SOURCES:
            raise choice_error("source", source, SOURCES)
        self.source, self._before = source, ""
        self._handing_over = True

    def take_over(self, on: bool) -> str:
        """On: teleop becomes the active source. Off: the one of before does. Says what was done."""
        if on and self.source != TELEOP:
            before = self.source
            self.select(TELEOP)
            self._before = before
            return f"teleop takes over from {before}"
        if not on and self._before:
            self.select(self._before)
            return f"handed back to {self.source}"
        if not on and self.source == TELEOP:
            raise UserError("teleop did not take over from anything; set the parameter source to hold or policy")
        return f"{self.source} is the source already"

    def begin_episode(self) -> None:
        """The arm was put elsewhere: nothing to hand over from.

        A policy's targets pass at once; the command filter at the arm starts from the measured pose. A person's hand
        may be anywhere when an episode begins: the arm is handed over to it from its measured pose.
        """
        self._target = self._measured = None
        self._sent_ns = self._heard_ns = None
        self._silent, self._handing_over = False, self.source == TELEOP
        self._offers.clear()
        self.sent_by = HOLD
        self._handover.stop()

    @property
    def control(self) -> Control:
        slewing = self._handing_over or self._handover.active
        heard = self.sent_by == self.source != HOLD
        return Control(self.source, heard and not slewing, self.holding)

    @property
    def holding(self) -> bool:
        """True while the arm is held, by choice or because the active source is silent."""
        return self.source == HOLD or self._silent

    def observe(self, stamp_ns: int, measured: np.ndarray) -> np.ndarray | None:
        """Note the measured pose; returns the target to send at once, None when the source will answer.

        A pose that is not finite is refused: the last good one stays.
        """
        if all(map(math.isfinite, measured.tolist())):
            self._measured = measured
        else:
            self.refused += 1
        if self._heard_ns is None:
            self._heard_ns = stamp_ns
        if self.source != HOLD and not self._silent and stamp_ns - self._heard_ns > self._timeout_ns:
            self._silent = True
        if self._measured is None and self._target is None:
            return None  # nothing known to hold
        return self._send(stamp_ns, self._pose(), HOLD) if self.holding else self.catch_up(stamp_ns)

    def catch_up(self, stamp_ns: int) -> np.ndarray | None:
        """Target for an observation without an answer, from an offer that came before its source was heard."""
        offered_ns, position = self._offers.get(self.source, (None, None))
        if position is None or offered_ns != stamp_ns or self._sent_ns == stamp_ns:
            return None
        return self.offer(self.source, stamp_ns, position)

    def offer(self, source: str, stamp_ns: int, position: np.ndarray) -> np.ndarray | None:
        """Target to send for this offer of `source`; None when `source` is not active."""
        self._offers[source] = stamp_ns, position
        if source != self.source or source == HOLD:
            self.ignored += 1
            return None
        if stamp_ns == self._sent_ns and self._target is not None and not self._silent:
            return self._target  # the observation was published again: same answer
        values = position.tolist()
        if not all(map(math.isfinite, values)):
            self.refused += 1
            return self._send(stamp_ns, self._pose(), HOLD) if self._measured is not None else None
        lost = source == TELEOP and self._heard_ns is not None and stamp_ns - self._heard_ns > self._gap_ns
        if self._silent or lost:
            self._silent = False
            self._handing_over = True
        self._heard_ns = stamp_ns
        if self._handing_over:
            if self._target is None and self._measured is None:
                return None  # nothing known to start from yet
            self._handing_over = False
            self._handover.start(self._pose().tolist())
            return self._send(stamp_ns, self._pose(), source)
        if self._handover.active:
            return self._send(stamp_ns, np.array(self._handover.step(values)), source)
        return self._send(stamp_ns, position, source)

    def _pose(self) -> np.ndarray:
        pose = self._target if self._target is not None else self._measured
        assert pose is not None
        return pose

    def _send(self, stamp_ns: int, target: np.ndarray, source: str) -> np.ndarray:
        self._sent_ns, self._target, self.sent_by = stamp_ns, target, source
        return target
