"""The identification finds the servo that made an episode; real episodes are only more work of the same kind."""

import importlib.util
import sys

import numpy as np
import pytest

from so_arm.core.paths import share_dir
from so_arm.data.joint_units import JointUnits
from so_arm.data.recorded_episode import RecordedEpisode


@pytest.fixture(scope="module")
def script():
    path = share_dir() / "benchmarks" / "identification" / "servo.py"
    spec = importlib.util.spec_from_file_location("servo_identification", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look for it
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def commands():
    """Two seconds of motion (60, 6) that loads every joint."""
    time_s = np.arange(60) / 30
    pose = np.array([0.0, 0.2, -0.3, 0.5, 0.0, 0.5])
    swing = np.array([0.6, 0.4, -0.5, 0.6, 0.8, 0.3])
    action = pose + swing * np.sin(2.5 * time_s + np.arange(6)[:, None]).T
    return RecordedEpisode(action, np.repeat(action[:1], 60, axis=0), time_s, 30.0, JointUnits.radians)


def moved(script, commands, servo):
    replay = script.Replay(commands)
    state = replay.positions(servo.model(), servo.delay_s, servo.ramp)
    return RecordedEpisode(commands.action, state, commands.time_s, commands.fps, commands.units)


def test_it_finds_the_servo_that_made_the_episode(script, commands):
    true = script.Servo(kp=7.0, damping=0.8, friction=0.05, loaded_friction=0.2)
    replay = script.Replay(moved(script, commands, true))
    assert max(script.rms(replay.error_deg(true))) < 1e-6
    found = script.fit(replay, script.two_frictions, [9.0, 0.7, 0.08, 0.15], 120, slice(None), script.BODY)
    assert found.kp == pytest.approx(true.kp, rel=0.1)
    assert found.damping == pytest.approx(true.damping, rel=0.1)
    assert found.loaded_friction == pytest.approx(true.loaded_friction, abs=0.05)
    assert max(script.rms(replay.error_deg(found))[:5]) < 0.3


def test_the_ramp_starts_and_brakes_with_the_acceleration(script):
    goals = np.vstack([np.zeros((1, 6)), np.full((400, 6), 0.5)])
    place = script.Replay._ramp(goals)[:, 0]
    speed = np.diff(place) / script.PHYSICS_STEP_S
    assert place[-1] == pytest.approx(0.5)
    assert np.diff(speed).max() <= script.RAMP_RAD_S2 * script.PHYSICS_STEP_S * 1.01
    assert speed.max() == pytest.approx(np.sqrt(0.5 * script.RAMP_RAD_S2), rel=0.05)


@pytest.mark.slow
def test_the_table(script, commands):
    rows = script.identify(moved(script, commands, script.Servo(9.0, 0.7, 0.08, 0.18)), quick=True)
    assert "the model as it is, delay 10 ms" in rows
    assert len(rows["rounded"]["rms_deg"]) == 6
    assert rows["4 parameters, from lift, wrist"]["parameters"]["kp"] > 0
