"""Nodes and a probe in one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy")

from rclpy.executors import SingleThreadedExecutor  # noqa: E402

from so_arm.core.episode_info import EpisodeInfo  # noqa: E402

PATIENCE_S = 30.0


class Ros:
    """An initialised rclpy with a spinning executor."""

    def __init__(self, arguments: list[str]) -> None:
        rclpy.init(args=["test", "--ros-args", *arguments])
        self._executor = SingleThreadedExecutor()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._nodes: list[Any] = []
        self.probe = rclpy.create_node("probe")
        self._executor.add_node(self.probe)
        self._thread.start()

    def start(self, kind: type[Any]) -> Any:
        """A node of ours, set up and spinning."""
        node = kind()
        self._nodes.append(node)
        node.declare()
        node.setup()
        self._executor.add_node(node)
        return node

    def listen(self, kind: type[Any], topic: str, profile: Any) -> list[Any]:
        """Messages as they arrive, in a list that keeps growing."""
        received: list[Any] = []
        self.probe.create_subscription(kind, topic, received.append, profile)
        return received

    def publisher(self, kind: type[Any], topic: str, profile: Any) -> Any:
        """A publisher that somebody listens to."""
        publisher = self.probe.create_publisher(kind, topic, profile)
        self.until(lambda: publisher.get_subscription_count() > 0, f"a subscriber of {topic}")
        return publisher

    def call(self, kind: type[Any], name: str, request: Any) -> Any:
        client = self.probe.create_client(kind, name)
        assert client.wait_for_service(PATIENCE_S), name
        future = client.call_async(request)
        self.until(future.done, f"an answer of {name}")
        return future.result()

    @staticmethod
    def until(condition: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited for {what}"
            time.sleep(0.005)

    def close(self) -> None:
        for node in self._nodes:
            node.close()
        rclpy.try_shutdown()
        self._thread.join(10)
        for node in [*self._nodes, self.probe]:
            node.destroy_node()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except Exception:  # a shutdown can surface as any error of a middleware call in progress
            if rclpy.ok():
                raise


@pytest.fixture
def ros(request: pytest.FixtureRequest) -> Iterator[Ros]:
    """Give ROS arguments by ``@pytest.mark.parametrize("ros", [[...]], indirect=True)``."""
    graph = Ros(getattr(request, "param", []))
    yield graph
    graph.close()


class Terminal:
    """What the nodes of this process write on standard error."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self._text = ""

    def said(self, text: str) -> list[str]:
        """Lines so far with `text` in them."""
        self._text += self._capfd.readouterr().err
        return [line for line in self._text.splitlines() if text in line]


@pytest.fixture
def terminal(capfd: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capfd)


def running_episode(start_stamp_ns: int = 0, name: str = "test-1") -> EpisodeInfo:
    return EpisodeInfo(id=name, phase="running", start_stamp_ns=start_stamp_ns)
