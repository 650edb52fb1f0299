import dataclasses
import importlib
import math
import typing
from dataclasses import dataclass

import pytest
from rclpy.parameter import Parameter
from tests.nodes.conftest import Ros

from so_arm.core.errors import UserError
from so_arm.nodes.parameters import NodeParameters, check_value, parameter

pytestmark = pytest.mark.ros

NODES = (
    "mujoco_bridge",
    "act_policy",
    "residual_corrector",
    "reward_estimator",
    "command_mux",
    "camera",
    "episode_runner",
)


@dataclass(frozen=True)
class Example:
    gain: float = parameter(0.5, "A gain.", low=0.0, high=1.0, changeable=True)
    count: int = parameter(3, "A count.", low=1)
    mode: str = parameter("slow", "A mode.", choices=("slow", "fast"), changeable=True)
    bound: tuple[float, ...] = parameter((0.1,), "Bounds.", low=0.0, high=1.0, lengths=(1, 6))
    flag: bool = parameter(True, "A flag.")
    path: str = parameter("", "A path.")


def check(name: str, value: object) -> object:
    field = {field.name: field for field in dataclasses.fields(Example)}[name]
    return check_value(field, typing.get_type_hints(Example)[name], value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("gain", math.nan, "parameter gain is nan, expected a number from 0.0 to 1.0"),
        ("gain", math.inf, "parameter gain is inf"),
        ("gain", 1.5, "parameter gain is 1.5, expected a number from 0.0 to 1.0"),
        ("gain", "much", "parameter gain is 'much', expected a number"),
        ("gain", True, "parameter gain is True, expected a number"),
        ("count", 0, "parameter count is 0, expected a whole number of at least 1"),
        ("count", 2.5, "parameter count is 2.5, expected a whole number"),
        ("mode", "fas", "unknown mode (parameter) 'fas'; choose one of: fast, slow. Did you mean 'fast'?"),
        ("bound", [0.1, 0.2], "parameter bound has 2 values, expected 1 or 6"),
        ("bound", [0.1] * 5 + [math.nan], "parameter bound is nan"),
        ("flag", "yes", "parameter flag is 'yes', expected true or false"),
    ],
)
def test_bad_values_are_refused_with_what_would_be_right(name: str, value: object, message: str) -> None:
    with pytest.raises(UserError) as error:
        check(name, value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_harmless_differences_of_type_are_accepted() -> None:
    assert check("gain", 1) == 1.0
    assert check("bound", 0.2) == (0.2,)
    assert check("path", 5) == "5"


@pytest.mark.parametrize("name", NODES)
def test_every_parameter_of_every_node_is_described_and_has_a_valid_default(name: str) -> None:
    settings = importlib.import_module(f"so_arm.nodes.{name}").Settings
    hints = typing.get_type_hints(settings)
    for field in dataclasses.fields(settings):
        assert field.metadata["description"].endswith("."), field.name
        assert check_value(field, hints[field.name], field.default) == field.default


@pytest.mark.parametrize("ros", [["-p", "gain:=1", "-p", "mode:=fast"]], indirect=True)
def test_declared_from_the_command_line_and_changed_at_run_time(ros: Ros) -> None:
    seen: list[Example] = []

    def on_change(values: Example, given: list[str]) -> None:
        if values.gain == 0.25:
            raise UserError("not a quarter")
        seen.append(values)

    node = ros.probe
    parameters = NodeParameters(node, Example, on_change)
    assert (parameters.values.gain, parameters.values.mode) == (1.0, "fast")
    described = node.describe_parameter("gain")
    assert described.description == "A gain." and not described.read_only
    assert described.floating_point_range[0].to_value == 1.0
    assert node.describe_parameter("mode").additional_constraints == "one of: slow, fast"
    assert node.describe_parameter("count").read_only

    def set_to(name: str, value: object) -> tuple[bool, str]:
        result = node.set_parameters([Parameter(name, value=value)])[0]
        return result.successful, result.reason

    assert set_to("gain", 0.75) == (True, "")
    assert parameters.values.gain == 0.75 and seen[-1].gain == 0.75
    assert not set_to("gain", 7.0)[0]
    assert not set_to("gain", math.nan)[0]
    assert set_to("gain", 0.25) == (False, "not a quarter")
    accepted, reason = set_to("mode", "fas")
    assert not accepted and "choose one of: fast, slow" in reason
    assert not set_to("count", 5)[0]
    assert parameters.values.gain == 0.75


@pytest.mark.parametrize("ros", [["-p", "gian:=0.5"]], indirect=True)
def test_unknown_parameters_are_refused_with_a_hint(ros: Ros) -> None:
    with pytest.raises(UserError, match=r"unknown parameter 'gian'; choose one of: .*Did you mean 'gain'\?"):
        NodeParameters(ros.probe, Example)
