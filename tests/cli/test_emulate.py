"""``so-arm emulate``: what it shows, its orders, and that nothing stays."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from so_arm.cli import emulate_orders
from so_arm.cli.emulate_orders import Orders
from so_arm.cli.main import main
from so_arm.core.calibration import nominal_calibration
from so_arm.core.joints import NUM_JOINTS
from so_arm.hardware.fault_desk import FaultDesk
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.preset import servos_of
from so_arm.sim.live_world import LiveWorld
from so_arm.sim.start import REST_RAD


@pytest.fixture
def orders():
    """On a bus that nobody steps."""
    world = LiveWorld(nominal_calibration())
    emulator = Emulator(servos_of(nominal_calibration(), REST_RAD), world)
    yield Orders(emulator, world, FaultDesk(emulator, None), Console(file=io.StringIO())), world, emulator
    emulator.start().stop()


def test_orders(orders):
    orders, world, emulator = orders
    assert "hand sweep" in orders.obey("help") and "silent" in orders.obey("help")
    assert orders.obey("show").splitlines()[5].startswith("gripper        id   6")
    assert orders.obey("hand elbow_flex=30") == "hand: elbow_flex=30"
    (pose,) = world.hand._way
    assert pose[2] == pytest.approx(np.radians(30)) and np.isnan(pose[[0, 1, 3, 4, 5]]).all()
    assert orders.obey("hand off") == "hand: off" and not world.hand.busy
    assert orders.obey("wire gripper") == "on the bus: gripper"
    assert [servo.connected for servo in emulator.servos] == [False] * 5 + [True]
    assert "not wired" in orders.obey("show")
    assert orders.obey("wire none") == "on the bus: no servo"
    assert orders.obey("wire all").endswith("gripper")
    assert orders.obey("silent servo=2") == "silent servo=2: now"


def test_the_end_of_the_hands_way_is_told_unless_another_order_came(orders, monkeypatch):
    orders, world, _ = orders
    monkeypatch.setattr(emulate_orders, "_LOOK_S", 0.01)
    said = orders._out.file
    orders.obey("hand elbow_flex=30")
    orders.obey("hand sweep")
    limp = np.zeros(NUM_JOINTS)
    for _ in range(100):
        world(limp, limp, 0.002)
    time.sleep(0.1)
    assert said.getvalue() == ""
    world.hand._way.clear()
    deadline = time.monotonic() + 10.0
    while not said.getvalue():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.1)
    assert said.getvalue() == "the hand is there\n"


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ("jump", "unknown fault 'jump'"),
        ("hand knee=3", "unknown joint 'knee'"),
        ("hand elbow_flex=far", "'far' is not an angle in degrees"),
        ("hand elbow_flex=nan", "'nan' is not an angle in degrees"),
        ("hand", "hand WHAT?"),
        ("wire knee", "unknown joint 'knee'"),
    ],
)
def test_wrong_orders_are_told(orders, order: str, complaint: str):
    assert complaint in orders[0].obey(order)


def test_bad_options_are_one_line(tmp_path: Path, capsys):
    assert main(["emulate", "--no-cameras", "--calibration", str(tmp_path / "none")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    (tmp_path / "script").write_text("0 stall\n")
    assert main(["emulate", "--no-cameras", "--script", str(tmp_path / "script")]) == 2
    assert "there are no cameras" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.gl
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_bus_and_streams_that_leave_nothing_behind(tmp_path: Path, number: int):
    port = tmp_path / "port"
    process = subprocess.Popen(
        [sys.executable, "-m", "so_arm.cli.main", "emulate", "--port", str(port), "--image-size", "64", "64"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(4)]
    assert said[0].split() == ["serial", "port", str(port)]
    assert said[1].startswith("static camera  http://127.0.0.1:")
    with FeetechBus(str(port), margin_s=0.4) as bus:
        assert not bus.read_state().errors
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (0 if number == signal.SIGINT else 128 + signal.SIGTERM)
    assert not port.is_symlink()
    deadline = time.monotonic() + 30.0  # for the end of what ends by itself when we are gone
    while _group_lives(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
