"""Following a launch that writes episode results; plain Python processes stand in for the nodes."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from so_arm.cli import graph_process, graph_rollouts
from so_arm.cli.graph_rollouts import run_graph
from so_arm.cli.rollouts import Rollouts
from so_arm.core.errors import UserError
from so_arm.core.paths import share_dir
from so_arm.launcher.arguments import declared_arguments
from so_arm.launcher.environment import ros_environment

ROLLOUTS = Rollouts(Path("/policy"), None, "reach", "v3", "none", seed=7, episodes=3)
IMAGE_SIZE = (48, 64)

RUNNER = """
import json, sys, time
results, seed, episodes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(results, "a") as lines:
    for number in range(episodes):
        row = {"seed": seed + number, "success": True, "reward": 1.5, "steps": 3, "failure": None, "seconds": 0.1}
        text = json.dumps(row) + "\\n"
        lines.write(text[:10]); lines.flush(); time.sleep(0.02)
        lines.write(text[10:]); lines.flush(); time.sleep(0.02)
print("all done")
"""
SLEEPER = """
import sys, time
print('sleeping', flush=True)
print('[INFO] [123.4] [act_policy]: ready: a policy', file=sys.stderr)
print('[INFO] [123.5] [act_policy]: already said to be ready', file=sys.stderr)
time.sleep(600)
"""
FAILING = "import sys; sys.exit('act_policy: no such feature')"
ARGUMENTS = (
    *("task", "policy_path", "residual_path", "reward", "randomisation", "image_height", "image_width", "seed"),
    *("episodes", "lockstep", "results_file", "record_dir", "view"),
)


@pytest.fixture
def graph(tmp_path, monkeypatch):
    """Writes a launch file of two processes (source text each) and lets `run_graph` use it."""
    (tmp_path / "launch").mkdir()
    (tmp_path / "mjcf").mkdir()
    monkeypatch.setattr(graph_process, "share_dir", lambda: tmp_path)
    monkeypatch.setattr(graph_rollouts, "image_size", lambda policy: IMAGE_SIZE)

    def write(node: str, runner: str) -> None:
        for name, source in (("node", node), ("runner", runner)):
            (tmp_path / f"{name}.py").write_text(source)
        arguments = "".join(f'<arg name="{name}"/>' for name in ARGUMENTS)
        python = shlex.quote(sys.executable)
        words = "$(var results_file) $(var seed) $(var episodes)"
        (tmp_path / "launch" / graph_rollouts.LAUNCH_FILE).write_text(
            f"<launch>{arguments}"
            f'<executable name="act_policy" cmd="{python} {tmp_path}/node.py" on_exit="shutdown"/>'
            f'<executable name="runner" cmd="{python} {tmp_path}/runner.py {words}" on_exit="shutdown"/>'
            "</launch>"
        )

    return write


def processes_of(folder: Path) -> list[str]:
    """Command lines of living processes that mention `folder`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in text and int(path.parent.name) != os.getpid():
            found.append(text)
    return found


def test_results_arrive_one_by_one_and_the_graph_ends(graph, tmp_path):
    graph(SLEEPER, RUNNER)
    heard, ready, steps = [], [], []
    results = run_graph(
        ROLLOUTS,
        tmp_path / "graph.log",
        heard.append,
        lockstep=True,
        on_ready=ready.append,
        on_step=lambda: steps.append(len(heard)),
        more={"seed": "7", "view": "true"},
    )
    assert ready == ["act_policy"] and steps[-1] == 3
    assert results == heard
    assert [(result.seed, result.success, result.steps) for result in results] == [(n, True, 3) for n in (7, 8, 9)]
    log = (tmp_path / "graph.log").read_text()
    assert "[runner-2] all done" in log and "[act_policy-1] sleeping" in log
    assert processes_of(tmp_path) == []


def test_a_node_that_gives_up_is_named_with_its_reason(graph, tmp_path):
    graph(FAILING, SLEEPER)
    with pytest.raises(
        UserError, match=r"after 0 of 3 episodes: \[act_policy-1\] act_policy: no such feature.*graph\.log"
    ):
        run_graph(ROLLOUTS, tmp_path / "graph.log", lambda _: None, lockstep=True)
    assert processes_of(tmp_path) == []


def test_an_argument_that_the_launch_file_does_not_know_is_refused(graph, tmp_path):
    graph(SLEEPER, RUNNER)
    with pytest.raises(UserError, match="horizn"):
        run_graph(ROLLOUTS, tmp_path / "graph.log", lambda _: None, lockstep=True, more={"horizn": "1"})


def test_an_interrupt_ends_every_process(graph, tmp_path):
    graph(SLEEPER, SLEEPER)
    main = threading.main_thread().ident
    threading.Timer(1.0, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_graph(ROLLOUTS, tmp_path / "graph.log", lambda _: None, lockstep=True)
    assert time.monotonic() - begun < 6.0
    assert processes_of(tmp_path) == []


def test_the_launch_file_knows_every_argument():
    file = share_dir() / "launch" / graph_rollouts.LAUNCH_FILE
    declared = {argument.name for argument in declared_arguments(file, ros_environment(os.environ), {})}
    assert set(ARGUMENTS) <= declared
