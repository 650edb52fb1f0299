"""Faults of bus and cameras by their names, from a script or while everything runs."""

from __future__ import annotations

from pathlib import Path

from so_arm.core.errors import UserError, choice_error
from so_arm.hardware.camera_faults import CameraFault, CameraFaultKind
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.faults import Fault, FaultKind, parse_script
from so_arm.hardware.stream_process import StreamProcess

_CAMERA_KINDS = {kind.value for kind in CameraFaultKind}
_BUS_KINDS = {kind.value for kind in FaultKind}
CLEAR = "clear"
GRAMMAR = f"""\
KIND [servo=ID] [value=NUMBER] [for=SECONDS]      {", ".join(sorted(_BUS_KINDS))}
KIND [camera=NAME] [value=NUMBER] [for=SECONDS]   {", ".join(sorted(_CAMERA_KINDS))}
{CLEAR}                                             ends all faults"""


def parse_fault(line: str) -> Fault | CameraFault:
    """`[at seconds] KIND [servo=ID | camera=NAME] [value=NUMBER] [for=SECONDS]`."""
    words = line.split("#")[0].split()
    timed = bool(words) and not words[0][0].isalpha()
    kind = words[timed] if len(words) > timed else ""
    if kind in _CAMERA_KINDS:
        return CameraFault.parse(line)
    if kind not in _BUS_KINDS:
        raise choice_error("fault", kind, sorted(_BUS_KINDS | _CAMERA_KINDS))
    return parse_script(line if timed else f"0 {line}")[0]


def read_faults(path: Path) -> tuple[list[Fault], list[CameraFault]]:
    """Faults of bus and of cameras in a script, one per line with its time; # starts a comment."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"fault script {path} cannot be read: {error}") from error
    faults = [parse_fault(line) for line in lines if line.split("#")[0].strip()]
    return [f for f in faults if isinstance(f, Fault)], [f for f in faults if isinstance(f, CameraFault)]


class FaultDesk:
    """Takes orders for a running emulator and its streams (None when there are none)."""

    def __init__(self, emulator: Emulator, streams: StreamProcess | None) -> None:
        self._emulator, self._streams = emulator, streams

    def order(self, line: str) -> str:
        """Starts the fault that `line` names, or ends all; returns what was done. UserError when it cannot be."""
        if line.split() == [CLEAR]:
            self._emulator.clear()
            if self._streams is not None:
                self._streams.clear()
            return "no more faults"
        fault = parse_fault(line)
        if isinstance(fault, Fault):
            self._check_servo(fault.servo)
            self._emulator.inject(fault)
        elif self._streams is None:
            raise UserError(f"{fault.kind.value}: there are no cameras")
        else:
            self._streams.inject(fault)
        return f"{line.strip()}: now"

    def _check_servo(self, servo_id: int | None) -> None:
        ids = [str(servo.id) for servo in self._emulator.servos]
        if servo_id is not None and str(servo_id) not in ids:
            raise choice_error("servo", str(servo_id), ids)
