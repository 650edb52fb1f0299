"""recording_session with a source of episodes and a recorder that do as they are told."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from so_arm.core.episode_info import EpisodeInfo

pytestmark = pytest.mark.ros


class Studio:
    """Episodes start when asked, and end when asked; the recorder saves them at once."""

    def __init__(self, ros) -> None:
        from diagnostic_msgs.msg import DiagnosticStatus
        from sensor_msgs.msg import JointState
        from std_srvs.srv import Trigger

        from so_arm.nodes import qos
        from so_arm.nodes.messages import key_values, texts_of

        self.ros, self.asked = ros, []
        self._trigger, self._values, self._status, self._texts = Trigger, key_values, DiagnosticStatus, texts_of
        self.info = EpisodeInfo()
        self.result = "saved"
        self.refusal = ""
        self._infos = ros.probe.create_publisher(DiagnosticStatus, "episode/info", qos.LATCHED)
        self._recorder = ros.probe.create_publisher(DiagnosticStatus, "recorder/status", qos.LATCHED)
        ros.probe.create_publisher(JointState, "follower/joint_commands", qos.COMMAND)
        ros.probe.create_publisher(JointState, "teleop/command", qos.COMMAND)
        for name in ("start", "stop", "discard", "succeed", "fail"):
            ros.probe.create_service(
                Trigger, f"mujoco_bridge/{name}", lambda request, response, name=name: self._serve(name, response)
            )
        self.record("")
        self.statuses = ros.listen(DiagnosticStatus, "recording/status", qos.LATCHED)

    def until(self, phase: str, **values: str) -> None:
        def there() -> bool:
            if not self.statuses or self.statuses[-1].message != phase:
                return False
            texts = self._texts(self.statuses[-1])
            return all(text in texts[name] for name, text in values.items())

        self.ros.until(there, f"{phase} {values}")

    def ask(self, name: str):
        return self.ros.call(self._trigger, f"recording_session/{name}", self._trigger.Request())

    def record(self, episode: str, phase: str = "idle") -> None:
        texts = {"saved": "0", "episode": episode, "result": self.result, "rows": "30", "dataset": "", "problem": ""}
        values = self._values(texts | {"state_repeated": "2"})
        self._recorder.publish(self._status(name="recorder", message=phase, values=values))

    def announce(self, **changes: object) -> None:
        self.info = dataclasses.replace(self.info, **changes)  # type: ignore[arg-type]
        self._infos.publish(
            self._status(name=self.info.id, message=self.info.phase, values=self._values(self.info.to_text()))
        )

    def _serve(self, name: str, response):
        self.asked.append(name)
        response.success, response.message = not self.refusal, self.refusal or f"{name} done"
        if self.refusal:
            return response
        if name == "start":
            self.announce(id=f"e{self.asked.count('start')}", phase="running", outcome="", failure="")
        else:
            outcome = {"stop": "stopped", "discard": "discarded", "succeed": "success", "fail": "failure"}[name]
            self.announce(phase="ended", outcome=outcome, steps=30)
            if outcome != "discarded":
                self.record(self.info.id)
        return response


@pytest.fixture
def studio(ros):
    return Studio(ros)


def _parameters(**values: object) -> list[str]:
    return [word for name, value in values.items() for word in ("-p", f"{name}:={value}")]


@pytest.mark.parametrize("ros", [_parameters(episodes=2)], indirect=True)
def test_a_person_leads_through_a_recording_by_services(ros, studio):
    from so_arm.nodes.recording_session import RecordingSessionNode

    node = ros.start(RecordingSessionNode)
    studio.until("ready", note="ready for episode 1 of 2")
    refused = studio.ask("stop")
    assert (refused.success, refused.message) == (False, "no episode is running (ready)")
    assert studio.ask("record").message == "episode 1 of 2 begins"
    studio.until("running")
    assert "is being recorded" in studio.ask("record").message
    assert studio.ask("discard").message == "discard done"
    studio.until("ready", last="its turn comes again", saved="0")
    studio.ask("record")
    studio.until("running")
    assert studio.ask("next").success
    studio.until("running", saved="1")
    assert studio.ask("fail").success
    ros.until(lambda: not node.context.ok(), "the end")
    assert node.failure is None
    assert studio.asked == ["start", "discard", "start", "stop", "start", "fail"]


@pytest.mark.parametrize(
    "ros", [_parameters(episodes=2, automatic="true", results_file="results.jsonl")], indirect=True
)
def test_an_automatic_recording_writes_its_results(ros, studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from so_arm.nodes.recording_session import RecordingSessionNode

    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results.jsonl"
    node = ros.start(RecordingSessionNode)
    for number in (1, 2, 3):
        ros.until(lambda number=number: studio.info.id == f"e{number}" and studio.info.running, "the episode")
        studio.result = "cut: no image of camera wrist" if number == 1 else "saved"
        studio.announce(phase="ended", outcome="success", steps=30)
        studio.record(studio.info.id)
    ros.until(lambda: not node.context.ok(), "the end")
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [line["result"] for line in lines] == ["cut: no image of camera wrist", "saved", "saved"]
    assert lines[0]["counts"] == {"state_repeated": "2"}
    assert lines[2]["line"] == "episode 2 of 2: 30 frames saved, success"


@pytest.mark.parametrize(
    ("ros", "reason"),
    [
        (_parameters(automatic="true", patience=1.0, driver="motor_driver"), "there is no service motor_driver/home"),
        (_parameters(patience=1.0, cameras="static wrist"), "no picture of camera static, wrist; see /diagnostics"),
        (_parameters(patience=1.0, policy="true"), "nothing publishes /policy/action_chunk; is act_policy running?"),
    ],
    indirect=["ros"],
)
def test_what_never_comes_ends_it_with_the_reason(ros, reason: str):
    from so_arm.nodes.recording_session import RecordingSessionNode

    Studio(ros)
    node = ros.start(RecordingSessionNode)
    ros.until(lambda: node.failure is not None, "the failure")
    assert f"no episode can begin: {reason}" in str(node.failure)


@pytest.mark.parametrize("ros", [_parameters()], indirect=True)
def test_a_source_that_refuses_is_told_and_quitting_ends_it(ros, studio):
    from so_arm.nodes.recording_session import RecordingSessionNode

    node = ros.start(RecordingSessionNode)
    studio.until("ready")
    studio.refusal = "shoulder_pan is 1.00 rad away from where an episode starts"
    studio.ask("record")
    studio.until("resting", note="away from where an episode starts")
    assert studio.ask("quit").message == "the recording ends; 0 episodes are saved"
    ros.until(lambda: not node.context.ok(), "the end")
