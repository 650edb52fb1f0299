"""Which episode is running, for nodes that act only inside of one."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticStatus

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.nodes import qos
from so_arm.nodes.messages import texts_of
from so_arm.nodes.runtime import RuntimeNode


class EpisodeListener:
    """Follows /episode/info. Make it before every other subscription. The bridge sends the first observation
    of an episode only when all listeners have its start, and callbacks come in order of arrival.

    on_change: called with every new phase. A new episode has another `id` and phase "running".
    """

    def __init__(self, node: RuntimeNode, on_change: Callable[[EpisodeInfo], None]) -> None:
        self.info = EpisodeInfo()
        self._node, self._on_change = node, on_change
        node.create_subscription(DiagnosticStatus, "episode/info", self._on_message, qos.LATCHED)

    def covers(self, stamp_ns: int) -> bool:
        """True when an observation with this stamp belongs to the running episode."""
        return self.info.running and stamp_ns >= self.info.start_stamp_ns

    def _on_message(self, message: DiagnosticStatus) -> None:
        try:
            info = EpisodeInfo.from_text(texts_of(message))
        except UserError as error:
            self._node.problem(str(error))
            return
        self.info = info
        self._on_change(info)
