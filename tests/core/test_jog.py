import numpy as np

from so_arm.core.jog import CARTESIAN_SPEED, HOLD_S, JOINT_SPEED_RAD_S, KEYS, SPEEDS, KeyJog
from so_arm.core.jog_target import LEAD_RAD, JogTarget
from so_arm.core.joints import GRIPPER, LOWER_RAD, UPPER_RAD

PERIOD_S = 1 / 30
MIDDLE = np.array([0.0, -0.9, 0.7, 1.2, 0.0, 0.6])
RECORDING_KEYS = set("rsdtqhnyf")


def no_cartesian(joints: np.ndarray, velocity: np.ndarray, time_s: float) -> np.ndarray:
    raise AssertionError("joint by joint")


def jog_after(*keys: str, at_s: float = 0.0) -> np.ndarray:
    keyboard = KeyJog()
    for key in keys:
        assert keyboard.press(key, 0), key
    return keyboard.jog(int(at_s * 1e9)).velocity


def test_every_key_of_the_table_is_known_and_none_belongs_to_the_recording() -> None:
    keyboard = KeyJog()
    assert all(keyboard.press(key, 0) for key in KEYS)
    assert not set(KEYS) & RECORDING_KEYS
    assert not any(keyboard.press(key, 0) for key in (*RECORDING_KEYS, "", "escape", "ü"))


def test_a_press_moves_for_the_hold_time_and_a_storm_of_repeats_no_faster() -> None:
    once = jog_after("up")
    assert once[0] == CARTESIAN_SPEED[0] * SPEEDS[2] and not once[1:].any()
    assert np.array_equal(jog_after(*["up"] * 1000), once)
    assert np.array_equal(jog_after("up", at_s=HOLD_S * 0.9), once)
    assert not jog_after(*["up"] * 1000, at_s=HOLD_S).any(), "repeats do not add up"


def test_the_other_direction_replaces_and_other_axes_join() -> None:
    velocity = jog_after("up", "down", "u", "o")
    assert np.array_equal(np.sign(velocity), [-1, 0, 1, 0, 0, 1])


def test_joint_by_joint() -> None:
    velocity = jog_after("3", "left")
    assert velocity[2] == -JOINT_SPEED_RAD_S * SPEEDS[2] and np.count_nonzero(velocity) == 1
    assert not jog_after("up", "m").any(), "a change of mode stops"
    keyboard = KeyJog()
    keyboard.press("5", 0)
    assert keyboard.text == "joint by joint, wrist_roll, speed 35%"
    assert not keyboard.press("w", 0) or not keyboard.jog(0).velocity.any(), "Cartesian keys do nothing here"
    keyboard.press("m", 0)
    assert keyboard.text == "Cartesian, speed 35%"


def test_speed_has_ends() -> None:
    for key, share in (("+", SPEEDS[-1]), ("-", SPEEDS[0])):
        assert jog_after(*[key] * 20, "up")[0] == CARTESIAN_SPEED[0] * share


def test_a_clock_that_went_back_does_not_move_for_ever() -> None:
    keyboard = KeyJog()
    keyboard.press("up", 10**12)
    assert not keyboard.jog(0).velocity.any()


def test_the_target_moves_at_its_speed_and_stays_without_keys() -> None:
    target, keyboard = JogTarget(no_cartesian, PERIOD_S), KeyJog()
    target.reset(MIDDLE)
    keyboard.press("1", 0)
    keyboard.press("up", 0)
    moved = target.step(keyboard.jog(0), MIDDLE)
    assert np.allclose(moved - MIDDLE, [JOINT_SPEED_RAD_S * SPEEDS[2] * PERIOD_S, 0, 0, 0, 0, 0])
    sagging = MIDDLE - 0.1
    for _ in range(100):
        assert np.array_equal(target.step(keyboard.jog(10**9), sagging), moved), "sag does not pull it down"


def test_the_target_leads_a_blocked_arm_by_a_bound_and_follows_one_that_is_moved_away() -> None:
    target, keyboard = JogTarget(no_cartesian, PERIOD_S), KeyJog()
    target.reset(MIDDLE)
    keyboard.press("1", 0)
    for k in range(300):
        keyboard.press("up", k)
        moved = target.step(keyboard.jog(k), MIDDLE)
    assert np.isclose(moved[0], MIDDLE[0] + LEAD_RAD)
    elsewhere = MIDDLE + np.array([1.0, 0, 0, 0, 0, 0])
    assert np.array_equal(target.step(keyboard.jog(10**9), elsewhere), elsewhere)


def test_the_target_stays_within_the_joint_limits() -> None:
    for key, end in (("up", UPPER_RAD), ("down", LOWER_RAD)):
        target, keyboard = JogTarget(no_cartesian, PERIOD_S), KeyJog()
        for joint in range(GRIPPER + 1):
            measured = MIDDLE.copy()
            target.reset(measured)
            for k in range(600):
                keyboard.press(str(joint + 1), k)
                keyboard.press(key, k)
                measured = target.step(keyboard.jog(k), measured)
            assert measured[joint] == end[joint]
