"""bag_recorder: every message of all topics, or of some, into a rosbag2 folder; as it came, undecoded."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks

from so_arm.core.clock import date_ns
from so_arm.core.errors import UserError
from so_arm.data.bags.custom_data import custom_data
from so_arm.data.bags.selection import Selection
from so_arm.data.bags.writer import BagWriter
from so_arm.data.bags.writer_thread import WriterThread
from so_arm.nodes.message_types import as_recorded, message_type, to_subscribe
from so_arm.nodes.parameters import parameter
from so_arm.nodes.progress_line import tell
from so_arm.nodes.runtime import ERROR, OK, WARN, RuntimeNode, run

#: Messages that may wait in the middleware: all that come while this process has no time.
_DEPTH = 1000
#: New topics are looked for this often [s].
_LOOK_S = 0.25


@dataclass(frozen=True)
class BagRecorderSettings:
    output: str = parameter("", "Folder of the bag; must be new or empty.")
    topics: tuple[str, ...] = parameter((), "Topics to record, by name or regular expression; none: all.")
    split_size: int = parameter(0, "Size at which a new file is begun, in bytes; 0: never.", low=0)
    split_time: float = parameter(0.0, "Time after which a new file is begun, in s; 0: never.", low=0.0)
    duration: float = parameter(0.0, "Ends after this time, in s; 0: when it is interrupted.", low=0.0)
    task: str = parameter("", "Kept with the bag.")
    robot_id: str = parameter("", "Kept with the bag.")
    calibration_file: str = parameter("", "Its hash is kept with the bag.")
    report: bool = parameter(False, "A line of JSON each second on standard output: counts, bytes, losses.")


class BagRecorderNode(RuntimeNode[BagRecorderSettings]):
    def __init__(self) -> None:
        super().__init__("bag_recorder", BagRecorderSettings)
        self._thread: WriterThread | None = None
        self._refused: dict[str, str] = {}  # topic -> why it is not recorded
        self._missed: Counter[str] = Counter()  # topic -> messages that the middleware had no room for
        self._known: set[str] = set()
        self._begun_s = 0.0

    def setup(self) -> None:
        settings = self.settings
        if not settings.output:
            raise UserError("parameter output is empty; give the folder of the bag")
        self._selection = Selection([name for name in settings.topics if name])
        kept = custom_data(settings.task, settings.robot_id, settings.calibration_file)
        writer = BagWriter(Path(settings.output), settings.split_size, settings.split_time, kept)
        self._thread = WriterThread(writer, self.fail)
        self._begun_s = time.monotonic()
        self._look()
        self.create_timer(_LOOK_S, self._look)
        if settings.report:
            self.create_timer(1.0, self._tell)
        self.get_logger().info("ready")

    def close(self) -> None:
        if self._thread is not None:
            self._thread.close()
            if self.settings.report:
                self._tell()

    def check_health(self) -> tuple[bytes, str]:
        assert self._thread is not None
        missed = self._missed.total()
        self.readings |= {"messages": str(self._thread.counts.total()), "lost": str(self._thread.lost + missed)}
        if self._thread.lost:
            return ERROR, f"{self._thread.lost} messages are lost: the disk is too slow"
        if missed:
            return ERROR, f"{missed} messages were lost on the way here: this machine is too busy"
        if self._refused:
            return WARN, "; ".join(f"{topic} is not recorded: {why}" for topic, why in self._refused.items())
        return OK, "recording"

    def _look(self) -> None:
        """Subscribe to what has come since the last look; end when it is time."""
        if self.settings.duration and time.monotonic() - self._begun_s > self.settings.duration:
            self.context.try_shutdown()
            return
        for topic, kinds in self.get_topic_names_and_types():
            if topic not in self._known and self._selection.takes(topic):
                self._subscribe(topic, kinds[0])

    def _subscribe(self, topic: str, kind: str) -> None:
        profiles = [found.qos_profile for found in self.get_publishers_info_by_topic(topic)]
        if not profiles:
            return
        self._known.add(topic)
        try:
            found = message_type(kind)
        except UserError as error:
            self._refused[topic] = str(error)
            return
        assert self._thread is not None
        self._thread.add_topic(topic, kind, as_recorded(profiles))
        events = SubscriptionEventCallbacks(message_lost=self._miss(topic))
        profile = to_subscribe(profiles, _DEPTH)
        self.create_subscription(found, topic, self._keep(topic), profile, event_callbacks=events, raw=True)

    def _keep(self, topic: str) -> Callable[[bytes], None]:
        assert self._thread is not None
        write = self._thread.write
        # The executor in use cannot say when a message was received (rclpy 7.1.6): it is now, nearly.
        return lambda data: write(topic, date_ns(), data)

    def _miss(self, topic: str) -> Callable[[Any], None]:
        """A publisher keeps a few messages only for one who was not given time to take them."""
        return lambda event: self._missed.update({topic: event.total_count_change})

    def _tell(self) -> None:
        assert self._thread is not None
        state = {
            "seconds": round(time.monotonic() - self._begun_s, 3),
            "bytes": self._thread.size,
            "lost": self._thread.lost,
            "missed": dict(sorted(self._missed.items())),
            "topics": dict(sorted(self._thread.counts.items())),
            "refused": self._refused,
        }
        if not tell(state):  # whoever started this is gone
            self.context.try_shutdown()


def main() -> None:
    run(BagRecorderNode)


if __name__ == "__main__":
    main()
