"""What a person at the terminal sees of a recording: one line that changes, and the table of keys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from so_arm.core.operator_keys import KEYS
from so_arm.core.recording_session import Phase


@dataclass
class OperatorView:
    """phase, episode, episodes, saved, note: of the recording session. since_s: time of the running episode.

    automatic: episodes begin by themselves; left_s: then, how long all of it will still take, NaN while unknown.

    source, in_control, holding: who commands the arm. recorder, recorder_problem: its phase, and what it complains of.
    problems: node -> what is wrong with it.
    """

    phase: str = ""
    episode: int = 0
    episodes: int = 0
    saved: int = 0
    note: str = ""
    since_s: float = 0.0
    automatic: bool = False
    left_s: float = math.nan
    source: str = ""
    in_control: bool = False
    holding: bool = False
    recorder: str = ""
    recorder_problem: str = ""
    problems: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        if not self.phase:
            return "waiting for recording_session"
        parts = [self._progress(), self._control(), self._recorder()]
        parts += [f"! {node}: {text}" for node, text in self.problems.items()]
        return " | ".join(part for part in parts if part)

    def _progress(self) -> str:
        left = f", about {self.left_s:.0f} s left" if self.automatic and self.left_s > 0 else ""
        if self.phase == Phase.running:
            return f"episode {self.episode} of {self.episodes}: RECORDING {self.since_s:.0f} s{left}"
        if self.phase == Phase.ready and not self.automatic:
            return f"{self.saved} of {self.episodes} saved: ready, r records the next"
        return f"{self.saved} of {self.episodes} saved: {self.phase}{f', {self.note}' if self.note else ''}{left}"

    def _control(self) -> str:
        if not self.source:
            return ""
        if self.holding:
            return f"{self.source}: holding"
        return f"{self.source} {'in control' if self.in_control else 'approaching'}"

    def _recorder(self) -> str:
        return f"recorder: {self.recorder_problem}" if self.recorder_problem else ""


def key_table(jog: Mapping[str, str]) -> str:
    """The keys and what they do, one per line; jog: those that move the arm, if keys do that."""
    lines = [f"  {key:>5}  {what}" for key, what in KEYS.items()]
    if jog:
        lines += ["moving the arm:", *(f"  {key:>5}  {what}" for key, what in jog.items())]
    return "\n".join(lines)
