"""A reward from a user's Python file, `compute_reward(state)`, checked when loaded and at every call."""

from __future__ import annotations

import difflib
import math
import numbers
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

from so_arm.core.errors import UserError
from so_arm.rewards.samples import sample_states
from so_arm.rewards.state import RewardState

FUNCTION = "compute_reward"


class FileReward:
    """Calls the file's function; whatever is wrong with it becomes a UserError with file and line."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self.name = f"file:{self.path}"
        self._function = _load(self.path)
        for state in sample_states().values():
            self(state)

    def __call__(self, state: RewardState) -> float:
        try:
            value = self._function(state)
        except (Exception, SystemExit) as fault:
            raise _raised(self.path, fault, _first_line(self._function)) from fault
        if isinstance(value, numbers.Real) and math.isfinite(value):
            return float(value)
        line = _return_line(self._function, state)
        said = repr(value) if isinstance(value, numbers.Real) else f"a {type(value).__name__}"
        raise UserError(f"reward file {self.path}, line {line}: {FUNCTION} returned {said}, not a finite number")

    def terms(self, state: RewardState) -> dict[str, float]:
        """A file has no named terms; its one value stands for all."""
        return {FUNCTION: self(state)}


def _load(path: Path) -> Callable[[RewardState], Any]:
    try:
        source = path.read_bytes()
    except OSError as fault:
        raise UserError(f"reward file {path} cannot be read: {fault.strerror}") from None
    namespace: dict[str, Any] = {"__name__": "so_arm_reward_file", "__file__": str(path)}
    try:
        exec(compile(source, str(path), "exec"), namespace)
    except SyntaxError as fault:
        raise UserError(f"reward file {path}, line {fault.lineno}: {fault.msg}") from None
    except (Exception, SystemExit) as fault:
        raise _raised(path, fault, 1) from fault
    function = namespace.get(FUNCTION)
    if not callable(function):
        raise UserError(f"reward file {path} has no function '{FUNCTION}(state)'{_near_miss(namespace)}")
    return function


def _near_miss(namespace: dict[str, Any]) -> str:
    """Name and line of the function that was probably meant."""
    functions = {name: value for name, value in namespace.items() if hasattr(value, "__code__")}
    close = difflib.get_close_matches(FUNCTION, functions, n=1, cutoff=0.4)
    if FUNCTION in namespace:
        return f"; '{FUNCTION}' is a {type(namespace[FUNCTION]).__name__}"
    return f"; line {_first_line(functions[close[0]])} defines '{close[0]}'" if close else ""


def _raised(path: Path, fault: BaseException, fallback_line: int) -> UserError:
    line = _deepest_line(fault.__traceback__, str(path)) or fallback_line
    said = " ".join(str(fault).split())
    return UserError(f"reward file {path}, line {line}: {type(fault).__name__}: {said}")


def _deepest_line(traceback: TracebackType | None, path: str) -> int | None:
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _code(function: Callable[..., Any]) -> CodeType | None:
    return getattr(function, "__code__", None)


def _first_line(function: Callable[..., Any]) -> int:
    code = _code(function)
    return code.co_firstlineno if code is not None else 1


def _return_line(function: Callable[[RewardState], Any], state: RewardState) -> int:
    """Line of the return that `function(state)` leaves by, found by running it once more under a trace."""
    code, line = _code(function), _first_line(function)

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal line
        if frame.f_code is not code:
            return None
        if event == "return":
            line = frame.f_lineno
        return trace

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        function(state)
    except Exception:
        return line
    finally:
        sys.settrace(outer)
    return line
