"""docs/record.md: its commands, options, keys and messages are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from so_arm.core.operator_keys import KEYS, SERVICES
from so_arm.data.dataset_schema import ACTION, INTERVENTION, REWARD, STATE, SUCCESS
from so_arm.data.ingest.settings import RecordingSettings

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "record.md").read_text(encoding="utf-8")


def test_launch_arguments_of_the_page_exist():
    launch = "".join((ROOT / "launch" / name).read_text() for name in ("so_arm.launch.xml", "record.launch.xml"))
    used = set(re.findall(r"(\w+):=", PAGE)) - {"jog"}
    assert used and used <= set(re.findall(r'<arg name="(\w+)"', launch))


def test_the_page_has_every_key_and_service():
    rows = re.findall(r"^\| (`.`(?:, `.`)*) \|", PAGE, re.MULTILINE)
    assert sorted(re.findall(r"`(.)`", "".join(rows))) == sorted(KEYS)
    assert all(f"recording_session/{name}" in PAGE or f"`{name}`" in PAGE for name in SERVICES.values())


def test_the_page_has_every_column_and_the_tolerances():
    assert all(f"`{name}`" in PAGE for name in (STATE, ACTION, REWARD, SUCCESS, INTERVENTION))
    settings = RecordingSettings(30, (), False)
    assert f"may be {settings.state_tolerance_s} s away, an image {settings.image_tolerance_s} s" in PAGE
