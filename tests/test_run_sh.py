"""run.sh: sets up once, goes on after an interruption, forwards everything. Python and pip are stand-ins here."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from ctypes.util import find_library
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

GL_IS_HERE = any(find_library(name) for name in ("EGL", "OSMesa"))

PYTHON = r"""#!/bin/bash
# Stand-in for Python 3.12: notes what it is asked for in $NOTES.
case "$1 ${2:-}" in
    -V*) echo "Python ${FAKE_VERSION:-3.12.1}" ;;
    "-m uv") exit 1 ;;
    "-m venv")
        mkdir -p "$3/bin"
        cp "$0" "$3/bin/python"
        printf '#!/bin/bash\nprintf "<%%s>" "$@"; echo; env\n' >"$3/bin/so-arm"
        chmod +x "$3/bin/so-arm"
        echo venv >>"$NOTES" ;;
    "-m pip")
        [ "$3" != "--version" ] || exit 0
        echo "pip ${!#}" >>"$NOTES"
        exec sleep "${PIP_SECONDS:-0}" ;;
    "-m pytest")
        printf '<%s>' "$@"
        case "$*" in *"not alone") exit "${PYTEST_TOGETHER:-0}" ;; *"-m alone") exit "${PYTEST_ALONE:-0}" ;; esac ;;
    "- ") [ "${MUJOCO_GL:-}" = "${WORKING_GL:-egl}" ] ;;
esac
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with run.sh, in a folder with a space in its name, and the stand-ins beside it in bin/."""
    root = tmp_path / "a checkout"
    nodes = root / "ros_ws" / "src" / "so_arm" / "nodes"
    nodes.mkdir(parents=True)
    (root / "launch").mkdir()
    (root / "launch" / "fastdds.xml").touch()
    shutil.copy(REPOSITORY / "run.sh", root)
    for name in ("requirements.txt", "setup.py", "pyproject.toml"):
        (root / name).write_text(f"{name}\n")
    commands = {
        "python3.12": PYTHON,
        "python3": "#!/bin/bash\nexit 1\n",
        "python": "#!/bin/bash\nexit 1\n",
        "uv": "#!/bin/bash\nexit 1\n",
        "id": '#!/bin/bash\necho "${FAKE_UID:-1000}"\n',
        "apt-get": '#!/bin/bash\necho "apt-get $*" >>"$NOTES"\n',
    }
    (tmp_path / "bin").mkdir()
    for name, text in commands.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    return root


def _environment(root: Path, **variables: str) -> dict[str, str]:
    folder = root.parent
    return {"PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": str(folder), "NOTES": f"{folder}/notes", **variables}


def _run(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "run.sh", *arguments],
        env=_environment(root, **variables),
        cwd=root.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _notes(root: Path) -> list[str]:
    file = root.parent / "notes"
    return file.read_text().splitlines() if file.exists() else []


def test_first_call_sets_up_and_later_ones_only_forward(root: Path):
    first = _run(root, "eval", "--policy", "a b", "")
    assert first.returncode == 0
    assert first.stdout.startswith("<eval><--policy><a b><>")
    assert _notes(root) == ["venv", f"pip {root}/requirements.txt", f"pip {root}"]
    second = _run(root, "demo")
    assert (second.stdout.splitlines()[0][:6], second.stderr) == ("<demo>", "")
    assert len(_notes(root)) == 3


@pytest.mark.parametrize("changed", ["requirements.txt", "setup.py", "ros_ws/src/so_arm/nodes/new.py"])
def test_what_the_environment_is_made_from_is_watched(root: Path, changed: str):
    _run(root)
    (root / changed).write_text("def main() -> None: ...\n")
    _run(root)
    assert _notes(root)[3:] == [f"pip {root}/requirements.txt", f"pip {root}"]


def test_interrupted_set_up_ends_at_once_and_goes_on_later(root: Path):
    process = subprocess.Popen(
        [root / "run.sh"], env=_environment(root, PIP_SECONDS="61.7"), stderr=subprocess.PIPE, text=True
    )
    while not _notes(root)[1:]:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "interrupted; the next call goes on" in err
    assert not [pid for pid in Path("/proc").glob("[0-9]*/cmdline") if b"sleep\x0061.7" in _read(pid)]
    assert _run(root).returncode == 0
    assert _notes(root)[2:] == [f"pip {root}/requirements.txt", f"pip {root}"]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_failed_installation_is_not_taken_for_a_good_one(root: Path):
    failed = _run(root, PIP_SECONDS="not a number")
    assert failed.returncode == 2
    assert "run.sh: error: installing requirements.txt failed" in failed.stderr
    assert _run(root).returncode == 0


@pytest.mark.parametrize("damage", ["python gone", "folder moved"])
def test_a_broken_environment_is_made_anew(root: Path, damage: str):
    _run(root)
    if damage == "folder moved":
        root = root.rename(root.parent / "b")
    else:
        (root / ".venv" / "bin" / "python").unlink()
    assert _run(root).returncode == 0
    assert _notes(root)[3:] == ["venv", f"pip {root}/requirements.txt", f"pip {root}"]


def test_an_environment_made_by_hand_is_taken_over(root: Path):
    _run(root)
    (root / ".venv" / ".so_arm_place").unlink()
    (root / ".venv" / ".so_arm_is_set_up").unlink()
    assert _run(root).returncode == 0
    assert _notes(root)[3:] == [f"pip {root}/requirements.txt", f"pip {root}"]


def test_without_python_312_the_ways_to_get_it_are_named(root: Path):
    done = _run(root, FAKE_VERSION="3.11.9")
    assert done.returncode == 2
    assert done.stderr.startswith("run.sh: error: Python 3.12 was not found")
    assert all(way in done.stderr for way in ("apt-get install python3.12", "pyenv install", "uv python install"))


def test_tests_get_the_arguments_and_fast_leaves_out_the_slow_rooms(root: Path):
    _run(root)
    assert _run(root, "test", "-k", "a b").stdout == "<-m><pytest><-k><a b>"
    assert (
        _run(root, "test", "-x", "--fast").stdout
        == "<-m><pytest><-x><-m><not torch and not ros and not gl and not slow>"
    )


@pytest.mark.parametrize(
    ("together", "alone", "runs", "code"), [(0, 0, 2, 0), (1, 0, 2, 1), (0, 1, 2, 1), (0, 3, 2, 3), (2, 0, 1, 2)]
)
def test_all_tests_are_those_that_share_the_machine_and_those_that_do_not(
    root: Path, together: int, alone: int, runs: int, code: int
):
    """An interrupted first half is not followed by the second."""
    _run(root)
    done = _run(root, "test", PYTEST_TOGETHER=str(together), PYTEST_ALONE=str(alone))
    assert done.stdout.count("<-m><pytest>") == runs
    assert "<-m><not alone>" in done.stdout
    assert done.returncode == code


def test_environment_for_rendering_and_ros(root: Path):
    lines = _run(root).stdout.splitlines()
    profile = f"{root}/launch/fastdds.xml"
    assert f"AMENT_PREFIX_PATH={root}/.venv" in lines
    assert f"FASTRTPS_DEFAULT_PROFILES_FILE={profile}" in lines and f"FASTDDS_DEFAULT_PROFILES_FILE={profile}" in lines
    assert "MUJOCO_GL=egl" in lines or not GL_IS_HERE


def test_environment_of_the_user_stays(root: Path):
    given = {"MUJOCO_GL": "glfw", "FASTRTPS_DEFAULT_PROFILES_FILE": "/mine.xml", "AMENT_PREFIX_PATH": "/opt/ros/jazzy"}
    lines = _run(root, **given).stdout.splitlines()
    assert "MUJOCO_GL=glfw" in lines and "FASTRTPS_DEFAULT_PROFILES_FILE=/mine.xml" in lines
    assert "FASTDDS_DEFAULT_PROFILES_FILE" not in "".join(lines)
    assert f"AMENT_PREFIX_PATH=/opt/ros/jazzy:{root}/.venv" in lines
    assert "MUJOCO_GL" not in _run(root, DISPLAY=":0").stdout


def test_without_a_gl_library_root_installs_it_and_others_get_the_line(root: Path):
    refused = _run(root, WORKING_GL="none")
    assert refused.returncode == 0
    assert "sudo apt-get install libegl1 libgl1-mesa-dri libosmesa6" in refused.stderr
    assert not [note for note in _notes(root) if note.startswith("apt-get")]
    as_root = _run(root, WORKING_GL="none", FAKE_UID="0")
    assert as_root.returncode == 0
    assert [note for note in _notes(root) if "install -y --no-install-recommends libegl1" in note]


@pytest.mark.skipif(not GL_IS_HERE, reason="run.sh tries no OpenGL library where none is installed")
def test_osmesa_stands_in_for_egl(root: Path):
    assert "MUJOCO_GL=osmesa" in _run(root, WORKING_GL="osmesa").stdout.splitlines()
    assert (root / ".venv" / ".so_arm_gl_backend").read_text() == "osmesa"
