"""The command line from outside: help, errors in one line, exit codes."""

from __future__ import annotations

import errno
import importlib
import shlex
import signal
import subprocess
import sys
import time

import pytest
import typer

from so_arm.cli import app as cli_app
from so_arm.cli import main as cli_main
from so_arm.cli.verbs import VERBS, Verb
from so_arm.core.errors import UserError
from so_arm.core.paths import share_dir

HEAVY = ("torch", "mujoco", "rclpy", "lerobot", "matplotlib", "gymnasium", "cv2")


def _so_arm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "so_arm.cli.main", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch):
    """Makes ``so-arm trial`` run a given function in this process."""

    def install(function):
        module = type(sys)("so_arm.cli.trial")
        module.register = lambda app: app.command("trial")(function)
        monkeypatch.setitem(sys.modules, "so_arm.cli.trial", module)
        monkeypatch.setitem(VERBS, "trial", Verb("trial", "For this test.", "Tests"))

    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda: None)
    return install


def test_help_lists_every_verb_and_a_bare_call_is_help():
    bare, asked = _so_arm(), _so_arm("--help")
    assert bare.returncode == asked.returncode == 0
    assert bare.stdout == asked.stdout
    for name in VERBS:
        assert f" {name} " in asked.stdout


@pytest.mark.parametrize("name", VERBS)
def test_help_of_each_verb_is_light(name: str):
    """Nothing heavy may be imported to show the help of a verb."""
    code = (
        "import sys; from so_arm.cli.main import main; code = main([sys.argv[1], '--help']);"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]; sys.exit(f'heavy: {{heavy}}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout


def test_an_unusable_dataset_folder_is_refused_before_anything_heavy_is_loaded(tmp_path):
    (tmp_path / "file").write_text("")
    code = (
        "import sys; from so_arm.cli.main import main; code = main(['demos', '--output', sys.argv[1]]);"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]; sys.exit(f'heavy: {{heavy}}' if heavy else code)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "file" / "set")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1 and "file is a file; choose a folder" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_traceback(closed: str):
    file = share_dir() / "calibration" / "example_follower.json"
    command = f"{shlex.quote(sys.executable)} -m so_arm.cli.main calibration show {shlex.quote(str(file))} {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_every_verb_has_its_file():
    for verb in VERBS.values():
        assert callable(importlib.import_module(f"so_arm.cli.{verb.file}").register)


def test_unknown_verb_names_the_choices():
    done = _so_arm("evall")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "evall" in done.stderr and "Did you mean 'eval'" in done.stderr and done.stdout == ""


def test_unknown_option_is_one_line():
    done = _so_arm("--frobnicate")
    assert done.returncode == 2
    assert done.stderr == "error: No such option: --frobnicate (see: so-arm --help)\n"


def test_user_error_is_one_line_and_exit_code_2(verb, capsys):
    def trial() -> None:
        raise UserError("first\nsecond")

    verb(trial)
    assert cli_main.main(["trial"]) == 2
    assert capsys.readouterr().err == "error: first second\n"


def test_full_disk_is_one_line_and_exit_code_2(verb, capsys):
    def trial() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "report.json")

    verb(trial)
    assert cli_main.main(["trial"]) == 2
    assert "no space left on the disk for report.json" in capsys.readouterr().err


def test_other_errors_keep_their_traceback(verb):
    def trial() -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file", "bug")

    verb(trial)
    with pytest.raises(FileNotFoundError):
        cli_main.main(["trial"])


def test_exit_code_of_a_verb_is_kept(verb):
    def trial() -> None:
        raise typer.Exit(3)

    verb(trial)
    assert cli_main.main(["trial"]) == 3


def test_bad_value_names_the_option(verb, capsys):
    def trial(episodes: int = 5) -> None:
        del episodes

    verb(trial)
    assert cli_main.main(["trial", "--episodes", "many"]) == 2
    error = capsys.readouterr().err
    assert "--episodes" in error and "so-arm trial --help" in error and error.count("\n") == 1


def test_only_the_verb_asked_for_is_imported(monkeypatch):
    imported: list[str] = []
    monkeypatch.setattr(cli_app.importlib, "import_module", lambda name: imported.append(name) or type(sys)("stub"))
    with pytest.raises(AttributeError):
        cli_app.build_app(["eval"])
    assert imported == ["so_arm.cli.evaluate"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_unwind_the_stack(number: signal.Signals, code: int):
    script = (
        "import sys, time, so_arm.cli.main as m\n"
        "def work(_):\n"
        "    try:\n        print('ready', flush=True); time.sleep(30)\n"
        "    finally:\n        print('cleaned', flush=True)\n"
        "m._run = work\n"
        "sys.exit(m.main([]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    started = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - started < 5
    assert (process.returncode, out) == (code, "cleaned\n")
    assert "Traceback" not in err


def test_closed_pipe_is_quiet():
    script = f"{shlex.quote(sys.executable)} -m so_arm.cli.main --help | true"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""


def test_an_interrupt_held_back_during_the_start_counts():
    """run.sh starts Python with SIGINT blocked; one that came meanwhile ends the command cleanly."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "so_arm.cli.main", "--help"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        process.send_signal(signal.SIGINT)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "\ninterrupted\n")
