"""recorder: listens, and writes each episode of /episode/info to a LeRobot dataset. It never says anything but status.

Messages are taken serialised and go through a queue to a thread of its own, so that none is lost while it encodes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.event_handler import SubscriptionEventCallbacks

from so_arm.core.episode_info import DISCARDED
from so_arm.core.errors import UserError
from so_arm.core.recorder_status import IDLE, SAVED, WAITING, RecorderStatus, counts_to_text
from so_arm.data.dataset_schema import calibration_hash, recording_columns
from so_arm.data.ingest.episode_saver import Fate
from so_arm.data.ingest.recording_thread import RecordingThread
from so_arm.data.ingest.settings import EPISODE_TOPIC, RecordingSettings, topics
from so_arm.nodes import qos
from so_arm.nodes.message_types import message_type, to_subscribe
from so_arm.nodes.messages import key_values
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import OK, WARN, RuntimeNode, run

if TYPE_CHECKING:
    from so_arm.data.dataset_writer import DatasetWriter

_LOOK_S = 0.1
#: Frames that may wait for the encoder before that is worth a warning.
_BEHIND = 150


@dataclass(frozen=True)
class Settings:
    output: str = parameter("", "Folder of the dataset; one that exists is refused unless resume is true.")
    resume: bool = parameter(False, "Add to the dataset if there is one.")
    fps: int = parameter(30, "Rate of the rows [Hz].", low=1, high=200)
    cameras: str = parameter("static wrist", "Cameras to record: names with spaces between; empty: none.")
    instruction: str = parameter("", "What the arm is to do, in words: the task of every row.")
    reward: bool = parameter(False, "Record reward/terms, which simulation has.")
    state_tolerance: float = parameter(
        0.05, "How far a joint state or command may be from its tick [s].", low=0.001, high=1.0
    )
    image_tolerance: float = parameter(0.1, "How far an image may be from its tick [s].", low=0.001, high=1.0)
    calibration_file: str = parameter("", "Calibration of the follower, whose hash the dataset keeps; empty: none.")
    control_hz: int = parameter(0, "Rate in which episodes count their steps [Hz]; 0: fps.", low=0, high=200)
    patience: float = parameter(
        120.0, "A topic that nobody publishes for so long ends the recorder; 0: never [s].", low=0.0, high=86_400.0
    )


class Recorder(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("recorder", Settings)
        self._thread: RecordingThread | None = None

    def setup(self) -> None:
        settings = self.settings
        if not settings.output:
            raise UserError("output is empty; give the folder of the dataset: --ros-args -p output:=DIR")
        self._root = Path(settings.output)
        if not settings.resume and self._root.is_dir() and any(self._root.iterdir()):
            raise UserError(f"{self._root} already holds files; choose a new folder, or resume:=true to add to it")
        self._recording = RecordingSettings(
            settings.fps,
            tuple(settings.cameras.split()),
            settings.reward,
            settings.state_tolerance,
            settings.image_tolerance,
            control_hz=settings.control_hz,
        )
        self._status = self.create_publisher(DiagnosticStatus, "recorder/status", qos.LATCHED)
        self._missing = dict(topics(self._recording))
        self._began_s = time.monotonic()
        self._fate: Fate | None = None
        self._writer = self._make_writer()
        self._thread = RecordingThread(self._root, self._writer, self._recording, self._tell, self._on_fate, self.fail)
        self._thread.start()
        self._subscribe(EPISODE_TOPIC, qos.RECORDER_LATCHED)
        self.create_timer(_LOOK_S, self._look)
        self._tell()
        self.get_logger().info(f"ready: {self._root}, {len(self._writer.notes)} episodes")

    def close(self) -> None:
        if self._thread is not None and (dropped := self._thread.close()):
            self.get_logger().warning(dropped)

    def check_health(self) -> tuple[bytes, str]:
        assert self._thread is not None
        waiting = self._writer.waiting
        self.readings["queued"], self.readings["frames_behind"] = str(self._thread.queued), str(waiting)
        level, text = super().check_health()
        if level != OK:
            return level, text
        if self._missing:
            return WARN, self._waits_for()
        if waiting > _BEHIND:
            return WARN, f"the video encoder is {waiting} frames behind; smaller images or fewer cameras help"
        return OK, "ok"

    # ---- subscriptions

    def _look(self) -> None:
        """Subscribe to what somebody publishes by now, in the way in which it is published."""
        for topic in list(self._missing):
            found = self.get_publishers_info_by_topic(self.resolve_topic_name(topic))
            if not found:
                continue
            # Replaced, not changed: the recorder's thread may be telling what is in it.
            self._missing = {name: kind for name, kind in self._missing.items() if name != topic}
            if topic != EPISODE_TOPIC:
                self._subscribe(topic, to_subscribe([info.qos_profile for info in found], qos.RECORDER.depth))
            self._tell()
        patience = self.settings.patience
        if self._missing and patience and time.monotonic() - self._began_s > patience:
            self.fail(UserError(f"{self._waits_for()} for {patience:.0f} s; is its node running?"))

    def _waits_for(self) -> str:
        return "nobody publishes " + ", ".join(f"/{topic}" for topic in self._missing)

    def _subscribe(self, topic: str, profile: qos.QoSProfile) -> None:
        assert self._thread is not None
        kind = message_type(topics(self._recording)[topic])
        events = SubscriptionEventCallbacks(message_lost=partial(self._miss, topic))
        hear = partial(self._thread.hear, topic)
        self.create_subscription(kind, topic, hear, profile, event_callbacks=events, raw=True)

    def _miss(self, topic: str, event: Any) -> None:
        """The publisher went on while this process was given no time."""
        assert self._thread is not None
        self._thread.miss(topic, event.total_count_change)

    def _make_writer(self) -> DatasetWriter:
        from so_arm.data.dataset_writer import DatasetWriter

        settings = self.settings
        writer = DatasetWriter(
            self._root,
            dict.fromkeys(self._recording.cameras),
            settings.fps,
            settings.instruction,
            episodes_per_file=1,
            columns=recording_columns(settings.reward),
            calibration=calibration_hash(settings.calibration_file),
        )
        if writer.recovered:
            self.get_logger().warning(f"{self._root}: {writer.recovered}")
        return writer

    # ---- what is told, from any thread

    def _on_fate(self, fate: Fate) -> None:
        self._fate = fate
        report = fate.report
        for topic, counts in report.streams.items():
            for name, more in counts.oddities.items():
                self.counts[f"{topic} {name}"] += more
        said = f"episode {report.info.id} {fate.result}: {fate.rows} rows"
        if fate.rows and report.lead:
            said += f" from tick {report.lead} on"
        lost = {topic: counts.lost for topic, counts in report.streams.items() if counts.lost}
        if lost:
            said += f"; lost on the way: {', '.join(f'{count} of {topic}' for topic, count in lost.items())}"
        if fate.result in (SAVED, DISCARDED) and not lost:
            self.get_logger().info(said)
        else:
            self.get_logger().warning(said)
        self._tell()

    def _tell(self) -> None:
        assert self._thread is not None
        missing, phase, fate = self._missing, self._thread.phase, self._fate
        status = RecorderStatus(
            phase=WAITING if missing and phase == IDLE else phase,
            saved=len(self._writer.notes),
            episode=fate.report.info.id if fate else "",
            result=fate.result if fate else "",
            rows=fate.rows if fate else 0,
            dataset=str(self._root),
            problem=self._waits_for() if missing else "",
        )
        values = status.to_text()
        if fate is not None:
            values |= {topic: counts_to_text(vars(counts)) for topic, counts in fate.report.streams.items()}
        self._status.publish(DiagnosticStatus(name="recorder", message=status.phase, values=key_values(values)))


def main() -> None:
    run(Recorder)


if __name__ == "__main__":
    main()
