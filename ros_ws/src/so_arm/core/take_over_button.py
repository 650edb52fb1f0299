"""A button that takes over while it is held."""

from __future__ import annotations


class TakeOverButton:
    """What was not taken over is not handed back: without a policy, teleop is in control all along."""

    def __init__(self) -> None:
        self._held: bool | None = None  # None: not known since the gamepad was plugged in
        self._took_over = False

    def step(self, held: bool | None, ours: bool) -> bool | None:
        """Whether to take over now (True) or to hand back (False); None: neither.

        held: None while the gamepad is gone, which is not taken for let go: the arm holds until somebody presses again.
        ours: teleop is in control.
        """
        before, self._held = self._held, held
        if before is None or held is None or held == before:
            return None
        if held and not ours:
            self._took_over = True
            return True
        if not held and self._took_over:
            self._took_over = False
            return False
        return None
