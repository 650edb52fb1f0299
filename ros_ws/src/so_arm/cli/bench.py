"""``so-arm bench``: run one of the scripts in benchmarks/ and say whether its claim holds on this machine."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from so_arm.cli.options import JsonOption
from so_arm.cli.output import console, write_json
from so_arm.core.errors import choice_error
from so_arm.core.paths import share_dir
from so_arm.core.provenance import provenance

EXIT_MISSED = 1


def register(app: typer.Typer) -> None:
    app.command("bench")(bench)


def bench(
    name: Annotated[
        str,
        typer.Argument(help="act, bag, driver, fidelity, graph, images, physics, record, replay_eval, rl or servo."),
    ],
    json_target: JsonOption = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer rounds: ends within 60 s, less certain.")] = False,
) -> None:
    """Measure one speed claim as a ratio to a bare reference in the same run.

    Exit code 0 when the claim holds, 1 when it does not.
    """
    out = console(json_target)
    script = _load(name)
    with out.status(f"measuring {name} ..."):
        result: dict[str, Any] = script.run(quick)
    write_json(json_target, result | {"quick": quick} | provenance())
    out.print(script.__doc__.splitlines()[0] if script.__doc__ else name)
    for key, value in result.items():
        if isinstance(value, int | float | str):
            out.print(f"  {key}: {value:.4g}" if isinstance(value, float) else f"  {key}: {value}")
    if not result["passed"]:
        out.print("[red]missed its target[/red]")
        raise typer.Exit(EXIT_MISSED)
    out.print("[green]passed[/green]")


def _load(name: str) -> ModuleType:
    scripts = {path.stem: path for path in sorted((share_dir() / "benchmarks").glob("*.py"))}
    if name not in scripts:
        raise choice_error("benchmark", name, scripts)
    return _import(scripts[name])


def _import(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"so_arm_benchmark_{path.stem}", path)
    assert spec is not None and spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
