import math

import pytest

from so_arm.core.errors import UserError
from so_arm.hardware.camera_faults import CameraFault, CameraFaultBox, CameraFaultKind

STALL, WRONG_SIZE, DISCONNECT = CameraFaultKind


def test_lines_of_a_script_or_a_command() -> None:
    fault = CameraFault.parse("2.5 wrong_size camera=static value=0.25  # smaller")
    assert (fault.kind, fault.camera, fault.scale, fault.for_s, fault.at_s) == (
        WRONG_SIZE,
        "static",
        0.25,
        math.inf,
        2.5,
    )
    fault = CameraFault.parse("stall camera=wrist for=3")
    assert (fault.kind, fault.camera, fault.for_s, fault.at_s) == (STALL, "wrist", 3.0, 0.0)
    assert CameraFault.parse("wrong_size").scale == 0.5
    assert CameraFault.parse("disconnect").camera is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stal camera=wrist", "unknown camera fault 'stal'.*Did you mean 'stall'"),
        ("", "is not '.at seconds. <kind>"),
        ("3", "is not '.at seconds. <kind>"),
        ("stall servo=3", "is not '.at seconds. <kind>"),
        ("stall for=long", "could not convert string to float: 'long'"),
        ("1x stall", "could not convert string to float: '1x'"),
        ("stall for=-1", "above zero"),
        ("nan stall", "above zero|unknown camera fault"),
        ("wrong_size value=0", "above zero"),
        ("wrong_size value=inf", "above zero"),
    ],
)
def test_lines_that_are_refused(line: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        CameraFault.parse(line)


def test_faults_act_on_their_camera_and_in_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    box = CameraFaultBox()
    box.add(CameraFault(STALL, "wrist", for_s=3.0, at_s=2.0))
    box.add(CameraFault(DISCONNECT))

    def acting() -> list[tuple[str, str]]:
        return [(kind.value, name) for kind in CameraFaultKind for name in ("static", "wrist") if box.find(kind, name)]

    assert acting() == [("disconnect", "static"), ("disconnect", "wrist")]
    now[0] = 102.0
    assert ("stall", "wrist") in acting() and ("stall", "static") not in acting()
    now[0] = 105.0
    assert acting() == [("disconnect", "static"), ("disconnect", "wrist")]
    box.clear()
    assert acting() == []
