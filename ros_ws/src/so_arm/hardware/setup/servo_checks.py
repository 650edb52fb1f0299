"""What the servos tell about themselves, judged: presence, model, supply, temperature, faults, settings."""

from __future__ import annotations

from collections.abc import Sequence

from so_arm.core.joints import JOINT_NAMES
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.errors import ServoError, ServoFault
from so_arm.hardware.feetech.identity import FoundServo
from so_arm.hardware.setup.findings import Finding, bad, note, ok
from so_arm.hardware.setup.servo_facts import ServoFacts

#: That much above the lowest voltage, and within each other, servos of a healthy arm are [V].
_VOLTAGE_RESERVE, _VOLTAGE_SPREAD = 0.4, 0.5
#: That much below the highest temperature a servo is hot [degrees C].
_HEAT_RESERVE = 15

_CURES = {
    ServoFault.VOLTAGE: "use the power supply that these servos are made for",
    ServoFault.SENSOR: "replace the servo: its encoder fails",
    ServoFault.TEMPERATURE: "let it cool down",
    ServoFault.CURRENT: "look for something that blocks the joint",
    ServoFault.ANGLE: "calibrate again",
    ServoFault.OVERLOAD: "free the joint; the fault clears when its torque is switched off",
}


def presence(ids: Sequence[int], lost: dict[int, ServoError], elsewhere: Sequence[FoundServo]) -> Finding:
    """`lost`: those of `ids` that cannot be read; `elsewhere`: servos with other ids or baud rates."""
    strangers = ", ".join(f"{servo.id} at {servo.baud} baud" for servo in elsewhere)
    if len(lost) == len(ids):
        cure = "is the power supply on, the cable in, and the board's jumper on USB (B)?"
        return bad("servos", "none answers", f"instead there are {strangers}: setup-motors" if elsewhere else cure)
    if lost:
        found = "; ".join(f"{_joint(servo_id)} {error}" for servo_id, error in lost.items())
        return bad("servos", found, _cure_for_lost(min(lost), strangers))
    if elsewhere:
        return note("servos", f"{', '.join(map(str, ids))} answer, and so do {strangers}", "who are they?")
    return ok("servos", f"{', '.join(map(str, ids))} answer at {reg.BAUD_RATES[0]} baud")


def _cure_for_lost(first: int, strangers: str) -> str:
    if strangers:
        return f"there are {strangers}: so-arm setup-motors"
    return f"check the 3-pin cable into servo {first} and into the one before it"


def models(facts: Sequence[ServoFacts]) -> Finding:
    odd = [f"servo {servo.id} is model {servo.model}" for servo in facts if servo.model != reg.MODEL_STS3215]
    if odd:
        return bad("model", "; ".join(odd), f"this arm needs STS3215 ({reg.MODEL_STS3215})")
    versions: dict[str, list[str]] = {}
    for servo in facts:
        versions.setdefault(servo.firmware, []).append(str(servo.id))
    if len(versions) > 1:
        told = "; ".join(f"{version} on {', '.join(ids)}" for version, ids in versions.items())
        return note(
            "model", f"STS3215, firmware {told}", "LeRobot refuses mixed firmware; Feetech's program updates it"
        )
    return ok("model", f"STS3215, firmware {next(iter(versions), 'unknown')}")


def supply(facts: Sequence[ServoFacts]) -> Finding:
    lowest, highest = min(servo.voltage for servo in facts), max(servo.voltage for servo in facts)
    found = f"{lowest:.1f} V" if lowest == highest else f"{lowest:.1f} to {highest:.1f} V"
    for servo in facts:
        least, most = (round(limit, 1) for limit in servo.voltage_limits)
        if servo.voltage > most:
            return bad("supply", f"{found}; servo {servo.id} is made for up to {most} V", "unplug the power supply now")
        if servo.voltage < least:
            return bad(
                "supply", f"{found}; servo {servo.id} needs {least} V", "is the power supply on and strong enough?"
            )
    if any(servo.voltage < servo.voltage_limits[0] + _VOLTAGE_RESERVE for servo in facts):
        return note("supply", found, "weak: servos drop out when they push; use a stronger power supply")
    if highest - lowest > _VOLTAGE_SPREAD:
        return note("supply", found, "voltage is lost on the way; check the cables between the servos")
    return ok("supply", found)


def temperature(facts: Sequence[ServoFacts]) -> Finding:
    hottest = max(facts, key=lambda servo: servo.temperature)
    found = f"up to {hottest.temperature} °C ({_joint(hottest.id)})"
    if hottest.temperature > hottest.temperature_limit:
        return bad("temperature", f"{found}, the limit is {hottest.temperature_limit} °C", "let it cool down")
    if hottest.temperature > hottest.temperature_limit - _HEAT_RESERVE:
        return note("temperature", found, f"hot; it switches itself off at {hottest.temperature_limit} °C")
    return ok("temperature", found)


def faults(facts: Sequence[ServoFacts]) -> Finding:
    faulty = [servo for servo in facts if servo.faults]
    if not faulty:
        return ok("faults", "none reported")
    seen = ServoFault(0)
    for servo in faulty:
        seen |= servo.faults
    told = "; ".join(f"{_joint(servo.id)}: {servo.faults.names()}" for servo in faulty)
    return bad("faults", told, "; ".join(cure for fault, cure in _CURES.items() if fault & seen))


def settings(facts: Sequence[ServoFacts]) -> Finding:
    """What the driver will write at its start; servos from the box differ in nearly all of it."""
    changes: dict[str, list[int]] = {}
    for servo in facts:
        for name, (old, new) in servo.other_settings.items():
            changes.setdefault(f"{name} {old} → {new}", []).append(servo.id)
    if not changes:
        return ok("settings", "as LeRobot's; the driver changes nothing")
    told = "; ".join(f"{change} ({_ids(ids, len(facts))})" for change, ids in changes.items())
    return ok("settings", f"the driver will change: {told}")


def _ids(ids: Sequence[int], everybody: int) -> str:
    return "all" if len(ids) == everybody > 1 else ", ".join(map(str, ids))


def _joint(servo_id: int) -> str:
    return JOINT_NAMES[servo_id - 1] if 1 <= servo_id <= len(JOINT_NAMES) else f"servo {servo_id}"
