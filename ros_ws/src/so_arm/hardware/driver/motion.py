"""The goal of every cycle: how it moves from one to the next, and the gate that it passes on its way to the wire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from so_arm.core.command_filter import CommandFilter
from so_arm.core.handover import Handover, step_together
from so_arm.hardware.driver.commands import Interpolation
from so_arm.hardware.driver.settings import DriverSettings

Restraint = Callable[[list[float]], list[float]]


class Motion:
    """`goal` (6) [rad]: what is on the wire, None before the first `restart`.

    Every goal passes `gate`, whose steps are those of one cycle. restrain: what guards allow of a wanted goal.
    """

    def __init__(self, settings: DriverSettings, gate: CommandFilter) -> None:
        self._gate = gate
        self._period_s = settings.period_s
        self._approach_step = settings.approach_velocity * settings.period_s
        self._start_step = settings.start_velocity * settings.period_s
        self._handover = Handover(self._approach_step)
        self._line = Interpolation(1.0 / settings.fps)
        self._slew: list[float] | None = None
        self._coming_back = False
        self.goal: list[float] | None = None
        self.bent: Counter[str] = Counter()  #: goals that the gate changed, by reason

    @property
    def approaching(self) -> bool:
        return self._handover.active

    def restart(self, measured: Sequence[float], from_home: bool = False) -> None:
        """The goal is the measured pose; whatever is wanted next is approached from there.

        from_home: where it is about to start its work, and not after an interruption.
        """
        self.goal = list(measured)
        self._gate.reset(self.goal)
        self._line.restart(self.goal)
        self._handover = Handover(self._start_step if from_home else self._approach_step)
        self._handover.start(self.goal)
        self._slew = None
        self._coming_back = bool(self._gate.within_limits(self.goal)[1])

    def float_joints(self, joints: Sequence[int], measured: Sequence[float]) -> None:
        """The goal of joints that do not hold themselves goes where they are."""
        goal = list(self.goal) if self.goal is not None else list(measured)
        for joint in joints:
            goal[joint] = measured[joint]
        self.restart(goal)

    def command(self, position: list[float], now_s: float) -> None:
        """What is to be followed from now on: on a straight line, or as the approach has it until it is met."""
        if self._handover.active:
            self._line.restart(position)
        else:
            self._line.towards(position, now_s)

    def follow(self, now_s: float, restrain: Restraint) -> None:
        # Where the arm is to be when the next cycle begins: a new command shows in the goal at once.
        self._go(self._handover.step(self._line.at(now_s + self._period_s)), restrain)

    def hold(self, restrain: Restraint) -> None:
        """Stays where the goal is; one outside of the limits, where the arm may have been put, comes back in."""
        self._go(self._known(), restrain)

    def slew(self, target: Sequence[float], max_step: float, restrain: Restraint) -> bool:
        """All joints towards `target` so that they arrive together; True when the goal has arrived."""
        inside, _ = self._gate.within_limits(target)
        if self._slew is None:
            self._slew = self._known()
        self._slew = step_together(self._slew, inside, max_step)
        self._go(self._slew, restrain)
        return self._slew == inside

    def reachable(self, joint: int, position: float) -> bool:
        """Whether a goal of `joint` [rad] would pass the gate as it is."""
        return self._gate.lower[joint] <= position <= self._gate.upper[joint]

    def begin_slew(self) -> None:
        """The next `slew` starts from the goal as it is."""
        self._slew = None

    def approach_again(self) -> None:
        """A joint was let go: what is wanted is approached from the goal as it is."""
        self._handover.start(self._known())
        self._slew = None

    def _go(self, wanted: list[float], restrain: Restraint) -> None:
        position, reasons = self._gate.apply(restrain(wanted))
        if reasons:
            self.bent.update(reasons)
        goal: list[float] = position.tolist()
        if self._coming_back:
            goal = self._come_back(goal)
        self.goal = goal

    def _come_back(self, goal: list[float]) -> list[float]:
        """Joints that were found outside of their limits go there no faster than in an approach."""
        before, step = self._known(), self._approach_step
        for joint, (q, p) in enumerate(zip(goal, before, strict=True)):
            if not self.reachable(joint, p):
                goal[joint] = min(max(q, p - step), p + step)
        self._gate.reset(goal)
        self._coming_back = any(not self.reachable(joint, q) for joint, q in enumerate(goal))
        return goal

    def _known(self) -> list[float]:
        if self.goal is None:
            raise RuntimeError("motion before its first restart")
        return self.goal
