"""What a check found: one line each, good or not, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How much a finding matters."""

    ok = "ok"
    note = "note"  #: worth knowing; the arm can run
    bad = "bad"  #: the arm must not run


@dataclass(frozen=True)
class Finding:
    check: str
    verdict: Verdict
    found: str
    cure: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(check, Verdict.ok, found)


def note(check: str, found: str, cure: str = "") -> Finding:
    return Finding(check, Verdict.note, found, cure)


def bad(check: str, found: str, cure: str = "") -> Finding:
    return Finding(check, Verdict.bad, found, cure)
