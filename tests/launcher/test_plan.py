"""A launch file is read from top to bottom into the processes it asks for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from so_arm.core.errors import UserError


def _parameters(command: list[str]) -> list[dict]:
    files = [command[at + 1] for at, word in enumerate(command) if word == "--params-file"]
    return [yaml.safe_load(Path(file).read_text()) for file in files]


def test_conditions_and_variables(plan):
    body = """
      <arg name="hardware_type" default="mujoco"/>
      <let name="is_real" value="$(equals $(var hardware_type) real)"/>
      <executable cmd="driver" if="$(var is_real)"/>
      <executable cmd="bridge --mode $(var hardware_type)" unless="$(var is_real)"/>"""
    assert [process.command for process in plan(body).processes] == [["bridge", "--mode", "mujoco"]]
    assert [process.command for process in plan(body, hardware_type="real").processes] == [["driver"]]


def test_spaces_in_a_value_do_not_split_a_word(command):
    assert command("<executable cmd=\"run --in=$(var a)/x $(var b) 'c d'\"/>", a="my dir", b="e f") == [
        "run",
        "--in=my dir/x",
        "e f",
        "c d",
    ]


def test_scoped_group_takes_its_changes_back(plan):
    body = """
      <group>
        <let name="x" value="inside"/><set_env name="PLACE" value="inside"/><push_ros_namespace namespace="left"/>
        <executable cmd="$(var x)"/>
      </group>
      <group scoped="false"><let name="y" value="kept"/></group>
      <executable cmd="$(var x outside) $(var y) $(env PLACE none)"/>"""
    inner, outer = plan(body).processes
    assert inner.command == ["inside"] and inner.environment["PLACE"] == "inside"
    assert outer.command == ["outside", "kept", "none"] and "PLACE" not in outer.environment


def test_environment_of_one_process_and_of_all(plan):
    body = """
      <set_env name="ALL" value="1"/><unset_env name="PATH"/>
      <executable cmd="a"><env name="OWN" value="$(env ALL)2"/></executable>
      <executable cmd="b"/>"""
    first, second = plan(body).processes
    assert first.environment["OWN"] == "12" and "PATH" not in first.environment
    assert second.environment["ALL"] == "1" and "OWN" not in second.environment


def test_node_command(command, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "no_scripts_here"))
    node = command(
        """
      <set_parameter name="use_sim_time" value="true"/><set_remap from="/a" to="/b"/>
      <push_ros_namespace namespace="$(var namespace)"/>
      <node pkg="so_arm" exec="__init__" name="bridge" args="--fast" ros_args="--log-level info">
        <param name="seed" value="$(var seed)"/>
        <param name="task" value="reach"/>
        <param name="limits"><param name="speed" value="1.0"/></param>
        <remap from="joint_states" to="/follower/joint_states"/>
      </node>""",
        seed="7",
        namespace="arm",
    )
    assert node[:3] == [sys.executable, "-m", "so_arm.nodes.__init__"]
    without_files = [word for word in node[3:] if not word.endswith(".yaml")]
    assert without_files == [
        *("--fast", "--ros-args", "--log-level", "info", "-r", "__node:=bridge", "-r", "__ns:=/arm"),
        *("--params-file",) * 4,
        *("-r", "/a:=/b", "-r", "joint_states:=/follower/joint_states"),
    ]
    assert _parameters(node) == [
        {"/**": {"ros__parameters": {"use_sim_time": True}}},
        {"/arm/bridge": {"ros__parameters": {"seed": 7}}},
        {"/arm/bridge": {"ros__parameters": {"task": "reach"}}},
        {"/arm/bridge": {"ros__parameters": {"limits": {"speed": 1.0}}}},
    ]


def test_node_uses_the_console_script_of_this_environment(command, monkeypatch, tmp_path):
    script = tmp_path / "bin" / "bridge"
    script.parent.mkdir()
    script.touch(mode=0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert command('<node pkg="so_arm" exec="bridge"/>') == [str(script), "--ros-args"]


def test_node_of_another_package(command, monkeypatch, tmp_path):
    program = tmp_path / "lib" / "tools" / "listener"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    marker = tmp_path / "share/ament_index/resource_index/packages/tools"
    marker.parent.mkdir(parents=True)
    marker.touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert command('<node pkg="tools" exec="listener" namespace="a"/>') == [
        *(str(program), "--ros-args", "-r", "__ns:=/a")
    ]
    with pytest.raises(UserError, match=r":2: unknown executable of package tools 'lisener'; choose one of: listener"):
        command('<node pkg="tools" exec="lisener"/>')


def test_include_sees_and_sets_variables(plan, write):
    write(
        '<arg name="x" default="own"/><arg name="y" default="own"/><executable cmd="$(var x) $(var y)"/>',
        "b.launch.xml",
    )
    body = """
      <let name="y" value="outer"/>
      <include file="$(dirname)/b.launch.xml"><arg name="x" value="given"/></include>
      <executable cmd="$(var x) $(dirname)"/>"""
    inner, outer = plan(body).processes
    assert inner.command == ["given", "outer"]
    assert outer.command == ["given", str(write("").parent)]


def test_process_attributes(plan):
    (process,) = plan(
        '<executable cmd="a b" name="c" output="screen" respawn="true" respawn_delay="0.5" respawn_max_retries="3" '
        'on_exit="shutdown" cwd="/tmp" launch-prefix="nice -n 5" sigterm_timeout="1" sigkill_timeout="2"/>'
    ).processes
    assert process.label == "c-1" and process.command == ["nice", "-n", "5", "a", "b"] and process.cwd == "/tmp"
    assert process.stdout_on_screen and process.shutdown_on_exit
    assert (process.respawn, process.respawn_delay_s, process.respawn_max_retries) == (True, 0.5, 3)
    assert (process.sigterm_after_s, process.sigkill_after_s) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<nod/>", r"test.launch.xml:2: unknown tag '<nod>'; choose one of: arg, .*Did you mean '<?no"),
        ('<group if="false">\n<timer/></group>', r":3: unknown tag '<timer>'"),
        ('<executable cmd="a" shell="true"/>', r":2: unknown attribute of <executable> 'shell'; choose one of: cmd"),
        ('<executable cmd="$(anon a)"/>', r":2: cmd of <executable>: unknown substitution '\$\(anon \.\.\.\)'"),
        ('<executable cmd="$(var a"/>', r":2: cmd of <executable>: .*not closed"),
        ("<executable/>", r":2: <executable> needs the attribute 'cmd'"),
        ('<executable cmd=" "/>', r":2: cmd of <executable> is empty"),
        ('<executable cmd="a"><param name="b"/></executable>', r":2: unknown tag in <executable> '<param>'"),
        ('<let name="a" value="b"><arg/></let>', r":2: <let> holds no tags, got <arg>"),
        ('<executable cmd="a" if="maybe"/>', r":2: if of <executable>: 'maybe' is neither"),
        ('<executable cmd="a" if="1" unless="1"/>', r":2: <executable> has both 'if' and 'unless'"),
        ('<executable cmd="a" respawn_delay="-1"/>', r":2: respawn_delay of <executable>: '-1' is not a time"),
        ('<executable cmd="a" respawn_max_retries="x"/>', r":2: respawn_max_retries .* 'x' is not a whole number"),
        ('<executable cmd="a" on_exit="restart"/>', r":2: unknown on_exit of <executable> 'restart'.*shutdown"),
        ('<executable cmd="a" output="file"/>', r":2: unknown output of <executable> 'file'"),
        ('<node pkg="so_arm" exec="brigde"/>', r":2: unknown executable of package so_arm 'brigde'"),
        ('<node pkg="no_such" exec="a"/>', r":2: unknown ROS package 'no_such'"),
        ('<node exec="a"><param name="b" value="{}"/></node>', r":2: parameter 'b': '\{\}' is no bool"),
        (
            '<node exec="a"><param name="b" value="$(env HOME)" type="list_of_str"/></node>',
            r":2: .*needs a list written out",
        ),
        ('<node exec="a"><param from="/no/file.yaml"/></node>', r":2: from of <param>: .*no parameter file /no/file"),
        ('<arg name="m" default="c"><choice value="a"/></arg>', r":2: unknown value of the launch argument m 'c'"),
        ('<include file="/no/such.launch.xml"/>', r"test.launch.xml:2: included file: cannot read .*/no/such"),
        ('<include file="$(filename)"/>', r"more than 20 files include one another"),
        ("<a>", r":3: not valid XML: mismatched tag"),
    ],
)
def test_faults_are_named_with_their_line(plan, body: str, complaint: str):
    with pytest.raises(UserError, match=complaint):
        plan(body)


def test_outermost_tag(tmp_path, plan):
    from so_arm.launcher.arguments import load

    (tmp_path / "x.xml").write_text("<robot/>")
    with pytest.raises(UserError, match=r"x.xml:1: the outermost tag is <robot>; it must be <launch>"):
        load(tmp_path / "x.xml")
