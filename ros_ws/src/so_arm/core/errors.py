"""Two families of error: what a user can fix, and what is our own bug."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SoArmError(Exception):
    """Root of every error that this package raises on purpose."""


class UserError(SoArmError):
    """The user can fix it: one line that names the culprit and the valid choices.

    A command that ends with it prints that line and exits with code 2.
    """


def choice_error(what: str, given: object, choices: Iterable[str]) -> UserError:
    """Error for a value outside a closed set, with the closest valid choice as a hint."""
    valid = sorted(choices)
    close = difflib.get_close_matches(str(given), valid, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return UserError(f"unknown {what} '{given}'; choose one of: {', '.join(valid)}.{hint}")
