"""docs/record.md: its commands, options, keys and messages are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from so_arm.cli.app import build_app
from so_arm.cli.verbs import VERBS
from so_arm.core.operator_keys import KEYS, SERVICES
from so_arm.data.dataset_schema import ACTION, INTERVENTION, REWARD, STATE, SUCCESS
from so_arm.data.recording.settings import RecordingSettings

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "record.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\./run\.sh (\S+)((?:[^\n#]*\\\n)*[^\n#]*)", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("verb", "words"), COMMANDS)
def test_every_command_of_the_page_exists(verb: str, words: str):
    assert verb in VERBS
    command = get_command(build_app([verb])).get_command(None, verb)  # type: ignore[attr-defined, arg-type]
    known = {name for parameter in command.params for name in parameter.opts}
    used = set(re.findall(r"(?<!\S)--[a-z-]+", words))
    assert used <= known, f"{verb} has no {used - known}"


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
