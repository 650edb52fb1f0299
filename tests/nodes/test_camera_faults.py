"""Faults of a camera while a policy moves the arm: what happens, and how long until it goes on."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image, JointState
from tests.nodes.conftest import Ros, Terminal, running_episode
from tests.nodes.fake_policy import load_fake
from trajectory_msgs.msg import JointTrajectory

from so_arm.hardware.camera_faults import CameraFault
from so_arm.hardware.mjpeg_server import MjpegServer
from so_arm.nodes import act_policy, qos
from so_arm.nodes.act_policy import ActPolicyNode
from so_arm.nodes.camera import CameraNode
from so_arm.nodes.command_mux import CommandMux
from so_arm.nodes.messages import ImageWriter, JointStateWriter, key_values, stamp_ns
from so_arm.nodes.residual_corrector import ResidualCorrector

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.alone]
MAX_IMAGE_AGE_S = 0.3
FAULT_S = 3.0


class Arm:
    """Stands where it was told to; 100 states per second, and every third time an image of the static camera."""

    def __init__(self, ros: Ros) -> None:
        self.commands: list[np.ndarray] = []  #: (6,) [rad]
        self._position = np.zeros(6)
        self._ending = threading.Event()
        self._states = ros.publisher(JointState, "follower/joint_states", qos.STATE)
        self._images = ros.publisher(Image, "static_camera/image_raw", qos.IMAGE)
        ros.probe.create_subscription(JointState, "follower/joint_commands", self._on_command, qos.CONTROL)
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()

    @property
    def held(self) -> bool:
        """True while it is told to stay where it is, a quarter of a second long."""
        return len(self.commands) > 25 and not np.ptp(self.commands[-25:], axis=0).any()

    def _on_command(self, message: JointState) -> None:
        self._position = np.array(message.position)
        self.commands.append(self._position)

    def _live(self) -> None:
        state, image, k = JointStateWriter(), ImageWriter("f", 64, 64), 0
        while not self._ending.wait(0.01):
            self._states.publish(state.write(time.time_ns(), self._position))
            if k % 3 == 0:
                self._images.publish(image.write(time.time_ns(), np.zeros((64, 64, 3), np.uint8)))
            k += 1


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    with MjpegServer({"wrist": lambda: np.full((64, 64, 3), 120, np.uint8)}) as running:
        yield running


@pytest.fixture
def ros(server: MjpegServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ros]:
    monkeypatch.setattr(act_policy, "load_policy", load_fake)
    parameters = [
        "camera:camera_name:=wrist",
        f"camera:source:={server.url('wrist')}",
        "camera:width:=64",
        "camera:height:=64",
        "act_policy:policy_path:=somewhere",
        f"act_policy:max_image_age:={MAX_IMAGE_AGE_S}",
        *(f"{node}:lockstep:=false" for node in ("act_policy", "residual_corrector")),
        *(f"{node}:actions_per_chunk:=15" for node in ("act_policy", "residual_corrector")),
    ]
    graph = Ros([word for given in parameters for word in ("-p", given)])
    yield graph
    graph.close()


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("stall camera=wrist", "no image of camera wrist for "),
        ("disconnect camera=wrist", "no image of camera wrist for "),
        ("wrong_size camera=wrist value=0.5", "camera wrist: its images are 32x32 px"),
    ],
)
def test_the_policy_holds_and_names_the_camera(
    ros: Ros, server: MjpegServer, terminal: Terminal, fault: str, named: str
) -> None:
    health = ros.listen(DiagnosticArray, "/diagnostics", qos.STATE)
    chunks = ros.listen(JointTrajectory, "policy/action_chunk", qos.RECORDER)
    policy = [ros.start(kind) for kind in (CommandMux, ResidualCorrector, ActPolicyNode, CameraNode)][2]
    episode = ros.publisher(DiagnosticStatus, "episode/info", qos.LATCHED)
    episode.publish(DiagnosticStatus(values=key_values(running_episode(time.time_ns()).to_text())))
    arm = Arm(ros)

    def named_by_policy() -> bool:
        said = [message.status[0] for message in health if named in message.status[0].message]
        return any(status.name == "act_policy" and status.level == DiagnosticStatus.WARN for status in said)

    try:
        ros.until(lambda: len(chunks) > 3 and len(arm.commands) > 20 and not arm.held, "a policy that acts")
        begin_s = time.time()
        server.inject(CameraFault.parse(fault))
        ros.until(lambda: time.time() > begin_s + FAULT_S and arm.held and named_by_policy(), "the arm to hold")
        planned_s = stamp_ns(chunks[-1].header.stamp) * 1e-9 - begin_s
        planned, end_s = len(chunks), time.time()
        server.clear()
        ros.until(lambda: len(chunks) > planned, "a new chunk")
        recovered_s = time.time() - end_s
        ros.until(lambda: not arm.held, "motion")
        ros.until(lambda: terminal.said("[act_policy]: no longer: "), "the log to say that it goes on")
        ros.until(lambda: terminal.said("[camera]: no longer: "), "the log to say that the camera is back")
    finally:
        arm.close()
    assert policy.failure is None
    assert len([line for line in terminal.said("[WARN]") if "[act_policy]: " in line and named in line]) == 1
    assert planned_s < MAX_IMAGE_AGE_S + 0.5, "no plan on old images"
    print(f"{fault}: last plan {planned_s:.2f} s after it began, next {recovered_s:.2f} s after its end")
    assert recovered_s < 10.0, "0 to 1 s, more on a loaded machine"
