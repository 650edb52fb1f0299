"""Entry point of ``so-arm``: runs the command line and turns every way to fail into one line and an exit code.

How to add a verb (three steps):
  1. write ``so_arm/cli/<file>.py`` with ``def register(app: typer.Typer) -> None`` that calls
     ``app.command("verb")(function)`` (or ``app.add_typer(sub_app, name="verb")`` for a group);
  2. add one row to the table in ``cli/verbs.py`` (name, file, one line for the overview, section);
  3. import torch, mujoco, rclpy, matplotlib and the like inside the functions, so that ``--help`` stays fast.
Raise ``UserError`` for what the user can fix, ``typer.Exit(code)`` for any other exit code; options that several
verbs share (``--json``, ``--output``) are in ``cli/options.py``, writing results is in ``cli/output.py``.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from types import FrameType

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code (console scripts pass it to ``sys.exit``)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _fill_closed_streams()
    try:
        _listen_to_signals()
        code = _run(arguments)
        sys.stdout.flush()
        if code == EXIT_INTERRUPTED:  # what Typer makes of a Ctrl-C in a verb
            raise KeyboardInterrupt
        return code
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the flush at exit must not fail again
        return 1
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        return _refuse(f"no space left on the disk{f' for {error.filename}' if error.filename else ''}; free some")


def _run(arguments: list[str]) -> int:
    from typer import Abort, TyperException
    from typer.main import get_command

    from so_arm.cli.app import build_app
    from so_arm.cli.usage_errors import plainly
    from so_arm.core.errors import UserError

    try:
        command = get_command(build_app(arguments))
        result = command.main(args=arguments or ["--help"], prog_name="so-arm", standalone_mode=False)
    except UserError as error:
        return _refuse(str(error))
    except TyperException as error:
        return _refuse(f"{plainly(_reason(error))} (see: {_help_command(arguments)})")
    except Abort:
        return EXIT_INTERRUPTED
    return result if isinstance(result, int) else 0


def _reason(error: Exception) -> str:
    """What is wrong with the command line, as Typer puts it (an option's name is only in the formatted message)."""
    format_message = getattr(error, "format_message", None)
    return format_message() if format_message else str(error)


def _help_command(arguments: list[str]) -> str:
    from so_arm.cli.verbs import VERBS

    verb = [word for word in arguments[:1] if word in VERBS]
    return " ".join(["so-arm", *verb, "--help"])


def _refuse(message: str) -> int:
    line = "error: " + " ".join(message.split())
    red = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    print(f"\x1b[31m{line}\x1b[0m" if red else line, file=sys.stderr)
    return EXIT_USER_ERROR


def _fill_closed_streams() -> None:
    """A stream that the caller closed is /dev/null; else the next file that opens has its number, and children's words.

    The three descriptors are taken in order, so that each gets the number that is free.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode)  # noqa: SIM115
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def _listen_to_signals() -> None:
    """Let every signal that asks to end unwind the stack, so that files close and child processes are stopped."""

    def stop(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with SIGINT ignored
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # run.sh holds it back until Python can deal with it


if __name__ == "__main__":
    sys.exit(main())
