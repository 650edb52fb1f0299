"""Who is in control, as command_mux tells it, and the way to change that."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.task import Future
from std_srvs.srv import SetBool

from so_arm.core.arbiter import TELEOP
from so_arm.nodes import qos
from so_arm.nodes.messages import texts_of
from so_arm.nodes.runtime import RuntimeNode


class ControlListener:
    """Follows /control/status for teleop, which is taken to be in control until the mux says who is.

    on_change: called with True when another source than before is in control, with every status.
    """

    def __init__(self, node: RuntimeNode, on_change: Callable[[bool], None]) -> None:
        self.source = TELEOP
        self.met = False  #: the arm has come to the source's target
        self._node, self._on_change = node, on_change
        self._client = node.create_client(SetBool, "command_mux/take_over")
        node.create_subscription(DiagnosticStatus, "control/status", self._on_status, qos.LATCHED)

    @property
    def is_ours(self) -> bool:
        return self.source == TELEOP

    def take_over(self, on: bool) -> None:
        """On: teleop is to be in control. Off: the source of before."""
        if not self._client.service_is_ready():
            self._node.problem("no take-over: command_mux does not answer")
            return
        self._client.call_async(SetBool.Request(data=on)).add_done_callback(self._on_answer)

    def _on_answer(self, future: Future) -> None:
        answer = future.result()
        if not answer.success:
            self._node.problem(answer.message)

    def _on_status(self, message: DiagnosticStatus) -> None:
        another = message.message != self.source
        self.source, self.met = message.message, texts_of(message).get("in_control") == "true"
        self._on_change(another)
