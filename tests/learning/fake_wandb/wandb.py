"""As much of Weights & Biases as is used here; keeps what it is told in lists."""

from __future__ import annotations

from typing import Any


class Error(Exception):
    pass


class Settings:
    def __init__(self, project: str = "", console: str = "auto") -> None:
        if "/" in project:
            raise Error(f"Invalid project name '{project}'")


class Run:
    def __init__(self, **options: Any) -> None:
        self.options, self.rows = options, list[dict[str, Any]]()
        self.step_metric, self.exit_code, self.gone = "", -1, False

    def define_metric(self, name: str, step_metric: str) -> None:
        assert name == "*"
        self.step_metric = step_metric

    def log(self, row: dict[str, Any]) -> None:
        self._reach()
        self.rows.append(row)

    def finish(self, exit_code: int) -> None:
        self._reach()
        self.exit_code = exit_code

    def _reach(self) -> None:
        if self.gone:
            raise ConnectionResetError("Connection lost")


RUNS: list[Run] = []


def login() -> bool:
    return True


def init(**options: Any) -> Run:
    RUNS.append(Run(**options))
    return RUNS[-1]
