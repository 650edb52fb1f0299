"""One emulated STS3215: its registers, what it answers, and how goal, limits and protections become motion.

Knows nothing of time on the wire; `ServoChain` calls it. Where sources disagree or are silent the choice is said.
"""

from __future__ import annotations

import math

from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.errors import ServoFault
from so_arm.hardware.feetech.packets import BROADCAST_ID, MAX_PARAMS, Instruction, Packet

HALF_TURN = reg.TICKS_PER_TURN // 2
STALL_CURRENT_A = 2.0
SUPPLY_V = 7.4
ROOM_C = 30
#: As the servo's manual has it.
_BAUD_RATES = (*reg.BAUD_RATES.values(), 76_800, 57_600, 38_400)
_MOVING_TICKS_S = 10.0
_FARTHEST_GOAL = 30719
_READ_ONLY = frozenset(
    address
    for register in reg.REGISTERS.values()
    if register.read_only
    for address in range(register.address, register.address + register.size)
)
#: Beside EEPROM, what else is kept while Lock is 0.
_KEPT_OUTSIDE_EEPROM = (reg.MAXIMUM_ACCELERATION.address,)
_RELEASES = ServoFault.TEMPERATURE | ServoFault.CURRENT | ServoFault.SENSOR | ServoFault.VOLTAGE


class Servo:
    """shaft: angle of the output shaft in encoder ticks, turns counted, before the homing offset."""

    def __init__(self, servo_id: int, shaft: float = HALF_TURN) -> None:
        self.shaft = shaft
        self.velocity = 0.0  #: [ticks/s]
        self.load = 0.0  #: fraction of stall torque, signed
        self.supply_v = SUPPLY_V
        self.temperature_c = float(ROOM_C)
        self.connected = True  #: wired to the others; else it neither hears nor answers
        self.jammed = False  #: the motor pushes against something with all it has
        self.encoder_slip = 0  #: ticks by which the encoder is off
        self.overload = 0  #: direction of the latched overload, 0 when there is none
        self._kept = bytearray(256)  #: what survives power-off
        self.memory = bytearray(256)
        for register in reg.REGISTERS.values():
            if register.default:
                self._kept[register.address : register.address + register.size] = register.encode(register.default)
        self._kept[reg.ID.address] = servo_id
        self._overloaded_s = self._overcurrent_s = 0.0
        self._setpoint = 0.0  #: where the ramp to the goal is, in ticks as the servo reports them
        self._ramp_ticks_s = 0.0
        self._pending: bytes | None = None
        self.power_up()

    # --- registers --------------------------------------------------------------------------------------------

    def get(self, register: reg.Register) -> int:
        return register.decode(self.memory[register.address : register.address + register.size])

    def put(self, register: reg.Register, value: int) -> None:
        """Sets memory only, as if by the firmware."""
        self.memory[register.address : register.address + register.size] = register.encode(value)

    @property
    def id(self) -> int:
        return self.memory[reg.ID.address]

    @property
    def baud(self) -> int:
        return _BAUD_RATES[self.memory[reg.BAUD_RATE.address] & 7]

    @property
    def return_delay_s(self) -> float:
        return self.get(reg.RETURN_DELAY_TIME) * reg.RETURN_DELAY_S

    @property
    def faults(self) -> ServoFault:
        return ServoFault(self.memory[reg.STATUS.address])

    def power_up(self) -> None:
        """Loads what is kept; the servo forgets turns, goal and latched faults, and is limp."""
        self.memory[:] = self._kept
        self.shaft %= reg.TICKS_PER_TURN
        # The servo manual says locked at power-up, others say unlocked; locked catches drivers that forget to unlock.
        self.put(reg.LOCK, 1)
        self.put(reg.TORQUE_LIMIT, self.get(reg.MAX_TORQUE_LIMIT))
        self.overload = 0
        self._overloaded_s = self._overcurrent_s = 0.0
        self._pending = None
        self._report()
        self.put(reg.GOAL_POSITION, self.present())
        self._setpoint = float(self.present())

    def write(self, address: int, data: bytes) -> None:
        """A write from the bus: read-only bytes keep their value; EEPROM is kept only while Lock is 0."""
        unlocked = self.memory[reg.LOCK.address] == 0
        for place, byte in enumerate(data, start=address):
            if place in _READ_ONLY or place >= reg.TABLE_SIZE:
                continue
            if place == reg.TORQUE_ENABLE.address:
                byte = self._switch_torque(byte)
            self.memory[place] = byte
            if unlocked and (place < reg.EEPROM_SIZE or place in _KEPT_OUTSIDE_EEPROM):
                self._kept[place] = byte
        if self.overload and self._wanted_direction() == -self.overload:
            self.overload = 0
        self._report()

    def _switch_torque(self, value: int) -> int:
        before = self.memory[reg.TORQUE_ENABLE.address]
        if value == reg.TORQUE_CENTRE:
            self.calibrate_offset(HALF_TURN)
            return before
        if value == reg.TORQUE_OFF:
            self.overload = 0
            self._overloaded_s = self._overcurrent_s = 0.0
        elif before == reg.TORQUE_OFF:
            self._setpoint = float(self.present())
            self._ramp_ticks_s = 0.0
        return value

    # --- packets ----------------------------------------------------------------------------------------------

    def answer(self, packet: Packet) -> bytes | None:
        """Status packet, or None when the servo stays silent. Sync reads and writes are cut up by `ServoChain`."""
        code, params = packet.code, packet.params
        old_id, loud = self.id, self.get(reg.RESPONSE_STATUS_LEVEL) != 0 and packet.id != BROADCAST_ID
        data = b""
        if code == Instruction.PING:
            loud = True
        elif code == Instruction.READ and len(params) == 2 and params[1] <= MAX_PARAMS:
            loud = packet.id != BROADCAST_ID
            data = self.read(params[0], params[1])
        elif code == Instruction.WRITE and len(params) > 1:
            self.write(params[0], params[1:])
        elif code == Instruction.REG_WRITE and len(params) > 1:
            self._pending = params
            self.put(reg.ASYNC_WRITE_FLAG, 1)
        elif code == Instruction.ACTION:
            self._action()
        elif code == Instruction.FACTORY_RESET:
            self._factory_reset()
        elif code == Instruction.REBOOT:
            self.power_up()
        elif code == Instruction.RESET_TURNS:
            self.shaft %= reg.TICKS_PER_TURN
            self._setpoint = float(self.present())
        elif code == Instruction.CALIBRATE_OFFSET:
            self.calibrate_offset(reg.PRESENT_POSITION.decode(params[:2]) if len(params) >= 2 else HALF_TURN)
        else:
            return None
        # A new id counts from the next packet on.
        return Packet(old_id, int(self.faults), data).encode() if loud else None

    def read(self, address: int, count: int) -> bytes:
        """Registers as they are, of the last step of physics; nothing is behind the last address."""
        return bytes(self.memory[address : address + count]).ljust(count, b"\0")

    def _action(self) -> None:
        if self._pending is not None:
            self.write(self._pending[0], self._pending[1:])
        self._pending = None
        self.put(reg.ASYNC_WRITE_FLAG, 0)

    def _factory_reset(self) -> None:
        """All defaults; the id stays, so that a reset servo is still found."""
        fresh = Servo(self.id)
        self._kept[:] = fresh._kept
        self.power_up()

    def calibrate_offset(self, wanted: int) -> None:
        """Sets the homing offset such that the present angle reads `wanted`; kept at once."""
        offset = (self._encoder() - wanted + HALF_TURN) % reg.TICKS_PER_TURN - HALF_TURN
        self.put(reg.HOMING_OFFSET, max(-2047, offset))
        place = slice(reg.HOMING_OFFSET.address, reg.HOMING_OFFSET.address + reg.HOMING_OFFSET.size)
        self._kept[place] = self.memory[place]
        self._report()
        self._setpoint = float(self.present())

    # --- motion -----------------------------------------------------------------------------------------------

    def _encoder(self) -> int:
        return round(self.shaft) + self.encoder_slip

    def present(self) -> int:
        """Angle as the servo reports it: homing offset taken off, one turn only unless Phase says otherwise."""
        angle = self._encoder() - self.get(reg.HOMING_OFFSET)
        if self.get(reg.PHASE) & reg.PHASE_MULTI_TURN:
            return max(-32767, min(32767, angle))
        return angle % reg.TICKS_PER_TURN

    def goal(self) -> int:
        """Goal within the limits; limits 0 and 0 mean none."""
        lower, upper = self.get(reg.MIN_POSITION_LIMIT), self.get(reg.MAX_POSITION_LIMIT)
        goal = self.get(reg.GOAL_POSITION)
        return goal if lower == upper == 0 else min(_FARTHEST_GOAL, max(lower, min(upper, goal)))

    def torque(self) -> float:
        """Torque that the motor may use, fraction of stall torque; 0 means limp."""
        if self.memory[reg.TORQUE_ENABLE.address] != reg.TORQUE_ON:
            return 0.0
        unloading = self.faults & self.memory[reg.UNLOADING_CONDITION.address]
        if unloading & _RELEASES:
            return 0.0
        limit = self.get(reg.TORQUE_LIMIT) * reg.LOAD
        return min(limit, self.get(reg.PROTECTIVE_TORQUE) / 100) if unloading & ServoFault.OVERLOAD else limit

    def shaft_goal(self, dt_s: float) -> float:
        """Where the shaft is to be `dt_s` from now, in encoder ticks: the ramp by Goal_Velocity and Acceleration."""
        # Distances count in what the servo reports: across the end of the turn it goes the long way, as real ones do.
        distance = self.goal() - self._setpoint
        speed = abs(self.get(reg.GOAL_VELOCITY)) or math.inf
        acceleration = self.get(reg.ACCELERATION) * reg.ACCELERATION_TICKS_S2
        if acceleration:
            braking = math.sqrt(2 * acceleration * abs(distance))
            speed = min(speed, braking, abs(self._ramp_ticks_s) + acceleration * dt_s)
        step = min(abs(distance), speed * dt_s)
        self._setpoint += math.copysign(step, distance)
        self._ramp_ticks_s = step / dt_s
        return round(self.shaft) + (self._setpoint - self.present())

    def moved(self, shaft: float, velocity: float, load: float, dt_s: float) -> None:
        """What physics says after `dt_s`: shaft [ticks], [ticks/s], [fraction of stall torque]."""
        limit = self.torque()
        if self.jammed and limit:
            velocity, load = 0.0, math.copysign(limit, self._wanted_direction() or 1)
        else:
            self.shaft = shaft
        self.velocity, self.load = velocity, load
        self._protect(dt_s)
        self._report()

    def _wanted_direction(self) -> int:
        distance = self.goal() - self.present()
        return (distance > 0) - (distance < 0)

    def _protect(self, dt_s: float) -> None:
        too_much = abs(self.load) * 100 >= self.get(reg.OVERLOAD_TORQUE)
        self._overloaded_s = self._overloaded_s + dt_s if too_much else 0.0
        if self._overloaded_s > self.get(reg.PROTECTION_TIME) * reg.PROTECTION_TIME_S:
            self.overload = int(math.copysign(1, self.load))
        too_much = abs(self.load) * STALL_CURRENT_A > self.get(reg.PROTECTION_CURRENT) * reg.AMPERE
        self._overcurrent_s = self._overcurrent_s + dt_s if too_much else 0.0

    def _find_faults(self) -> ServoFault:
        faults = ServoFault.OVERLOAD if self.overload else ServoFault(0)
        if not self.get(reg.MIN_VOLTAGE_LIMIT) <= round(self.supply_v / reg.VOLT) <= self.get(reg.MAX_VOLTAGE_LIMIT):
            faults |= ServoFault.VOLTAGE
        if self.temperature_c > self.get(reg.MAX_TEMPERATURE_LIMIT):
            faults |= ServoFault.TEMPERATURE
        if self._overcurrent_s > self.get(reg.OVER_CURRENT_PROTECTION_TIME) * reg.PROTECTION_TIME_S:
            faults |= ServoFault.CURRENT
        return faults

    def _report(self) -> None:
        """Everything that the servo measures, into its registers."""
        self.put(reg.PRESENT_POSITION, self.present())
        self.put(reg.PRESENT_VELOCITY, max(-32767, min(32767, round(self.velocity))))
        self.put(reg.PRESENT_LOAD, max(-1000, min(1000, round(self.load / reg.LOAD))))
        self.put(reg.PRESENT_VOLTAGE, max(0, min(255, round(self.supply_v / reg.VOLT))))
        self.put(reg.PRESENT_TEMPERATURE, max(0, min(255, round(self.temperature_c))))
        self.put(reg.PRESENT_CURRENT, round(abs(self.load) * STALL_CURRENT_A / reg.AMPERE))
        self.put(reg.MOVING, int(abs(self.velocity) > _MOVING_TICKS_S))
        self.put(reg.PRESENT_GOAL_POSITION, self.goal())
        self.put(reg.STATUS, int(self._find_faults()))
