"""Node parameters from one frozen dataclass: descriptions, ranges and choices are declared where the fields are."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from so_arm.core.errors import UserError, choice_error

#: Parameters that every ROS node has, declared by the client library.
_BUILT_IN = ("use_sim_time", "start_type_description_service")


def parameter(
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    lengths: tuple[int, ...] = (),
    changeable: bool = False,
) -> Any:
    """A field of a parameter dataclass: bool, int, float, str, or a tuple of floats or strings.

    low, high: inclusive range of a number, or of each number of a tuple. lengths: allowed lengths of a tuple.
    changeable: may be set while the node runs.
    """
    metadata = {
        "description": description,
        "low": low,
        "high": high,
        "choices": choices,
        "lengths": lengths,
        "changeable": changeable,
    }
    return dataclasses.field(default=default, metadata=metadata)


class NodeParameters[Settings]:
    """The parameters of `node`, kept as an instance of the frozen dataclass `kind` in `values`.

    on_change: called with the new values and the names that were given, before they are accepted; may raise
    UserError to refuse them.
    """

    def __init__(
        self, node: Node, kind: type[Settings], on_change: Callable[[Settings, Collection[str]], None] | None = None
    ) -> None:
        self._kind = kind
        self._on_change = on_change
        self._fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
        self._types = typing.get_type_hints(kind)
        self._own = tuple(self._fields)
        overrides = {name: given.value for name, given in node._parameter_overrides.items()}
        for name in overrides:
            if name not in self._fields and name not in _BUILT_IN and not name.startswith("qos_overrides."):
                raise choice_error("parameter", name, self._fields)
        self.values: Settings = self._checked({}, overrides)
        for name, field in self._fields.items():
            node.declare_parameter(
                name, _ros_value(getattr(self.values, name)), _descriptor(field), ignore_override=True
            )
        node.add_on_set_parameters_callback(self._set)

    def _checked(self, current: Mapping[str, Any], given: Mapping[str, Any]) -> Settings:
        values = dict(current)
        for name, value in given.items():
            if name in self._fields:
                values[name] = check_value(self._fields[name], self._types[name], value)
        return self._kind(**values)

    def _set(self, given: Iterable[Parameter]) -> SetParametersResult:
        current = {name: getattr(self.values, name) for name in self._own}
        try:
            values = self._checked(current, {item.name: item.value for item in given})
            if self._on_change is not None:
                self._on_change(values, [item.name for item in given])
        except UserError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.values = values
        return SetParametersResult(successful=True)


def check_value(field: dataclasses.Field[Any], kind: Any, value: Any) -> Any:
    """`value` as `kind`, or UserError that names the parameter and what it accepts."""
    what = f"parameter {field.name}"
    if typing.get_origin(kind) is tuple:
        item_kind = typing.get_args(kind)[0]
        items = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
        lengths = field.metadata["lengths"]
        if lengths and len(items) not in lengths:
            expected = " or ".join(map(str, lengths))
            raise UserError(f"{what} has {len(items)} values, expected {expected}")
        return tuple(_check_scalar(field, what, item_kind, item) for item in items)
    return _check_scalar(field, what, kind, value)


def _check_scalar(field: dataclasses.Field[Any], what: str, kind: type, value: Any) -> Any:
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    if kind is float and type(value) is int:
        value = float(value)
    elif kind is str and type(value) in (int, float, bool):
        value = str(value)  # a path or device index that looks like a number
    if type(value) is not kind:
        raise UserError(f"{what} is {value!r}, expected {_expected(kind, low, high, choices)}")
    if choices and value not in choices:
        raise choice_error(f"{field.name} (parameter)", value, choices)
    # Written so that NaN is outside of every range.
    if kind in (int, float) and not (
        (low is None or low <= value) and (high is None or value <= high) and value == value
    ):
        raise UserError(f"{what} is {value}, expected {_expected(kind, low, high, choices)}")
    return value


def _expected(kind: type, low: float | None, high: float | None, choices: tuple[str, ...]) -> str:
    if choices:
        return f"one of: {', '.join(choices)}"
    name = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[kind]
    if low is not None and high is not None:
        return f"{name} from {low} to {high}"
    if low is not None:
        return f"{name} of at least {low}"
    return name if high is None else f"{name} of at most {high}"


def _descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    descriptor = ParameterDescriptor(
        description=field.metadata["description"],
        read_only=not field.metadata["changeable"],
        additional_constraints=f"one of: {', '.join(choices)}" if choices else "",
    )
    if low is not None and high is not None:
        if isinstance(field.default, bool):
            raise TypeError(f"{field.name}: a bool has no range")
        if isinstance(field.default, int):
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
        elif isinstance(field.default, float):
            descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
    return descriptor


def _ros_value(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
