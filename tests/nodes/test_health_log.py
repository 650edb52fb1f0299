from __future__ import annotations

import pytest

pytest.importorskip("rclpy")
pytestmark = pytest.mark.ros


class Written:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, message: str) -> None:
        self.lines.append(f"INFO {message}")

    def warning(self, message: str) -> None:
        self.lines.append(f"WARN {message}")

    def error(self, message: str) -> None:
        self.lines.append(f"ERROR {message}")


def written(*reports: tuple[str, str]) -> list[str]:
    """Lines of one report (level, text) per second."""
    from so_arm.nodes.health_log import HealthLog
    from so_arm.nodes.runtime import ERROR, OK, WARN

    log = Written()
    health = HealthLog(log)
    levels = {"ok": OK, "warn": WARN, "error": ERROR}
    for now_s, (level, text) in enumerate(reports):
        health.note(levels[level], text, 100.0 + now_s)
    return log.lines


WELL = ("ok", "open")


def test_one_line_for_a_trouble_whose_age_grows_and_one_for_its_end():
    stall = [("error", f"camera wrist: no frame for {age}.3 s") for age in range(1, 12)]
    assert written(WELL, *stall, WELL, WELL, WELL) == [
        "ERROR camera wrist: no frame for 1.3 s",
        "INFO no longer: camera wrist: no frame for 1.3 s",
    ]


def test_a_well_node_is_quiet_and_so_is_a_warning_of_a_moment():
    assert written(WELL, ("ok", "ok"), ("warn", "odd"), WELL, ("warn", "odd"), WELL) == []


def test_an_error_is_told_at_once_and_every_other_reason_too():
    reports = [("error", "closed"), ("error", "refused"), ("error", "refused"), ("warn", "slow"), ("warn", "slow")]
    assert written(*reports) == ["ERROR closed", "ERROR refused", "WARN slow"]


def test_what_comes_and_goes_is_told_now_and_then_and_at_the_latest_when_it_stays():
    flicker = [("error", "stall"), ("error", "stall"), WELL, WELL]
    assert written(*flicker, *flicker) == ["ERROR stall", "INFO no longer: stall"]
    assert written(*flicker, *[("error", "stall")] * 10)[2:] == ["ERROR stall"]
