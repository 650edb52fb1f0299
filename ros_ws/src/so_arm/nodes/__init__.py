"""One thin file per ROS node."""

from __future__ import annotations

import os
import sys
from types import TracebackType


def _end_quietly(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while a node still imports its libraries ends it like Ctrl-C later on: without a traceback.

    Extension modules turn the KeyboardInterrupt into an ImportError, so the causes are looked at too.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            os._exit(0)
        cause = cause.__cause__ or cause.__context__
    sys.__excepthook__(kind, error, trace)


sys.excepthook = _end_quietly
