"""Parameter values get their types by the rules of ROS 2 launch."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from so_arm.launcher.context import Context
from so_arm.launcher.parameters import substituted_parameter_file, typed, write_parameter_file


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("3", "yaml", 3),
        ("3.0", "yaml", 3.0),
        ("true", "yaml", True),
        ("on", "yaml", True),
        ("mujoco", "yaml", "mujoco"),
        ("'3'", "yaml", "3"),
        ("", "yaml", ""),
        ("[1, 2]", "yaml", [1, 2]),
        ("[1.0, 2.5]", "yaml", [1.0, 2.5]),
        ("[a, b]", "yaml", ["a", "b"]),
        ("3", "str", "3"),
        ("3", "float", 3.0),
        ("1", "bool", True),
        ("[1.5]", "list_of_float", [1.5]),
        ("[true, false]", "list_of_bool", [True, False]),
    ],
)
def test_typed(text: str, kind: str, value: object):
    assert typed(text, kind) == value
    assert type(typed(text, kind)) is type(value)


@pytest.mark.parametrize(
    ("text", "kind", "complaint"),
    [
        ("{a: 1}", "yaml", 'type="str"'),
        ("null", "yaml", 'type="str"'),
        ("2026-01-01", "yaml", 'type="str"'),
        ("[1, a]", "yaml", "mixes types"),
        ("[1, 2.5]", "yaml", "mixes types"),
        ("[]", "list_of_int", "not a list of int"),
        ("[[1]]", "yaml", "mixes types"),
        ("{", "yaml", "not valid YAML"),
        ("fast", "int", "fast"),
        ("2", "bool", "not a bool"),
        ("1", "list_of_int", "not a list of int"),
        ("[1.5]", "list_of_int", "not a list of int"),
        ("1", "double", "unknown parameter type 'double'"),
    ],
)
def test_what_is_no_parameter_value(text: str, kind: str, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        typed(text, kind)


def test_parameter_file_keeps_types(tmp_path: Path):
    path = write_parameter_file(tmp_path, "/**", {"a": "3", "b": {"c": 1.0}})
    assert yaml.safe_load(path.read_text()) == {"/**": {"ros__parameters": {"a": "3", "b": {"c": 1.0}}}}


def test_substitutions_inside_a_parameter_file(tmp_path: Path):
    file = tmp_path / "cameras.yaml"
    file.write_text("/**:\n  ros__parameters:\n    port: $(var port)  # 'one', \"two\"\n")
    context = Context(file, {"port": "8090"})
    assert yaml.safe_load(substituted_parameter_file(tmp_path, file, context).read_text()) == {
        "/**": {"ros__parameters": {"port": 8090}}
    }
    with pytest.raises(ValueError, match="unknown launch variable 'port'"):
        substituted_parameter_file(tmp_path, file, Context(file))
