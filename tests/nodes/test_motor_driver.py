"""The motor_driver node on emulated servos."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger
from tests.nodes.conftest import Ros, running_episode
from tests.nodes.processes import NodeProcess

from so_arm.core.calibration_formats import read_calibration
from so_arm.core.paths import share_dir
from so_arm.core.poses import HOME_POSE
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.packets import Instruction, Packet
from so_arm.hardware.feetech.preset import servos_of
from so_arm.nodes import qos
from so_arm.nodes.messages import JointStateWriter, key_values, stamp_ns, texts_of
from so_arm.nodes.motor_driver import MotorDriver

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.alone]

FILE = share_dir() / "calibration" / "example_follower.json"
HOME = np.array(HOME_POSE)


class Arm:
    """Emulated servos; `torque` has the state of Torque_Enable of servo 2 at every request."""

    def __init__(self) -> None:
        self.torque: list[int] = []
        self.goals: list[int] = []
        self.emulator = Emulator(servos_of(read_calibration(FILE), HOME), wire_time=False, on_request=self._hear)
        self.emulator.start()

    @property
    def port(self) -> Path:
        return self.emulator.path

    def _hear(self, packet: Packet) -> None:
        self.torque.append(self.emulator.servos[1].get(reg.TORQUE_ENABLE))
        if packet.code == Instruction.SYNC_WRITE:
            self.goals.append(reg.GOAL_POSITION.decode(packet.params[6:8]))  # of servo 2


@pytest.fixture
def arm() -> Iterator[Arm]:
    arm = Arm()
    yield arm
    arm.emulator.stop()


@pytest.fixture
def ros(arm: Arm) -> Iterator[Ros]:
    parameters = [f"port:={arm.port}", f"calibration_file:={FILE}", "on_exit:=limp", "answer_margin:=0.006"]
    graph = Ros([word for parameter in parameters for word in ("-p", parameter)])
    yield graph
    graph.close()


class Commander:
    """Sends one command per state, with the state's stamp."""

    def __init__(self, ros: Ros) -> None:
        self.pose = HOME
        self.late_ns = 0
        self._writer = JointStateWriter()
        self._commands = ros.publisher(JointState, "follower/joint_commands", qos.COMMAND)
        self.states = ros.listen(JointState, "follower/joint_states", qos.STATE)

    def send(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.states:
                stamp = stamp_ns(self.states[-1].header.stamp) - self.late_ns
                self._commands.publish(self._writer.write(stamp, self.pose))
            time.sleep(1 / 30)


def test_it_publishes_states_follows_stops_and_goes_home(ros: Ros) -> None:
    health = ros.listen(DiagnosticArray, "/diagnostics", qos.STATE)
    description = ros.listen(String, "robot_description", qos.LATCHED)
    ros.start(MotorDriver)
    commander = Commander(ros)
    ros.until(lambda: len(commander.states) > 20, "states")
    assert len(commander.states[-1].velocity) == 6
    assert np.allclose(commander.states[-1].position, HOME, atol=0.03)
    ros.until(lambda: description, "the description")

    commander.pose = HOME - 0.3
    commander.send(1.5)
    assert np.allclose(commander.states[-1].position, HOME - 0.3, atol=0.05)

    answer = ros.call(SetBool, "motor_driver/estop", SetBool.Request(data=True))
    assert answer.success and "frozen" in answer.message
    commander.pose = HOME
    commander.send(0.5)
    assert np.allclose(commander.states[-1].position, HOME - 0.3, atol=0.05)
    answer = ros.call(Trigger, "motor_driver/home", Trigger.Request())
    assert not answer.success and answer.message == "emergency stop"

    assert ros.call(SetBool, "motor_driver/estop", SetBool.Request(data=False)).success
    answer = ros.call(Trigger, "motor_driver/home", Trigger.Request())
    assert answer.success and answer.message == "at home"
    assert np.allclose(commander.states[-1].position, HOME, atol=0.15)

    ros.until(lambda: any("refused" in texts_of(m.status[0]) for m in health), "the report")
    texts = texts_of(health[-1].status[0])
    assert {"cycles", "states_hz", "missed_deadlines", "elbow_flex", "mode"} <= texts.keys()
    assert "emergency stop (" in texts["refused"]


def test_commands_of_before_the_episode_are_dropped(ros: Ros) -> None:
    node = ros.start(MotorDriver)
    commander = Commander(ros)
    episodes = ros.publisher(DiagnosticStatus, "episode/info", qos.LATCHED)
    ros.until(lambda: commander.states, "states")
    info = running_episode(stamp_ns(commander.states[-1].header.stamp) + 10**12)
    episodes.publish(DiagnosticStatus(values=key_values(info.to_text())))
    ros.until(lambda: node._episodes.info.running, "the episode")
    commander.pose = HOME - 0.3
    commander.send(0.5)
    assert node.counts["outside_episode"] > 0
    assert np.allclose(commander.states[-1].position, HOME, atol=0.03)


def test_a_leader_only_tells_its_state(arm: Arm) -> None:
    parameters = [f"port:={arm.port}", f"calibration_file:={FILE}", "role:=leader"]
    graph = Ros([word for parameter in [*parameters, "answer_margin:=0.006"] for word in ("-p", parameter)])
    try:
        states = graph.listen(JointState, "leader/joint_states", qos.STATE)
        node = graph.start(MotorDriver)
        graph.until(lambda: len(states) > 20, "states")
        assert np.allclose(states[-1].position, HOME, atol=0.03)
        services = {name for name, _ in node.get_service_names_and_types_by_node("motor_driver", "/")}
        assert not services & {"/motor_driver/home", "/motor_driver/enable_torque"}
        assert [servo.get(reg.TORQUE_ENABLE) for servo in arm.emulator.servos] == [0] * 6
    finally:
        graph.close()


def test_without_a_port_it_ends_with_one_line(ros_domain: int, tmp_path: Path) -> None:
    node = NodeProcess(
        "motor_driver", ros_domain, tmp_path, port=tmp_path / "none", calibration_file=FILE, wait_for_port=0.1
    )
    assert node.wait() == 2
    assert f"motor_driver: {tmp_path / 'none'} does not exist; is the arm plugged in?" in node.output


def test_without_a_calibration_it_names_the_places(ros_domain: int, tmp_path: Path) -> None:
    node = NodeProcess("motor_driver", ros_domain, tmp_path, robot_id="nobody")
    assert node.wait() == 2
    for folder in ("robots/so_follower", "robots/so100_follower", "robots/so101_follower"):
        assert f"{folder}/nobody.json" in node.output


def test_interrupted_it_lowers_the_arm_and_a_second_interrupt_does_not_matter(
    arm: Arm, ros_domain: int, tmp_path: Path
) -> None:
    node = NodeProcess("motor_driver", ros_domain, tmp_path, port=arm.port, calibration_file=FILE)
    node.wait_for("ready")
    wait_until(lambda: arm.torque and arm.torque[-1] == 1)
    node.signal(signal.SIGINT)
    time.sleep(0.5)
    assert node.interrupt() == 0
    assert "Traceback" not in node.output
    assert [servo.get(reg.TORQUE_ENABLE) for servo in arm.emulator.servos] == [0] * 6
    rest = read_calibration(FILE).joints["shoulder_lift"].middle - 1.745 * 4095 / 2 / np.pi
    assert abs(arm.emulator.servos[1].present() - rest) < 20


def test_killed_in_motion_and_restarted_there_is_no_jump_and_no_loss_of_torque(
    arm: Arm, ros_domain: int, tmp_path: Path
) -> None:
    node = NodeProcess("motor_driver", ros_domain, tmp_path, port=arm.port, calibration_file=FILE)
    graph = Ros([])
    try:
        commander = Commander(graph)
        commander.pose = HOME - 0.8
        graph.until(lambda: commander.states, "states")
        commander.send(0.8)
        node.kill()
        goals, requests = len(arm.goals), len(arm.torque)
        with arm.emulator.lock:
            kept = [bytes(servo.memory[: reg.EEPROM_SIZE]) for servo in arm.emulator.servos]
        node = NodeProcess("motor_driver", ros_domain, tmp_path, port=arm.port, calibration_file=FILE)
        node.wait_for("holding")
        assert min(arm.torque[requests:]) == 1, "torque never went off"
        position = arm.emulator.servos[1].present()
        assert abs(arm.goals[goals] - position) < 30, "first goal is where the arm is"
        assert [bytes(servo.memory[: reg.EEPROM_SIZE]) for servo in arm.emulator.servos] == kept
    finally:
        graph.close()
        node.kill()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
