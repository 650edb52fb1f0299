"""A bag as a recording to judge policies on: its rows are those that the recorder would have written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from so_arm.core.episode_info import DISCARDED, FAILURE, SUCCESS
from so_arm.core.errors import UserError
from so_arm.data.bags.metadata import FILE_NAME as METADATA_FILE
from so_arm.data.bags.reader import open_bag
from so_arm.data.conversion.bag_feed import recorder_messages
from so_arm.data.conversion.bag_images import BagImages
from so_arm.data.conversion.bag_streams import find_streams
from so_arm.data.conversion.dataset_to_bag import ORIGIN_KEY
from so_arm.data.conversion.nearest import nearest
from so_arm.data.ingest import wire
from so_arm.data.ingest.episode_ingest import EpisodeIngest, EpisodeReport, Row
from so_arm.data.ingest.settings import COMMAND_TOPIC, EPISODE_TOPIC, REWARD_TOPIC, STATE_TOPIC, RecordingSettings
from so_arm.data.recordings.recording import RecordedFrames

SIM_STATE_TOPIC = "sim/state"
_SECOND_NS = 1_000_000_000


class BagRecording:
    """Reads the bag once for everything but the images, which stay in the bag.

    Asked for in the order of their ticks, and episode after episode, images take one more reading, with the messages
    of a second in memory; asked for in any other order, a reading each. `reports`: of every episode in the bag, also of
    those that were discarded or have no row, which are no episodes of the recording. damage: what of the bag could not
    be read.
    """

    def __init__(
        self, path: Path, fps: int, namespace: str | None = None, cameras: Sequence[str] | None = None
    ) -> None:
        self.path, self.fps = path, float(fps)
        self.damage: list[str] = []
        with open_bag(path) as bag:
            self._streams = find_streams(path, bag.topics, namespace, cameras)
            self._settings = RecordingSettings(fps, self._streams.cameras, self._streams.reward)
            timed = ORIGIN_KEY not in bag.custom_data
            also = [SIM_STATE_TOPIC] if f"{self._streams.namespace}/{SIM_STATE_TOPIC}" in bag.topics else []
            self._content = _Content()
            ingest = EpisodeIngest(self._settings, self._content.row, self._content.end)
            for message in recorder_messages(bag, self._streams, fps, also, self.damage):
                self._content.message(message.topic, message.log_ns, message.data)
                ingest.feed(message.topic, message.data)
            ingest.close()
        if not timed:
            self._content.state_logs.clear()
        self._kept = [episode for episode in self._content.episodes if episode.kept]
        self._images = BagImages(path, self._streams, self._settings)
        if not self._kept:
            reasons = "; ".join(f"{report.info.id}: {report.cut or report.info.outcome}" for report in self.reports)
            raise UserError(f"{path} holds no episode with frames{f' ({reasons})' if reasons else ''}")

    @property
    def cameras(self) -> tuple[str, ...]:
        return self._streams.cameras

    @property
    def reports(self) -> list[EpisodeReport]:
        return [episode.report for episode in self._content.episodes]

    def __len__(self) -> int:
        return len(self._kept)

    def episode(self, index: int) -> RecordedFrames:
        if not 0 <= index < len(self):
            raise UserError(f"{self.path} has no episode {index}; it has {len(self)}, numbered from 0")
        episode, content = self._kept[index], self._content
        info, stamps = episode.report.info, np.array(episode.stamps_ns)
        period_ns = round(_SECOND_NS / self.fps)
        state_ns, reward_ns = (round(s * _SECOND_NS) for s in (self._settings.state_tolerance_s, 0.5 / self.fps))
        verdict = content.rewards.at(stamps[-1:] + period_ns, reward_ns)[0]
        sim_states = content.sim_states.at(stamps + period_ns, reward_ns)
        return RecordedFrames(
            name=f"{info.id} (cut: {episode.report.cut})" if episode.report.cut else info.id,
            stamps_ns=stamps,
            state=np.array(episode.state),
            action=np.array(episode.action),
            cameras=self.cameras,
            image_of=partial(self._image, episode.number),
            task=info.task,
            reward=np.array(episode.reward) if self._streams.reward else None,
            success=_verdict(episode.report),
            reward_success=verdict,
            sim_states=tuple(sim_states) if any(sim_states) else None,
            intervention=np.array(episode.intervention) if content.sources_told else None,
            latency_ms=self._latency_ms(stamps, state_ns),
        )

    def _image(self, number: int, camera: str, tick: int) -> np.ndarray:
        return self._images.at(number, tick)[camera]

    def _latency_ms(self, stamps: np.ndarray, tolerance_ns: int) -> np.ndarray | None:
        """From an observation to the command that answers it, as the bag's recorder received them: to within its own
        delays, so never less than nothing."""
        commands, states = self._content.command_logs, self._content.state_logs
        if not states:
            return None
        answered = np.array(sorted(commands.keys() & states.keys()), np.int64)
        found = nearest(answered, stamps, tolerance_ns)
        took_ns = [max(commands[stamp] - states[stamp], 0) for stamp in answered]
        return np.array([np.nan if at < 0 else took_ns[at] * 1e-6 for at in found])


def _verdict(report: EpisodeReport) -> bool | None:
    """The label; None where nobody judged the whole of what there is."""
    outcome = report.info.outcome
    return None if report.cut or outcome not in (SUCCESS, FAILURE) else outcome == SUCCESS


def is_bag(path: Path) -> bool:
    """Whether `path` looks like a bag: a folder with one in it, or a file of one."""
    if path.is_dir():
        return (path / METADATA_FILE).is_file() or any(is_bag(file) for file in path.iterdir() if file.is_file())
    return bool({".mcap", ".db3"} & set(path.suffixes))


def _tells_source(command: bytes) -> bool:
    try:
        return bool(wire.joints(command, COMMAND_TOPIC).frame_id)
    except UserError:
        return False  # rows say what is wrong with it


@dataclass(eq=False)
class _Episode:
    """Row by row; number: among all that the bag tells of."""

    number: int
    stamps_ns: list[int] = field(default_factory=list)
    state: list[np.ndarray] = field(default_factory=list)
    action: list[np.ndarray] = field(default_factory=list)
    reward: list[float] = field(default_factory=list)
    intervention: list[bool] = field(default_factory=list)
    report: EpisodeReport = field(init=False)

    @property
    def kept(self) -> bool:
        return bool(self.stamps_ns) and self.report.info.outcome != DISCARDED


class _Series[Value]:
    """Values by stamp."""

    def __init__(self) -> None:
        self._values: dict[int, Value] = {}

    def add(self, stamp_ns: int, value: Value) -> None:
        self._values.setdefault(stamp_ns, value)

    def at(self, moments_ns: np.ndarray, tolerance_ns: int) -> list[Value | None]:
        """The values nearest to the moments (T,); None for a moment that has none."""
        stamps = np.array(sorted(self._values), np.int64)
        found = nearest(stamps, moments_ns, tolerance_ns)
        return [None if at < 0 else self._values[stamps[at]] for at in found]


class _Content:
    """All of the bag but images."""

    def __init__(self) -> None:
        self.episodes: list[_Episode] = []
        self.rewards: _Series[bool] = _Series()
        self.sim_states: _Series[Mapping[str, str]] = _Series()
        self.state_logs: dict[int, int] = {}
        self.command_logs: dict[int, int] = {}
        self.sources_told = False  #: commands say whose they are
        self._open = _Episode(0)

    def message(self, topic: str, log_ns: int, data: bytes) -> None:
        """Messages that cannot be read are left out here; where a row needs one, it says so."""
        with suppress(UserError):
            self._note(topic, log_ns, data)

    def _note(self, topic: str, log_ns: int, data: bytes) -> None:
        if topic == EPISODE_TOPIC:
            return
        stamp_ns = wire.header_stamp(data, topic)
        if topic == STATE_TOPIC:
            self.state_logs.setdefault(stamp_ns, log_ns)
        elif topic == COMMAND_TOPIC:
            if not self.command_logs:
                self.sources_told = _tells_source(data)
            self.command_logs.setdefault(stamp_ns, log_ns)
        elif topic == REWARD_TOPIC:
            if (success := wire.reward(data, topic).success) is not None:
                self.rewards.add(stamp_ns, success)
        elif topic == SIM_STATE_TOPIC:
            self.sim_states.add(*wire.first_status(data, topic))

    def row(self, row: Row) -> None:
        episode = self._open
        episode.stamps_ns.append(row.stamp_ns)
        episode.state.append(row.state)
        episode.action.append(row.action)
        episode.reward.append(row.reward)
        episode.intervention.append(row.intervention)

    def end(self, report: EpisodeReport) -> None:
        self._open.report = report
        self.episodes.append(self._open)
        self._open = _Episode(len(self.episodes))
