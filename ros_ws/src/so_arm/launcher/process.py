"""One process as a launch file describes it, everything in it decided."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ProcessSpec:
    """`label` is what its output is prefixed with; times in seconds; fewer than 0 retries means without end."""

    label: str
    command: list[str]
    environment: dict[str, str]
    cwd: str | None = None
    stdout_on_screen: bool = True
    respawn: bool = False
    respawn_delay_s: float = 0.0
    respawn_max_retries: int = -1
    shutdown_on_exit: bool = False
    sigterm_after_s: float = 5.0
    sigkill_after_s: float = 5.0


@dataclass
class Plan:
    """Processes to start, in order, and the messages of the file's ``<log>`` tags."""

    processes: list[ProcessSpec] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
