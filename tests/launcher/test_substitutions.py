"""What each substitution yields."""

from __future__ import annotations

from pathlib import Path

import pytest

from so_arm.core.paths import share_dir
from so_arm.launcher.context import Context
from so_arm.launcher.substitutions import as_bool, check, expand
from so_arm.launcher.template import parse_template

CONTEXT = Context(Path("/launch/a.launch.xml"), {"x": "1", "name": "arm", "on": "True"}, {"HOME": "/home/me"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$(var name)/$(var missing fallback)", "arm/fallback"),
        ("$(env HOME)", "/home/me"),
        ("$(env NOT_SET '')", ""),
        ("$(dirname)|$(filename)", "/launch|/launch/a.launch.xml"),
        ("$(find-pkg-share so_arm)", str(share_dir())),
        ("$(eval '$(var x) + 1')", "2"),
        ("$(equals $(var x) 1.0)", "true"),
        ("$(equals $(var on) 1)", "true"),
        ("$(equals a A)", "false"),
        ("$(not-equals $(var name) leg)", "true"),
        ("$(and $(var on) $(not 0))", "true"),
        ("$(or false 0)", "false"),
        ("$(if $(var on) a b)", "a"),
        ("$(if false a)", ""),
    ],
)
def test_value(text: str, value: str):
    assert expand(parse_template(text), CONTEXT) == value


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("$(var nam)", "unknown launch variable 'nam'.*Did you mean 'name'"),
        ("$(env NOT_SET)", "NOT_SET is not set"),
        ("$(find-pkg-share no_such_package)", "unknown ROS package 'no_such_package'"),
        ("$(not maybe)", "'maybe' is neither true nor false"),
        ("$(eval 'import os')", "not a Python expression"),
    ],
)
def test_no_value(text: str, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        expand(parse_template(text), CONTEXT)


def test_unknown_ones_are_refused_without_being_reached():
    with pytest.raises(ValueError, match=r"unknown substitution '\$\(command \.\.\.\)'; choose one of: and, dirname"):
        check(parse_template("$(if true a $(command 'rm -rf /'))"))
    with pytest.raises(ValueError, match=r"\$\(var \.\.\.\) takes 1 to 2 argument\(s\), got 0"):
        check(parse_template("$(var)"))


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), (" True ", True), ("1", True), ("FALSE", False), ("0", False)]
)
def test_truth(text: str, value: bool):
    assert as_bool(text) is value


@pytest.mark.parametrize("text", ["", "yes", "on", "2"])
def test_truth_of_other_words_is_refused(text: str):
    with pytest.raises(ValueError, match="neither true nor false"):
        as_bool(text)
