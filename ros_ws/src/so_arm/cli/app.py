"""The Typer application: real code for the verb that was asked for, name and summary for all the others."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from so_arm.cli.verbs import VERBS, Verb
from so_arm.core.errors import choice_error

HELP = """Run, judge and improve manipulation policies of the SO-ARM100 over ROS 2.

New here? `so-arm demo` shows everything at work (no robot needed).

`so-arm VERB --help` explains a verb. From a checkout, `./run.sh VERB ...` is the same and sets things up first.
"""


def build_app(arguments: list[str]) -> typer.Typer:
    """Application for this command line; only the file of the verb in `arguments` is imported."""
    app = typer.Typer(
        name="so-arm",
        help=HELP,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_top)
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    if wanted is not None and wanted not in VERBS:
        raise choice_error("verb", wanted, VERBS)
    for name, verb in VERBS.items():
        if name == wanted:
            importlib.import_module(f"so_arm.cli.{verb.file}").register(app)
        else:
            _announce(app, name, verb)
    return app


def _announce(app: typer.Typer, name: str, verb: Verb) -> None:
    app.command(name, help=verb.summary, rich_help_panel=verb.section)(_not_loaded)


def _not_loaded() -> None:
    raise AssertionError("a verb is loaded before it is called")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("so_arm"))
        raise typer.Exit()


def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


_top.__doc__ = HELP
