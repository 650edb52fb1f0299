"""How long a recording session waits for what may never come."""

from __future__ import annotations

from so_arm.core.errors import UserError
from so_arm.core.recording_session import Phase, RecordingSession


class SessionPatience:
    """Watches `session`. patience_s: time to get ready for the first episode, and for a command in an episode.

    A session that a person leads waits for that person as long as it takes, once it was ready.
    """

    def __init__(self, session: RecordingSession, patience_s: float, now_s: float) -> None:
        self._session, self._patience_s = session, patience_s
        self._progress_s = now_s
        self._was_ready = False

    def progress(self, now_s: float) -> None:
        """A command came, or the source was asked for something."""
        self._progress_s = now_s

    def check(self, now_s: float) -> None:
        """UserError when it is at an end."""
        session = self._session
        self._was_ready = self._was_ready or session.phase is Phase.ready
        if now_s - self._progress_s < self._patience_s:
            return
        if session.phase is Phase.waiting and not self._was_ready:
            raise UserError(f"no episode can begin: {session.note}")
        if session.automatic and session.phase in (Phase.starting, Phase.running):
            raise UserError(f"no command comes in episode {session.number}; see what the nodes say")
