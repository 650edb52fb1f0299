import pytest

from so_arm.core.errors import UserError

pytestmark = pytest.mark.ros


def test_a_second_runner_in_the_domain_is_refused(ros):
    from so_arm.nodes.episode_runner import EpisodeRunner

    ros.start(EpisodeRunner)
    with pytest.raises(UserError, match="another /episode_runner is running in ROS domain"):
        ros.start(EpisodeRunner)


@pytest.mark.parametrize("ros", [["-p", "results_file:=/dev/full"]], indirect=True)
def test_a_full_disk_is_one_line(ros):
    from so_arm.core.episode_info import EpisodeInfo
    from so_arm.nodes.episode_runner import EpisodeRunner

    runner = ros.start(EpisodeRunner)
    ended = EpisodeInfo(id="test-1", phase="ended", outcome="success", steps=3)
    with pytest.raises(UserError, match="cannot write /dev/full: no space left on the disk"):
        runner._finish_episode(ended)


def test_a_discarded_episode_does_not_count_and_a_reset_world_is_no_dead_end(ros):
    from so_arm.core.episode_info import EpisodeInfo
    from so_arm.nodes.episode_runner import EpisodeRunner

    runner = ros.start(EpisodeRunner)
    runner._starting = object()
    runner._on_episode(EpisodeInfo(id="test-1", phase="running"))
    runner._on_episode(EpisodeInfo(id="test-1", phase="ended", outcome="discarded"))
    assert runner._results == []
    assert runner._starting is None
    runner._starting = object()
    runner._on_episode(EpisodeInfo(id="test-2", phase="running"))
    runner._on_episode(EpisodeInfo(phase="idle"))
    assert runner._starting is None


@pytest.mark.parametrize("name", ["results_file", "summary_file"])
@pytest.mark.parametrize("content", ["", "{}\n"])
def test_earlier_results_are_never_written_over(tmp_path, name, content):
    from tests.nodes.conftest import Ros

    from so_arm.nodes.episode_runner import EpisodeRunner

    file = tmp_path / "results"
    file.write_text(content)
    ros = Ros(["-p", f"{name}:={file}"])
    try:
        if content:
            with pytest.raises(UserError, match=f"{name} {file} holds results already; choose another name"):
                ros.start(EpisodeRunner)
        else:
            ros.start(EpisodeRunner)
    finally:
        ros.close()
    assert file.read_text() == content


@pytest.mark.parametrize(("latency_ms", "told"), [(float("nan"), False), (12.0, True)])
def test_a_latency_that_nobody_measured_is_not_told(ros, monkeypatch, latency_ms, told):
    from so_arm.core.episode_info import EpisodeInfo
    from so_arm.nodes.episode_runner import EpisodeRunner

    class Log:
        def info(self, line: str) -> None:
            lines.append(line)

    lines: list[str] = []
    runner = ros.start(EpisodeRunner)
    monkeypatch.setattr(runner, "get_logger", Log)
    ended = EpisodeInfo("t-1", "ended", outcome="success", latency_p50_ms=latency_ms, latency_p99_ms=latency_ms)
    for _ in range(runner.settings.episodes):
        runner._finish_episode(ended)
    assert "5 of 5 succeeded" in lines[-1]
    assert "nan" not in lines[-1] and ("p50 12.0 ms" in lines[-1]) == told
