"""``$(eval ...)`` without Python's eval: arithmetic, comparisons, logic and a few functions over literals."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_NAMES = {"pi": math.pi, "inf": math.inf}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (abs, bool, float, int, len, max, min, round, str)
}
_MAX_LENGTH = 1000  # of a string that + or * builds


def evaluate(expression: str) -> str:
    """Value of a Python expression as text, the way ``ros2 launch`` gives it. Raises ValueError outside the subset."""
    try:
        return str(_value(ast.parse(expression.strip(), mode="eval").body))
    except SyntaxError as error:
        raise ValueError(f"'{expression}' is not a Python expression ({error.msg})") from error
    except (TypeError, ZeroDivisionError, OverflowError) as error:
        raise ValueError(f"'{expression}' has no value ({error})") from error


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _bounded(_BINARY[type(op)], _value(left), _value(right))
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _UNARY[type(sign)](_value(operand))
        case ast.BoolOp(op=ast.And(), values=values):
            return _first(values, stop_at=False)
        case ast.BoolOp(op=ast.Or(), values=values):
            return _first(values, stop_at=True)
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return _value(body) if _value(test) else _value(otherwise)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*map(_value, arguments))
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARE for op in ops):
            return _compare(_value(left), ops, [_value(other) for other in others])
    raise ValueError(
        f"'{ast.unparse(node)}' is more than arithmetic, comparison and logic; real ros2 launch may know it"
    )


def _bounded(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if operation is operator.mul and not all(isinstance(value, int | float) for value in (left, right)):
        raise TypeError("only numbers are multiplied")
    result = operation(left, right)
    if isinstance(result, str) and len(result) > _MAX_LENGTH:
        raise OverflowError("the text is too long")
    return result


def _first(values: list[ast.expr], stop_at: bool) -> Any:
    """Python's and/or: the first operand that decides, else the last."""
    for operand in values:
        result = _value(operand)
        if bool(result) is stop_at:
            return result
    return result


def _compare(left: Any, ops: list[ast.cmpop], others: list[Any]) -> bool:
    for op, right in zip(ops, others, strict=True):
        if not _COMPARE[type(op)](left, right):
            return False
        left = right
    return True
