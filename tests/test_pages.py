"""Every command that the documentation shows exists, with the options it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from so_arm.cli.app import build_app
from so_arm.cli.verbs import VERBS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Lines that begin with it, with those that a backslash joins to them.
_COMMAND = re.compile(r"^(?:\w+=\S+ )*\./run\.sh (\S+)((?:[^\n#]*\\\n)*[^\n#]*)", re.MULTILINE)


def _commands() -> Iterator[tuple[str, str, str]]:
    """(page, verb, the words after it)."""
    for page in PAGES:
        for verb, words in _COMMAND.findall(page.read_text(encoding="utf-8")):
            if verb != "test":  # run.sh's own
                yield page.name, verb, words


@pytest.mark.parametrize(("page", "verb", "words"), sorted(set(_commands())))
def test_every_command_exists(page: str, verb: str, words: str):
    if verb == "--help":
        return
    assert verb in VERBS, f"{page}: no verb {verb}"
    command = get_command(build_app([verb])).get_command(None, verb)  # type: ignore[attr-defined, arg-type]
    if group := getattr(command, "commands", None):
        action = words.split()[0]
        assert action in group, f"{page}: {verb} has no {action}, only {sorted(group)}"
        command = group[action]
    known = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    used = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", words)) - {"--help"}
    assert used <= known, f"{page}: {verb} has no {used - known}"


def test_the_pages_have_commands():
    assert len(list(_commands())) > 40
