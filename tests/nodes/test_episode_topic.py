"""A listener that does not confirm is told of, and waited for no longer than asked."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("rclpy")

from so_arm.core.episode_info import EpisodeInfo
from so_arm.nodes.episode_topic import EpisodeTopic

pytestmark = pytest.mark.ros


class _Node:
    """A node and its only publisher, with listeners that have confirmed or not."""

    topic_name = "/episode/info"

    def __init__(self, confirmed: bool) -> None:
        self._confirmed = confirmed
        self.published: list[Any] = []
        self.waited_s: list[float] = []
        self.warnings: list[str] = []

    def create_publisher(self, *_: object) -> _Node:
        return self

    def get_logger(self) -> _Node:
        return self

    def publish(self, message: object) -> None:
        self.published.append(message)

    def wait_for_all_acked(self, timeout: Any) -> bool:
        self.waited_s.append(timeout.nanoseconds * 1e-9)
        return self._confirmed

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_listener_that_does_not_confirm_is_told_of(confirmed: bool) -> None:
    node = _Node(confirmed)
    EpisodeTopic(node, 0.3).publish(EpisodeInfo(id="test-1", phase="running"))  # type: ignore[arg-type]
    assert len(node.published) == 1 and node.waited_s == [pytest.approx(0.3)]
    said = [] if confirmed else ["a listener of /episode/info did not confirm within 0.3 s"]
    assert node.warnings == said
