"""What a launch file has set so far: arguments, environment, namespace, parameters and remappings for all nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Context:
    """State while a launch file is read from top to bottom.

    As in ROS 2 launch, arguments and variables are one dictionary that included files see and change; only a scoped
    group takes its changes back.
    """

    file: Path
    variables: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    namespace: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    remaps: list[tuple[str, str]] = field(default_factory=list)

    def scoped(self) -> Context:
        """A copy whose changes do not reach this one."""
        return Context(
            self.file,
            dict(self.variables),
            dict(self.environment),
            self.namespace,
            dict(self.parameters),
            list(self.remaps),
        )

    def push_namespace(self, namespace: str) -> None:
        self.namespace = join_namespace(self.namespace, namespace)


def join_namespace(outer: str | None, inner: str | None) -> str | None:
    """Absolute namespace of `inner` within `outer`; None when neither is given."""
    if outer is None and inner is None:
        return None
    if inner is None:
        joined = outer or ""
    elif not outer or inner.startswith("/"):
        joined = inner
    else:
        joined = f"{outer.rstrip('/')}/{inner}"
    return "/" + joined.strip("/")
