"""What is waited for before an episode: that nodes are there, the arm at home, and a picture of every camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rclpy.task import Future
from sensor_msgs.msg import CameraInfo
from std_srvs.srv import Trigger

from so_arm.core.errors import UserError
from so_arm.core.settled import Settled
from so_arm.nodes import qos
from so_arm.nodes.runtime import RuntimeNode

_RETRY_S = 1.0


def unpublished(node: RuntimeNode, chain: Mapping[str, str]) -> str | None:
    """Which of the topics in `chain` (topic -> the node that publishes it) nobody publishes; None: all are."""
    for topic, publisher in chain.items():
        if node.count_publishers(topic) == 0:
            return f"nothing publishes {node.resolve_topic_name(topic)}; is {publisher} running?"
    return None


class HomeDrive:
    """Has `driver` drive the arm home; ends the node when it is not there within `patience_s`."""

    def __init__(self, node: RuntimeNode, driver: str, patience_s: float) -> None:
        self._node, self._driver, self._patience_s = node, driver, patience_s
        self._client = node.create_client(Trigger, f"{driver}/home")
        self.leave()

    def leave(self) -> None:
        """The arm is going to move."""
        self._asked: Future | None = None
        self._at_home = False
        self.refusal = ""  #: why not, as long as the driver refuses
        self._begun: float | None = None
        self._again_at = 0.0

    def missing(self) -> str | None:
        if self._client.service_is_ready():
            return None
        return f"there is no service {self._client.srv_name}; is {self._driver} running?"

    def arrived(self) -> bool:
        """Call it until it is true: drives, and asks again while it is refused."""
        now = time.monotonic()
        self._begun = self._begun if self._begun is not None else now
        if not self._at_home and now - self._begun > self._patience_s:
            self._node.fail(UserError(self.refusal or f"{self._driver} does not get the arm home: it has not answered"))
        elif not self._at_home and self._asked is None and now >= self._again_at:
            self._asked = self._client.call_async(Trigger.Request())
            self._asked.add_done_callback(self._on_answer)
        return self._at_home

    def _on_answer(self, future: Future) -> None:
        self._asked = None
        answer = future.result()
        self._at_home = answer.success
        self.refusal = "" if answer.success else f"{self._driver} does not get the arm home: {answer.message}"
        if not answer.success:
            self._again_at = time.monotonic() + _RETRY_S
            assert self._begun is not None
            if self._again_at - self._begun > self._patience_s:
                self._node.fail(UserError(self.refusal))


class WaitLog:
    """Says what the next episode waits for, once per reason, when that takes longer than usual."""

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log
        self._reason: Settled[str] = Settled("")

    def note(self, reason: str, now_s: float, usual_s: float) -> None:
        """reason: empty when nothing is waited for."""
        if self._reason.due(reason, now_s, usual_s if reason else 0.0):
            self._reason.told = reason
            if reason:
                self._log(f"waiting: {reason}")


class CamerasSeen:
    """Which of the cameras called `names` have sent a picture."""

    def __init__(self, node: RuntimeNode, names: Sequence[str]) -> None:
        self._node = node
        self._waiting = {
            name: node.create_subscription(
                CameraInfo, f"{name}_camera/camera_info", partial(self._on_info, name), qos.CONTROL
            )
            for name in names
        }

    def missing(self) -> str | None:
        if not self._waiting:
            return None
        return (
            f"no picture of camera {', '.join(self._waiting)}; see /diagnostics of {next(iter(self._waiting))}_camera"
        )

    def _on_info(self, name: str, message: CameraInfo) -> None:
        # One is enough: nobody pays for the others.
        if name in self._waiting:
            self._node.destroy_subscription(self._waiting.pop(name))
