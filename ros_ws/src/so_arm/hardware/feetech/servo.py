"""One emulated STS3215: its registers, what it answers, and how goal, limits and protections become motion.

Knows nothing of time on the wire; `ServoChain` calls it. Where sources disagree or are silent the choice is said.
"""

from __future__ import annotations

import math

from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.controls import Controls
from so_arm.hardware.feetech.errors import ServoFault
from so_arm.hardware.feetech.packets import BROADCAST_ID, MAX_PARAMS, Instruction, Packet
from so_arm.hardware.feetech.report import STALL_CURRENT_A, write_report

HALF_TURN = reg.TICKS_PER_TURN // 2
SUPPLY_V = 7.4
ROOM_C = 30
#: As the servo's manual has it.
_BAUD_RATES = (*reg.BAUD_RATES.values(), 76_800, 57_600, 38_400)
_READ_ONLY = frozenset(
    address
    for register in reg.REGISTERS.values()
    if register.read_only
    for address in range(register.address, register.address + register.size)
)
#: Beside EEPROM, what else is kept while Lock is 0.
_KEPT_OUTSIDE_EEPROM = (reg.MAXIMUM_ACCELERATION.address,)
# Plain numbers: flags cost more than all the rest of a step.
_RELEASES = int(ServoFault.TEMPERATURE | ServoFault.CURRENT | ServoFault.SENSOR | ServoFault.VOLTAGE)
_VOLTAGE, _TEMPERATURE = int(ServoFault.VOLTAGE), int(ServoFault.TEMPERATURE)
_CURRENT, _OVERLOAD = int(ServoFault.CURRENT), int(ServoFault.OVERLOAD)
_TORQUE, _STATUS = reg.TORQUE_ENABLE.address, reg.STATUS.address
_LOCK, _GOAL, _GOAL_END = reg.LOCK.address, reg.GOAL_POSITION.address, reg.GOAL_POSITION.address + 2


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
        self._controls: Controls | None = None  #: None: a register changed
        self._goal: int | None = None
        self.power_up()

    # --- registers --------------------------------------------------------------------------------------------

    def get(self, register: reg.Register) -> int:
        return register.decode(self.memory[register.address : register.address + register.size])

    def put(self, register: reg.Register, value: int) -> None:
        """Sets memory only, as if by the firmware."""
        self.memory[register.address : register.address + register.size] = register.encode(value)
        self._controls = self._goal = None

    def keep(self, register: reg.Register, value: int) -> None:
        """Sets what survives power-off too, as if it had been written long ago."""
        self.put(register, value)
        self._kept[register.address : register.address + register.size] = register.encode(value)

    @property
    def controls(self) -> Controls:
        if self._controls is None:
            self._controls = Controls.decode(self.memory)
        return self._controls

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
        self._controls = self._goal = None
        self.shaft %= reg.TICKS_PER_TURN
        # The servo manual says locked at power-up, others say unlocked; locked catches drivers that forget to unlock.
        self.put(reg.LOCK, 1)
        self.put(reg.TORQUE_LIMIT, self.get(reg.MAX_TORQUE_LIMIT))
        self.overload = 0
        self._overloaded_s = self._overcurrent_s = 0.0
        self._pending = None
        self.settle()

    def settle(self) -> None:
        """Measures itself, and makes where it is its goal."""
        self._report()
        self.put(reg.GOAL_POSITION, self.present())
        self._setpoint = float(self.present())

    def write(self, address: int, data: bytes) -> None:
        """A write from the bus: read-only bytes keep their value; EEPROM is kept only while Lock is 0."""
        memory, unlocked = self.memory, self.memory[_LOCK] == 0
        for place, byte in enumerate(data, start=address):
            if place in _READ_ONLY or place >= reg.TABLE_SIZE:
                continue
            if place == _TORQUE:
                byte = self._switch_torque(byte)
            memory[place] = byte
            if unlocked and (place < reg.EEPROM_SIZE or place in _KEPT_OUTSIDE_EEPROM):
                self._kept[place] = byte
        self._goal = None
        if address < _GOAL or address + len(data) > _GOAL_END:
            self._controls = None
        if self.overload and self._wanted_direction() == -self.overload:
            self.overload = 0
        self._report()

    def _switch_torque(self, value: int) -> int:
        self._controls = self._goal = None
        before = self.memory[_TORQUE]
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
        return Packet(old_id, self.memory[_STATUS], data).encode() if loud else None

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
        controls = self._controls or self.controls
        angle = self._encoder() - controls.homing_offset
        return max(-32767, min(32767, angle)) if controls.multi_turn else angle % reg.TICKS_PER_TURN

    def goal(self) -> int:
        """Goal within the limits; limits 0 and 0 mean none."""
        if self._goal is None or self._controls is None:
            self._goal = self.controls.within_limits(self.get(reg.GOAL_POSITION))
        return self._goal

    def torque(self) -> float:
        """Torque that the motor may use, fraction of stall torque; 0 means limp."""
        controls = self._controls or self.controls
        unloading = self.memory[_STATUS] & controls.unloading
        if not controls.torque_on or unloading & _RELEASES:
            return 0.0
        return controls.protective_torque if unloading & _OVERLOAD else controls.torque_limit

    def shaft_goal(self, dt_s: float) -> float:
        """Where the shaft is to be `dt_s` from now, in encoder ticks: the ramp by Goal_Velocity and Acceleration."""
        if self.jammed:
            return self.shaft  # or physics would have it elsewhere when it comes free
        controls = self._controls or self.controls
        # Distances count in what the servo reports: across the end of the turn it goes the long way, as real ones do.
        distance = self.goal() - self._setpoint
        speed, acceleration = controls.speed, controls.acceleration
        if acceleration:
            braking = math.sqrt(2 * acceleration * abs(distance))
            speed = min(speed, braking, abs(self._ramp_ticks_s) + acceleration * dt_s)
        step = min(abs(distance), speed * dt_s)
        self._setpoint += math.copysign(step, distance)
        self._ramp_ticks_s = step / dt_s
        return round(self.shaft) + (self._setpoint - self.present())

    def moved(self, shaft: float, velocity: float, load: float, dt_s: float) -> None:
        """What physics says after `dt_s`: shaft [ticks], [ticks/s], [fraction of stall torque]."""
        if self.jammed and (limit := self.torque()):
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
        controls, load = self._controls or self.controls, abs(self.load)
        too_much = load * 100 >= controls.overload_percent
        self._overloaded_s = self._overloaded_s + dt_s if too_much else 0.0
        if self._overloaded_s > controls.overload_after_s:
            self.overload = int(math.copysign(1, self.load))
        too_much = load * STALL_CURRENT_A > controls.overcurrent_a
        self._overcurrent_s = self._overcurrent_s + dt_s if too_much else 0.0

    def _find_faults(self, voltage: int) -> int:
        controls = self._controls or self.controls
        faults = _OVERLOAD if self.overload else 0
        if not controls.least_voltage <= voltage <= controls.most_voltage:
            faults |= _VOLTAGE
        if self.temperature_c > controls.hottest_c:
            faults |= _TEMPERATURE
        if self._overcurrent_s > controls.overcurrent_after_s:
            faults |= _CURRENT
        return faults

    def _report(self) -> None:
        """Everything that the servo measures, into its registers."""
        voltage = round(self.supply_v / reg.VOLT)
        faults = self._find_faults(voltage)
        write_report(
            self.memory, self.present(), self.velocity, self.load, voltage, self.temperature_c, faults, self.goal()
        )
