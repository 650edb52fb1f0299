"""bag_player: publishes the messages of a bag as they were recorded, at the times at which they were."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.duration import Duration
from rosgraph_msgs.msg import Clock

from so_arm.core.errors import UserError
from so_arm.data.bags.play_clock import PlayClock
from so_arm.data.bags.reader import Bag, open_bag
from so_arm.data.bags.selection import Selection
from so_arm.nodes import qos
from so_arm.nodes.message_types import as_published, message_type
from so_arm.nodes.messages import set_stamp
from so_arm.nodes.parameters import parameter
from so_arm.nodes.progress_line import tell
from so_arm.nodes.runtime import DISCOVERY_S, OK, WARN, RuntimeNode, run
from so_arm.nodes.services import create_switches

_CLOCK_HZ = 100.0
#: Subscribers get so long to have the last messages [s].
_LAST_S = 5.0
#: And so long to be found, where there are some [s].
_FIND_S = 5.0


@dataclass(frozen=True)
class BagPlayerSettings:
    bag: str = parameter("", "Bag folder, or one file of a bag.")
    topics: tuple[str, ...] = parameter((), "Topics to play, by name or regular expression; none: all.")
    rate: float = parameter(1.0, "Speed: 2 plays twice as fast.", low=0.01, high=1000.0)
    start: float = parameter(0.0, "Where to begin, from the start of the bag, in s.", low=0.0)
    loop: bool = parameter(False, "Begin again at the end.")
    clock: bool = parameter(False, "Publish the time of the bag on /clock.")
    report: bool = parameter(False, "A line of JSON each second on standard output: where it is, counts.")


class BagPlayerNode(RuntimeNode[BagPlayerSettings]):
    def __init__(self) -> None:
        super().__init__("bag_player", BagPlayerSettings)
        self._bag: Bag | None = None
        self._skipped: dict[str, str] = {}  # topic -> why it is not played
        self._outputs: dict[str, Any] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._play, name="play")
        self._sent = 0

    def setup(self) -> None:
        settings = self.settings
        if not settings.bag:
            raise UserError("parameter bag is empty; give the folder of a bag")
        self._bag = open_bag(Path(settings.bag))
        if not self._bag.message_count:
            raise UserError(f"{settings.bag} is empty: there is nothing to play")
        if settings.start >= self._bag.duration_s > 0:
            raise UserError(f"start is {settings.start:g} s, but the bag is {self._bag.duration_s:.3f} s long")
        self._offer(Selection([name for name in settings.topics if name]).of(self._bag.topics, "topic of the bag"))
        self._start_ns = self._bag.start_ns + round(settings.start * 1e9)
        self._bag_time = PlayClock(self._start_ns, settings.rate)
        create_switches(self, set_pause=self._set_pause)
        if settings.clock:
            self._now = Clock()
            self._clock_publisher = self.create_publisher(Clock, "/clock", qos.STATE)
            self.create_timer(1.0 / _CLOCK_HZ, self._publish_clock)
        if settings.report:
            self.create_timer(1.0, self._tell)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()
            if self.settings.report:
                self._tell()
        if self._bag is not None:
            self._bag.close()

    def check_health(self) -> tuple[bytes, str]:
        self.readings["published"] = str(self._sent)
        if self._skipped:
            return WARN, "; ".join(f"{topic} is not played: {why}" for topic, why in self._skipped.items())
        return OK, "playing"

    def _offer(self, topics: list[str]) -> None:
        """A publisher for each of `topics` that has messages of a type that is here."""
        assert self._bag is not None
        for name in topics:
            topic = self._bag.topics[name]
            if not topic.count or (self.settings.clock and name == "/clock"):
                continue
            try:
                kind = message_type(topic.type)
            except UserError as error:
                self._skipped[name] = str(error)
                self.get_logger().warning(f"{name} is not played: {error}")
                continue
            self._outputs[name] = self.create_publisher(kind, name, as_published(topic.qos))
        if not self._outputs:
            reasons = "; ".join(f"{topic}: {why}" for topic, why in self._skipped.items()) or "no messages"
            raise UserError(f"{self.settings.bag}: there is nothing to play ({reasons})")

    def _play(self) -> None:
        try:
            self._wait_for_subscribers()
            self._bag_time.run(True)
            self._play_once()
            while self.settings.loop and not self._closing.is_set():
                self._bag_time.jump(self._start_ns)
                self._play_once()
            for publisher in self._outputs.values():
                if not self._closing.is_set():
                    publisher.wait_for_all_acked(Duration(seconds=_LAST_S))
            self.context.try_shutdown()
        except Exception as error:
            if self.context.ok():
                self.fail(error)

    def _wait_for_subscribers(self) -> None:
        """Until those who listen already are found: what is published before would be lost to them."""
        self._closing.wait(DISCOVERY_S)
        until = time.monotonic() + _FIND_S
        while time.monotonic() < until and not self._closing.wait(0.05):
            if all(
                self.count_subscribers(name) <= found.get_subscription_count() for name, found in self._outputs.items()
            ):
                return

    def _play_once(self) -> None:
        assert self._bag is not None
        for message in self._bag.messages(self._outputs):
            if message.log_ns < self._start_ns:
                continue
            if not self._bag_time.wait_until(message.log_ns, self._closing.is_set):
                return
            self._outputs[message.topic].publish(message.data)
            self._sent += 1

    def _set_pause(self, paused: bool) -> str:
        self._bag_time.run(not paused)
        return "paused" if paused else "playing"

    def _publish_clock(self) -> None:
        set_stamp(self._now.clock, self._bag_time.now_ns())
        self._clock_publisher.publish(self._now)

    def _tell(self) -> None:
        assert self._bag is not None
        at_s = (self._bag_time.now_ns() - self._bag.start_ns) / 1e9
        state = {"at_s": round(min(at_s, self._bag.duration_s), 3), "published": self._sent, "skipped": self._skipped}
        if not tell(state):  # whoever started this is gone
            self.context.try_shutdown()


def main() -> None:
    run(BagPlayerNode)


if __name__ == "__main__":
    main()
