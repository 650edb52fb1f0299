"""Our table against LeRobot's and against the reference figures."""

from __future__ import annotations

import pytest
from tests.shared_files import reference

from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.errors import ValueRangeError

AREAS = {"EPROM": reg.Area.EEPROM, "SRAM": reg.Area.SRAM, "FACTORY": reg.Area.FACTORY}


@pytest.fixture(scope="module")
def figures() -> dict:
    return reference("sts3215.json")


def test_registers_are_those_of_the_reference(figures: dict):
    rows = figures["registers"] + figures["registers_outside_lerobot_table"]
    signs = figures["sign_magnitude"]["lerobot_sign_bit"] | figures["sign_magnitude"]["not_decoded_by_lerobot"]
    assert {row["name"].strip() for row in rows} == set(reg.REGISTERS)
    for row in rows:
        register = reg.REGISTERS[row["name"].strip()]
        assert (register.address, register.size) == (row["address"], row["size"]), row
        assert register.area is AREAS[row["area"]], row
        assert register.default == (row["default"] or 0), row
        assert register.sign_bit == signs.get(register.name, row["sign_bit"]), row
        # LeRobot writes Maximum_Acceleration although it is in the factory area.
        assert register.read_only == (row["access"] != "rw" and register is not reg.MAXIMUM_ACCELERATION), row


def test_units_are_those_of_the_reference(figures: dict):
    scales = {row["name"]: row["scale"] for row in figures["registers"]}
    assert pytest.approx(scales["Present_Voltage"]) == reg.VOLT
    assert scales["Present_Current"] / 1000 == pytest.approx(reg.AMPERE)
    assert scales["Present_Load"] / 100 == pytest.approx(reg.LOAD)
    assert scales["Return_Delay_Time"] * 1e-6 == pytest.approx(reg.RETURN_DELAY_S)
    assert scales["Protection_Time"] / 1000 == pytest.approx(reg.PROTECTION_TIME_S)
    assert scales["Acceleration"] == reg.ACCELERATION_TICKS_S2
    assert figures["model"]["model_number"] == reg.MODEL_STS3215
    assert figures["model"]["resolution"] == reg.TICKS_PER_TURN
    agreed = {
        row["code"]: row["baud"]
        for row in figures["baud_rates"]["lerobot"]
        if row["code"] not in figures["baud_rates"]["codes_that_differ"]
    }
    assert agreed == reg.BAUD_RATES


@pytest.mark.parametrize("register", reg.REGISTERS.values(), ids=lambda register: register.name)
def test_every_value_comes_back(register: reg.Register):
    limit = 1 << (8 * register.size if register.sign_bit is None else register.sign_bit)
    for value in range(0 if register.sign_bit is None else 1 - limit, limit, 7):
        assert register.decode(register.encode(value)) == value
    for impossible in (limit, -limit if register.sign_bit else -1):
        with pytest.raises(ValueRangeError, match=register.name):
            register.encode(impossible)
