"""Arguments of launch files: which there are, and what is refused."""

from __future__ import annotations

import pytest

from so_arm.core.errors import UserError
from so_arm.launcher.arguments import check_assignments, declared_arguments, find_launch_file, parse_assignments

BODY = """
  <arg name="hardware_type" default="a" description="which arm"><choice value="a"/><choice value="b"/></arg>
  <arg name="robot_id"/>
  <include file="$(dirname)/$(var hardware_type).launch.xml"><arg name="fixed" value="1"/></include>
  <group if="$(equals a b)"><arg name="rare"/></group>"""


@pytest.fixture
def file(write):
    write('<arg name="fixed"/><arg name="seed" default="0"/>', "a.launch.xml")
    write('<arg name="fixed"/><arg name="port" default="/dev/tty"/>', "b.launch.xml")
    return write(BODY)


def test_arguments_of_included_files_count_unless_set_there(file):
    declared = declared_arguments(file, {}, {})
    assert [argument.name for argument in declared] == ["hardware_type", "robot_id", "seed", "rare"]
    assert declared[0].default == "a" and declared[0].choices == ("a", "b") and declared[0].description == "which arm"
    assert [argument.name for argument in declared if argument.conditional] == ["rare"]


def test_a_given_argument_decides_which_file_is_included(file):
    names = [argument.name for argument in declared_arguments(file, {}, {"hardware_type": "b"})]
    assert names == ["hardware_type", "robot_id", "port", "rare"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (
            {"robot_id": "x", "sed": "1"},
            r"unknown launch argument of test.launch.xml 'sed'.*Did you mean 'seed'",
        ),
        ({"robot_id": "x", "hardware_type": "c"}, r"unknown value of the launch argument hardware_type 'c'.*: a, b"),
        ({}, r"test.launch.xml needs a value for: robot_id:=..."),
    ],
)
def test_what_does_not_fit_is_refused(file, given: dict, complaint: str):
    with pytest.raises(UserError, match=complaint):
        check_assignments(given, declared_arguments(file, {}, {}), file)


def test_fitting_arguments_pass(file):
    check_assignments({"robot_id": "", "seed": "1"}, declared_arguments(file, {}, {}), file)


def test_assignments():
    assert parse_assignments(["a:=1", "b:=x:=y", "c:=", "a:=2"]) == {"a": "2", "b": "x:=y", "c": ""}
    for word in ("a=1", ":=1", "--flag"):
        with pytest.raises(UserError, match="not of the form name:=value"):
            parse_assignments([word])


def test_unknown_launch_file_names_the_choices():
    with pytest.raises(UserError, match="unknown launch file 'nothing'"):
        find_launch_file("nothing")
