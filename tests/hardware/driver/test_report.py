"""Which changes of an arm's state get a line in the log."""

from __future__ import annotations

import pytest
from tests.hardware.driver.fake_arm import FakeArm

from so_arm.core.poses import HOME_POSE
from so_arm.hardware.driver.commands import CommandIntake
from so_arm.hardware.driver.report import ChangeLog
from so_arm.hardware.driver.status import Level


class LoggedArm:
    """A fake arm and its log; a cycle takes 10 ms."""

    def __init__(self) -> None:
        self.arm = FakeArm()
        self.lines: list[tuple[Level, str]] = []
        self._log = ChangeLog(lambda level, line: self.lines.append((level, line)), lambda: self.arm.now_s)
        self._intake = CommandIntake(self.arm.logic.gate)

    def run(self, seconds: float, silent: bool = False) -> None:
        """Cycles with commands."""
        self.arm.silent = silent
        for _ in range(round(seconds * 100)):
            self.arm.cycle(HOME_POSE)
            self._log.note(self.arm.logic.mode, self.arm.logic.troubles(self.arm.now_s), self._intake)

    def said(self, *levels: Level) -> list[str]:
        return [line for level, line in self.lines if level in levels]


@pytest.fixture
def logged() -> LoggedArm:
    return LoggedArm()


def test_a_start_whose_first_sweeps_fail_is_calm(logged: LoggedArm) -> None:
    logged.run(0.25, silent=True)
    logged.run(1.0)
    assert logged.lines == [(Level.OK, "following commands")]


def test_a_start_without_answers_is_told_once_and_as_an_error(logged: LoggedArm) -> None:
    logged.run(3.0, silent=True)
    assert logged.lines == [(Level.ERROR, "shoulder_pan: servo 1: no answer")]
    logged.run(1.0)
    assert len(logged.lines) == 2 and logged.said(Level.OK) == ["following commands"]


def test_a_trouble_that_is_soon_over_is_counted_but_not_told(logged: LoggedArm) -> None:
    logged.run(1.0)
    told = len(logged.lines)
    logged.run(0.25, silent=True)  # told of as blindness after 0.1 s
    assert "silent" in logged.arm.kinds and logged.arm.logic.mode == "holding", "it holds all the same"
    logged.run(1.0)
    assert len(logged.lines) == told
    assert logged.arm.logic.health.counts["incomplete_sweeps"] == 25


def test_a_trouble_that_stays_is_told_and_so_is_its_end(logged: LoggedArm) -> None:
    logged.run(6.0)
    logged.run(0.5, silent=True)
    logged.run(6.0)
    assert [level for level, _ in logged.lines] == [Level.OK, Level.ERROR, Level.OK]


def test_troubles_that_come_and_go_all_the_time_are_told(logged: LoggedArm) -> None:
    logged.run(6.0)
    for _ in range(10):
        logged.run(0.2, silent=True)
        logged.run(0.8)
    assert logged.said(Level.ERROR) == [], "now and then"
    for _ in range(20):
        logged.run(0.2, silent=True)
        logged.run(0.1)
    assert logged.said(Level.ERROR) == ["shoulder_pan: servo 1: no answer"]


def test_the_same_again_a_moment_later_is_told_when_it_stays(logged: LoggedArm) -> None:
    logged.run(6.0)
    for _ in range(2):
        logged.run(1.0)
        logged.run(0.5, silent=True)
    assert len(logged.said(Level.ERROR)) == 1
    logged.run(6.0, silent=True)
    assert len(logged.said(Level.ERROR)) == 2
