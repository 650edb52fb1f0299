"""Whatever a file holds: a calibration or a UserError, never anything else."""

import json
import random
from collections.abc import Iterator

import pytest
from tests.core.calibration_samples import ALL

from so_arm.core.calibration_formats import lerobot_text, parse_calibration
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES

INPUTS = 100_000
VALUES = (
    *(0, 1, -1, 7, 2047, 2048, -2048, 4095, 4096, 8192, 10**30, 0.5, -0.0, 1e308, float("inf"), float("nan")),
    *(None, True, False, "", "x" * 99, "\ud800", "\x00", [], {}, [[]], {"id": 1}, [1] * 6, *JOINT_NAMES, "DEGREE"),
)
TOKENS = (b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"e9", b"1e999", b"-", b"NaN", b"0", b"\xff", b"\0")


def byte_mutant(seed: bytes, rng: random.Random) -> bytes:
    text = bytearray(seed)
    for _ in range(rng.randint(1, 4)):
        at, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        action = rng.randrange(5)
        if action == 0:
            del text[at : min(end, at + 9)]
        elif action == 1:
            text[at:at] = rng.choice(TOKENS)
        elif action == 2 and at < len(text):
            text[at] = rng.randrange(256)
        elif action == 3:
            text[at:at] = text[at : min(end, at + 60)]
        elif rng.random() < 0.2:
            del text[at:]
    return bytes(text)


def value_mutant(seed: bytes, rng: random.Random) -> str:
    data = json.loads(seed)
    for _ in range(rng.randint(1, 3)):
        place = data
        while isinstance(place, dict | list) and place:
            key = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
            if isinstance(place[key], dict | list) and rng.random() < 0.8:
                place = place[key]
                continue
            action = rng.randrange(4)
            if action == 0:
                del place[key]
            elif action == 1 and isinstance(place, dict):
                place[rng.choice((*JOINT_NAMES, *place, "kind"))] = place.pop(key)
            elif isinstance(place[key], int | float) and action == 2:
                place[key] += rng.choice((-4096, -1000, -1, 1, 2048, 4096))
            else:
                place[key] = rng.choice(VALUES)
            break
    return json.dumps(data)


def inputs() -> Iterator[str | bytes]:
    rng = random.Random(20)
    seeds = [json.dumps(make()).encode() for make in ALL]
    for number in range(INPUTS):
        if number % 10 == 0:
            yield rng.randbytes(rng.randrange(200))
        elif number % 10 < 5:
            yield byte_mutant(rng.choice(seeds), rng)
        else:
            yield value_mutant(rng.choice(seeds), rng)


@pytest.mark.slow
def test_no_input_gets_anything_but_a_calibration_or_a_user_error():
    understood = 0
    for text in inputs():
        try:
            calibration = parse_calibration(text, "fuzz.json")
        except UserError as error:
            assert str(error).startswith("fuzz.json: ")
            continue
        understood += 1
        assert parse_calibration(lerobot_text(calibration), "again.json").joints == calibration.joints
    assert INPUTS / 100 < understood < INPUTS / 2
