"""The runner from outside: prefixed output, exit codes, respawn, shutdown, and no process left behind."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PRELUDE = "import signal, sys, time, os\n"
READY = "open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\n"


@pytest.fixture
def start(write, tmp_path: Path):
    """Start ``so-arm launch`` on a body in which ``{python:NAME}`` stands for a script given by name."""
    started: list[subprocess.Popen] = []

    def start(body: str, *arguments: str, **scripts: str) -> subprocess.Popen:
        for name, code in scripts.items():
            (tmp_path / f"{name}.py").write_text(PRELUDE + code)
            call = shlex.join([sys.executable, "-S", f"{tmp_path}/{name}.py", f"{tmp_path}/{name}.pids"])
            body = body.replace(f"@{name}", call)
        command = [
            sys.executable,
            "-m",
            "so_arm.cli.main",
            "launch",
            str(write(body)),
            *arguments,
            "--runner",
            "builtin",
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _pids(file: Path, count: int = 1) -> list[int]:
    """Process ids in `file`, once there are `count` of them."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) >= count:
            return [int(line) for line in lines]
        time.sleep(0.02)
    raise AssertionError(f"{file} did not get {count} lines")


def _alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _gone(pids: list[int], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not any(_alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def test_output_is_prefixed_and_streams_are_kept_apart(start):
    process = start(
        '<executable cmd="@talk" name="talk" output="screen"/>',
        talk="print('one'); print('two', file=sys.stderr); sys.stdout.write('no line feed')",
    )
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out == "[talk-1] one\n[talk-1] no line feed\n"
    assert "[talk-1] two\n" in err
    assert "[INFO] [talk-1]: process started with pid [" in err
    assert "process has finished cleanly" in err


def test_output_log_goes_to_a_file(start, tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "logs"))
    process = start('<executable cmd="@talk"/>', talk="print('quiet'); print('loud', file=sys.stderr)")
    out, err = process.communicate(timeout=30)
    assert out == "" and "loud" in err
    (log,) = (tmp_path / "logs").iterdir()
    assert "quiet" in log.read_text()


def test_exit_code_is_that_of_the_first_failure(start):
    process = start(
        '<executable cmd="@fail" output="screen"/><executable cmd="@fine" output="screen"/>',
        fail="sys.exit(3)",
        fine="time.sleep(0.3)",
    )
    _, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "process has died" in err and "exit code 3" in err


def test_the_last_line_repeats_why_the_launch_failed(start):
    process = start(
        '<executable cmd="@talk" name="talk"/><executable cmd="@refuse" name="refuse" on_exit="shutdown"/>',
        talk="print('talking', file=sys.stderr); time.sleep(60)",
        refuse="sys.exit('refuse: unknown reward; choose one of: v1, v2')",
    )
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err.splitlines()[-1] == "error: [refuse-2] refuse: unknown reward; choose one of: v1, v2"
    assert all(len(line) < 120 for line in err.splitlines())


def test_the_last_line_names_a_process_that_was_killed(start, tmp_path):
    process = start(
        '<executable cmd="@talk" name="talk" on_exit="shutdown"/>',
        talk="print('[INFO] [1.5] [talk]: all is well', file=sys.stderr, flush=True)\n" + READY + "time.sleep(60)",
    )
    (pid,) = _pids(tmp_path / "talk.pids")
    os.kill(pid, signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 137
    assert err.splitlines()[-1] == "error: talk-1 was killed (signal 9)"


def test_a_program_that_does_not_exist_stops_the_launch(start, tmp_path):
    process = start(
        '<executable cmd="@wait" output="screen"/><executable cmd="/no/such/program"/>', wait=READY + "time.sleep(60)"
    )
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.splitlines()[-1] == "error: [program-2] cannot start /no/such/program: No such file or directory"
    assert "process has ended" in err


def test_respawn(start, tmp_path):
    process = start(
        '<executable cmd="@die" respawn="true" respawn_delay="0.05" respawn_max_retries="2" output="screen"/>',
        die=READY + "sys.exit(1)",
    )
    process.communicate(timeout=30)
    assert len(_pids(tmp_path / "die.pids", 3)) == 3
    assert process.returncode == 1


def test_on_exit_shutdown_ends_the_others(start, tmp_path):
    process = start(
        '<executable cmd="@wait" respawn="true"/><executable cmd="@end" on_exit="shutdown"/>',
        wait=READY + "time.sleep(60)",
        end=f"\nwhile not os.path.exists('{tmp_path}/wait.pids'): time.sleep(0.02)",
    )
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert _gone(_pids(tmp_path / "wait.pids"), 1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signal_ends_all_with_their_children(start, tmp_path, number: signal.Signals, code: int):
    """A process that ignores SIGINT and SIGTERM is killed; so is the grandchild that nobody waits for."""
    process = start(
        '<executable cmd="@stubborn" sigterm_timeout="0.3" sigkill_timeout="0.3"/><executable cmd="@parent"/>',
        stubborn="signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + READY
        + "time.sleep(60)",
        parent="if os.fork() == 0: signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + READY + "time.sleep(60)",
    )
    pids = [*_pids(tmp_path / "stubborn.pids"), *_pids(tmp_path / "parent.pids", 2)]
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "sending SIGTERM" in err and "sending SIGKILL" in err
    assert _gone(pids, 2)


def test_second_interrupt_is_less_patient(start, tmp_path):
    process = start(
        '<executable cmd="@stubborn"/>',
        stubborn="signal.signal(signal.SIGINT, lambda *_: open(sys.argv[1], 'a').write('0\\n'))\n"
        + READY
        + "while True: time.sleep(1)",
    )
    (pid,) = _pids(tmp_path / "stubborn.pids")
    process.send_signal(signal.SIGINT)
    _pids(tmp_path / "stubborn.pids", 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=4)
    assert process.returncode == 130 and not _alive(pid)


def test_killing_the_runner_leaves_nothing_behind(start, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    process = start(
        '<executable cmd="@stubborn" sigterm_timeout="0.3" sigkill_timeout="0.3"/>'
        '<executable cmd="@parent" sigterm_timeout="0.3" sigkill_timeout="0.3"/>',
        stubborn="signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + READY
        + "time.sleep(60)",
        parent="os.fork()\n" + READY + "time.sleep(60)",
    )
    pids = [*_pids(tmp_path / "stubborn.pids"), *_pids(tmp_path / "parent.pids", 2)]
    assert list(scratch.glob("so_arm_launch_*"))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert _gone(pids, 15)
    deadline = time.monotonic() + 10
    while list(scratch.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(scratch.iterdir()) == []


def test_a_reader_that_goes_away_does_not_stop_the_launch(start, tmp_path):
    process = start(
        '<executable cmd="@talk" output="screen"/>',
        talk="for i in range(50): print('line', i, flush=True); time.sleep(0.01)\n" + READY,
    )
    assert process.stdout is not None
    process.stdout.readline()
    os.close(process.stdout.fileno())
    _pids(tmp_path / "talk.pids")
    assert process.wait(timeout=20) in (0, 1)
    process.stdout = None


def test_arguments_reach_the_processes_and_show_args_lists_them(start):
    body = '<arg name="word" default="hi" description="to say"/><executable cmd="@say $(var word)" output="screen"/>'
    out, _ = start(body, "word:=hello there", say="print(sys.argv[2])").communicate(timeout=30)
    assert out == "[python-1] hello there\n" or out.endswith("] hello there\n")
    out, _ = start(body, "--show-args", say="").communicate(timeout=30)
    assert "word  (default: 'hi')" in out and "to say" in out


def test_unknown_argument_is_one_line(start):
    process = start('<arg name="word" default="hi"/>', "wrod:=x")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err == (
        "error: unknown launch argument of test.launch.xml 'wrod'; choose one of: word. Did you mean 'word'?\n"
    )
