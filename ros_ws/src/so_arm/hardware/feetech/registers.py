"""The control table of the STS3215: every register with address, size, area, sign, default and access.

Values in the table are raw register contents; the scales at the end give them units.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from so_arm.hardware.feetech.errors import ValueRangeError


class Area(Enum):
    EEPROM = "eeprom"  #: survives power-off when written while Lock is 0
    SRAM = "sram"  #: gone at power-off
    FACTORY = "factory"  #: written by the maker


@dataclass(frozen=True)
class Register:
    """`sign_bit`: the bit that makes a sign-magnitude value negative, None for unsigned ones."""

    name: str
    address: int
    size: int
    area: Area
    sign_bit: int | None = None
    default: int = 0
    read_only: bool = False

    def encode(self, value: int) -> bytes:
        """Little-endian bytes of `value`; ValueRangeError when the register cannot hold it."""
        raw, limit = abs(value), 1 << (8 * self.size if self.sign_bit is None else self.sign_bit)
        if raw >= limit or (value < 0 and self.sign_bit is None):
            lowest = 0 if self.sign_bit is None else 1 - limit
            raise ValueRangeError(f"{self.name} cannot hold {value}; it takes {lowest}..{limit - 1}")
        if value < 0 and self.sign_bit is not None:
            raw |= 1 << self.sign_bit
        return raw.to_bytes(self.size, "little")

    def decode(self, data: bytes | bytearray) -> int:
        """Value of `size` little-endian bytes."""
        raw = int.from_bytes(data, "little")
        return raw if self.sign_bit is None else decode_sign_magnitude(raw, self.sign_bit)


def decode_sign_magnitude(raw: int, sign_bit: int) -> int:
    magnitude = raw & ((1 << sign_bit) - 1)
    return -magnitude if raw >> sign_bit & 1 else magnitude


REGISTERS: dict[str, Register] = {}


def _register(
    name: str,
    address: int,
    size: int,
    area: Area,
    sign_bit: int | None = None,
    default: int = 0,
    read_only: bool = False,
) -> Register:
    REGISTERS[name] = Register(name, address, size, area, sign_bit, default, read_only)
    return REGISTERS[name]


FIRMWARE_MAJOR_VERSION = _register("Firmware_Major_Version", 0, 1, Area.EEPROM, default=3, read_only=True)
FIRMWARE_MINOR_VERSION = _register("Firmware_Minor_Version", 1, 1, Area.EEPROM, default=7, read_only=True)
ENDIANNESS = _register("Endianness", 2, 1, Area.EEPROM, read_only=True)
MODEL_NUMBER = _register("Model_Number", 3, 2, Area.EEPROM, default=777, read_only=True)
ID = _register("ID", 5, 1, Area.EEPROM, default=1)
BAUD_RATE = _register("Baud_Rate", 6, 1, Area.EEPROM)
RETURN_DELAY_TIME = _register("Return_Delay_Time", 7, 1, Area.EEPROM)
RESPONSE_STATUS_LEVEL = _register("Response_Status_Level", 8, 1, Area.EEPROM, default=1)
MIN_POSITION_LIMIT = _register("Min_Position_Limit", 9, 2, Area.EEPROM)
MAX_POSITION_LIMIT = _register("Max_Position_Limit", 11, 2, Area.EEPROM, default=4095)
MAX_TEMPERATURE_LIMIT = _register("Max_Temperature_Limit", 13, 1, Area.EEPROM, default=70)
MAX_VOLTAGE_LIMIT = _register("Max_Voltage_Limit", 14, 1, Area.EEPROM, default=80)
MIN_VOLTAGE_LIMIT = _register("Min_Voltage_Limit", 15, 1, Area.EEPROM, default=40)
MAX_TORQUE_LIMIT = _register("Max_Torque_Limit", 16, 2, Area.EEPROM, default=1000)
PHASE = _register("Phase", 18, 1, Area.EEPROM, default=12)
UNLOADING_CONDITION = _register("Unloading_Condition", 19, 1, Area.EEPROM, default=44)
LED_ALARM_CONDITION = _register("LED_Alarm_Condition", 20, 1, Area.EEPROM, default=47)
P_COEFFICIENT = _register("P_Coefficient", 21, 1, Area.EEPROM, default=32)
D_COEFFICIENT = _register("D_Coefficient", 22, 1, Area.EEPROM, default=32)
I_COEFFICIENT = _register("I_Coefficient", 23, 1, Area.EEPROM)
MINIMUM_STARTUP_FORCE = _register("Minimum_Startup_Force", 24, 2, Area.EEPROM, default=16)
INTEGRAL_LIMIT = _register("Integral_Limit", 25, 1, Area.EEPROM)
CW_DEAD_ZONE = _register("CW_Dead_Zone", 26, 1, Area.EEPROM, default=1)
CCW_DEAD_ZONE = _register("CCW_Dead_Zone", 27, 1, Area.EEPROM, default=1)
PROTECTION_CURRENT = _register("Protection_Current", 28, 2, Area.EEPROM, default=500)
ANGULAR_RESOLUTION = _register("Angular_Resolution", 30, 1, Area.EEPROM, default=1)
HOMING_OFFSET = _register("Homing_Offset", 31, 2, Area.EEPROM, sign_bit=11)
OPERATING_MODE = _register("Operating_Mode", 33, 1, Area.EEPROM)
PROTECTIVE_TORQUE = _register("Protective_Torque", 34, 1, Area.EEPROM, default=20)
PROTECTION_TIME = _register("Protection_Time", 35, 1, Area.EEPROM, default=200)
OVERLOAD_TORQUE = _register("Overload_Torque", 36, 1, Area.EEPROM, default=80)
VELOCITY_CLOSED_LOOP_P_PROPORTIONAL_COEFFICIENT = _register(
    "Velocity_closed_loop_P_proportional_coefficient", 37, 1, Area.EEPROM, default=10
)
OVER_CURRENT_PROTECTION_TIME = _register("Over_Current_Protection_Time", 38, 1, Area.EEPROM, default=200)
VELOCITY_CLOSED_LOOP_I_INTEGRAL_COEFFICIENT = _register(
    "Velocity_closed_loop_I_integral_coefficient", 39, 1, Area.EEPROM, default=10
)
TORQUE_ENABLE = _register("Torque_Enable", 40, 1, Area.SRAM)
ACCELERATION = _register("Acceleration", 41, 1, Area.SRAM)
GOAL_POSITION = _register("Goal_Position", 42, 2, Area.SRAM, sign_bit=15)
GOAL_TIME = _register("Goal_Time", 44, 2, Area.SRAM, sign_bit=10)
GOAL_VELOCITY = _register("Goal_Velocity", 46, 2, Area.SRAM, sign_bit=15)
TORQUE_LIMIT = _register("Torque_Limit", 48, 2, Area.SRAM, default=1000)
LOCK = _register("Lock", 55, 1, Area.SRAM)
PRESENT_POSITION = _register("Present_Position", 56, 2, Area.SRAM, sign_bit=15, read_only=True)
PRESENT_VELOCITY = _register("Present_Velocity", 58, 2, Area.SRAM, sign_bit=15, read_only=True)
PRESENT_LOAD = _register("Present_Load", 60, 2, Area.SRAM, sign_bit=10, read_only=True)
PRESENT_VOLTAGE = _register("Present_Voltage", 62, 1, Area.SRAM, read_only=True)
PRESENT_TEMPERATURE = _register("Present_Temperature", 63, 1, Area.SRAM, read_only=True)
ASYNC_WRITE_FLAG = _register("Async_Write_Flag", 64, 1, Area.SRAM, read_only=True)
STATUS = _register("Status", 65, 1, Area.SRAM, read_only=True)
MOVING = _register("Moving", 66, 1, Area.SRAM, read_only=True)
PRESENT_GOAL_POSITION = _register("Present_Goal_Position", 67, 2, Area.SRAM, sign_bit=15, read_only=True)
PRESENT_CURRENT = _register("Present_Current", 69, 2, Area.SRAM, sign_bit=15, read_only=True)
GOAL_POSITION_2 = _register("Goal_Position_2", 71, 2, Area.SRAM, read_only=True)
MOVING_VELOCITY = _register("Moving_Velocity", 80, 1, Area.FACTORY, read_only=True)
MOVING_VELOCITY_THRESHOLD = _register("Moving_Velocity_Threshold", 80, 1, Area.FACTORY, read_only=True)
DTS = _register("DTs", 81, 1, Area.FACTORY, read_only=True)
VELOCITY_UNIT_FACTOR = _register("Velocity_Unit_factor", 82, 1, Area.FACTORY, read_only=True)
HTS = _register("Hts", 83, 1, Area.FACTORY, read_only=True)
MAXIMUM_VELOCITY_LIMIT = _register("Maximum_Velocity_Limit", 84, 1, Area.FACTORY, read_only=True)
MAXIMUM_ACCELERATION = _register("Maximum_Acceleration", 85, 1, Area.FACTORY)
ACCELERATION_MULTIPLIER = _register("Acceleration_Multiplier", 86, 1, Area.FACTORY, read_only=True)

EEPROM_SIZE = 40  #: addresses 0..39
TABLE_SIZE = 87  #: addresses 0..86

MODEL_STS3215 = 777
TICKS_PER_TURN = 4096
MAX_ID = 253

#: Values of Torque_Enable and Operating_Mode.
TORQUE_OFF, TORQUE_ON, TORQUE_CENTRE = 0, 1, 128
POSITION_MODE = 0

#: Bit of Phase that makes angles count turns instead of wrapping at 4096.
PHASE_MULTI_TURN = 1 << 4

#: Units of raw values.
VOLT = 0.1  #: Present_Voltage and its limits [V]
AMPERE = 0.0065  #: Present_Current, Protection_Current [A]
LOAD = 0.001  #: Present_Load, torque limits [fraction of stall torque]
RETURN_DELAY_S = 2e-6
PROTECTION_TIME_S = 0.01  #: Protection_Time, Over_Current_Protection_Time
ACCELERATION_TICKS_S2 = 100.0

#: Baud rates by the code in Baud_Rate. Codes 5 to 7 mean different rates in different sources (servo manual:
#: 76800, 57600, 38400; LeRobot: 57600, 38400, 19200), so nothing here sets them.
BAUD_RATES: dict[int, int] = {0: 1_000_000, 1: 500_000, 2: 250_000, 3: 128_000, 4: 115_200}
