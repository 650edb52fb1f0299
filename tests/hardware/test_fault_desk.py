"""Orders for faults find the bus or the cameras, or are refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from so_arm.core.errors import UserError
from so_arm.hardware.camera_faults import CameraFault, CameraFaultKind
from so_arm.hardware.fault_desk import FaultDesk, parse_fault, read_faults
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.faults import Fault, FaultKind


def test_a_line_is_a_fault_of_the_bus_or_of_the_cameras():
    fault = parse_fault("silent servo=3 for=2")
    assert isinstance(fault, Fault) and (fault.kind, fault.servo, fault.for_s) == (FaultKind.SILENT, 3, 2.0)
    fault = parse_fault("1.5 late value=0.01")
    assert isinstance(fault, Fault) and (fault.at_s, fault.value) == (1.5, 0.01)
    stall = parse_fault("stall camera=wrist for=2")
    assert isinstance(stall, CameraFault) and (stall.kind, stall.camera) == (CameraFaultKind.STALL, "wrist")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "unknown fault ''"),
        ("5", "unknown fault ''"),
        ("sillent", "Did you mean 'silent'"),
        ("silent camera=static", "is not"),
        ("stall servo=1", "is not"),
        ("silent servo=x", "invalid literal"),
    ],
)
def test_what_is_no_fault(line: str, complaint: str):
    with pytest.raises(UserError, match=complaint):
        parse_fault(line)


def test_a_script_may_have_both(tmp_path: Path):
    script = tmp_path / "faults.txt"
    script.write_text("# trouble\n1 silent servo=2 for=1\n\n2 stall camera=static for=1  # and blind\n")
    bus, cameras = read_faults(script)
    assert [fault.at_s for fault in bus] == [1.0] and [fault.at_s for fault in cameras] == [2.0]
    with pytest.raises(UserError, match="cannot be read"):
        read_faults(tmp_path / "none")


def test_orders_reach_a_running_emulator():
    with Emulator() as emulator:
        desk = FaultDesk(emulator, None)
        assert desk.order("silent servo=3") == "silent servo=3: now"
        assert not emulator.servos[2].connected
        assert desk.order("clear") == "no more faults"
        assert emulator.servos[2].connected
        with pytest.raises(UserError, match="unknown servo '9'"):
            desk.order("silent servo=9")
        with pytest.raises(UserError, match="there are no cameras"):
            desk.order("stall")
