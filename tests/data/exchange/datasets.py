"""A small dataset of this arm with everything that is exchanged: two cameras, two instructions, rewards, marks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from so_arm.data.dataset_schema import ACTION, FEATURE_NAMES, IMAGE_PREFIX, STATE, UNITS
from so_arm.data.exchange.episode import Episode, Feature, Layout
from so_arm.data.exchange.lerobot_target import write_lerobot

FPS, SIZE, LENGTHS = 20, (48, 64), (12, 9, 7)
TASKS = ("Pick up the red cube.", "Reach the target.", "Pick up the red cube.")
SUCCESSES = (True, False, True)
STATIC, WRIST = IMAGE_PREFIX + "static", IMAGE_PREFIX + "wrist"
JOINTS = Feature("float32", (6,), list(FEATURE_NAMES))
LAYOUT = Layout(
    fps=FPS,
    robot_type="so100_follower",
    features={
        STATE: JOINTS,
        ACTION: JOINTS,
        "reward": Feature("float32", (1,), None),
        "success": Feature("bool", (1,), None),
        "intervention": Feature("bool", (1,), None),
    },
    images={STATIC: SIZE, WRIST: SIZE},
    units=UNITS,
)


def make_episode(number: int) -> Episode:
    """Episode `number`; a bright square moves to the right in the static camera, downwards in the wrist's."""
    length = LENGTHS[number]
    random = np.random.default_rng(number)
    action = np.cumsum(random.normal(size=(length, 6)), axis=0).astype(np.float32)
    success = np.zeros((length, 1), bool)
    success[-1] = SUCCESSES[number]
    columns = {
        ACTION: action,
        STATE: (action - 0.5).astype(np.float32),
        "reward": random.random((length, 1)).astype(np.float32),
        "success": success,
        "intervention": random.random((length, 1)) > 0.5,
    }
    frames = {STATIC: [_picture(4 * k, 8) for k in range(length)], WRIST: [_picture(8, 3 * k) for k in range(length)]}
    return Episode(columns, frames, TASKS[number])


def _picture(x: int, y: int) -> np.ndarray:
    image = np.full((*SIZE, 3), (40, 90, 140), np.uint8)
    return cv2.rectangle(image, (x, y), (x + 12, y + 12), (220, 60, 30), -1)


def make_dataset(root: Path) -> Path:
    write_lerobot(root, LAYOUT, [make_episode(number) for number in range(len(LENGTHS))], lambda rows: None)
    return root


def assert_same_numbers(found: Episode, expected: Episode) -> None:
    assert found.task == expected.task
    assert set(found.columns) == set(expected.columns)
    for key, values in expected.columns.items():
        assert found.columns[key].dtype == values.dtype, key
        assert np.array_equal(found.columns[key], values), key


def image_difference(found: Episode, expected: Episode) -> float:
    """Mean difference of all images, of 255; the number of images must be the same."""
    pairs = [pair for one, other in zip(found.images(), expected.images(), strict=True) for pair in _pairs(one, other)]
    assert len(pairs) == len(expected) * len(expected.frames)
    return float(np.mean([np.abs(one.astype(int) - other).mean() for one, other in pairs]))


def _pairs(one: dict, other: dict) -> list[tuple[np.ndarray, np.ndarray]]:
    assert list(one) == list(other)
    return [(one[key], other[key]) for key in one]
