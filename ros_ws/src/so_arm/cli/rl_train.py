"""``so-arm rl-train``: a bounded residual on top of a frozen base policy, by TD3+BC (or SAC) in simulation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import JsonOption
from so_arm.cli.output import check_output, console, run_directory, write_json
from so_arm.core.errors import UserError

if TYPE_CHECKING:
    from so_arm.learning.residual.run_folder import Base, Pace, Report
    from so_arm.learning.residual.sac import SacRun
    from so_arm.learning.residual.settings import ResidualSettings
    from so_arm.learning.residual.training import ResidualRun


def register(app: typer.Typer) -> None:
    app.command("rl-train")(rl_train)


def rl_train(
    policy: Annotated[
        Path | None, typer.Option(metavar="DIR", show_default=False, help="LeRobot policy folder, the base. [required]")
    ] = None,
    algo: Annotated[
        str | None,
        typer.Option(show_default="td3-bc", help="Algorithm: td3-bc, or sac of stable-baselines3 to compare with."),
    ] = None,
    task: Annotated[str | None, typer.Option(show_default="pick_place", help="Task: pick_place or reach.")] = None,
    reward: Annotated[str | None, typer.Option(show_default="v3", help="Reward: v1, v2, v3 or file:PATH.")] = None,
    randomisation: Annotated[
        str | None, typer.Option(show_default="none", help="Domain randomisation: none, light or full.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, show_default="400000", help="Control ticks of exploration; the last round is done whole."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=99, show_default="0", help="Seed of networks, episodes and noise.")
    ] = None,
    bound: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            show_default="0.1, gripper 0.3",
            help="Largest correction as share of each joint's half range: one number, or six with commas.",
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", show_default=False, help="Any other setting; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="New folder for this run.", show_default=False)
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Go on exactly where the run in this folder stopped.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, show_default="the other cores", help="Processes that collect.")
    ] = None,
    learner_threads: Annotated[
        int | None, typer.Option(min=1, max=64, show_default="half of the cores", help="Threads that learn.")
    ] = None,
    evaluate_every: Annotated[
        int | None, typer.Option(min=1, show_default="30000", help="Ticks between evaluations.")
    ] = None,
    evaluation_episodes: Annotated[
        int | None, typer.Option(min=1, show_default="60", help="Episodes that choose the best residual.")
    ] = None,
    checkpoint_minutes: Annotated[
        float | None, typer.Option(min=0.1, show_default="5", help="Minutes between checkpoints.")
    ] = None,
    wandb: Annotated[
        str | None,
        typer.Option(metavar="PROJECT", show_default="none", help="Weights & Biases project for the metrics, too."),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Train a residual that corrects a base policy; the result is a residual folder, `RUN/best`.

    Ctrl-C saves and stops; `so-arm rl-train --resume RUN` goes on, with what the run was started with.
    """
    from so_arm.cli.rl_settings import asked_settings

    options = {"algo": algo, "task": task, "reward": reward, "randomisation": randomisation}
    asked = asked_settings(options | {"steps": steps, "seed": seed, "bound": bound}, setting or [])
    pace = {
        "workers": workers,
        "learner_threads": learner_threads,
        "evaluate_every": evaluate_every,
        "evaluation_episodes": evaluation_episodes,
        "checkpoint_minutes": checkpoint_minutes,
        "wandb": wandb,
    }
    pace = {name: value for name, value in pace.items() if value is not None}
    if resume is None:
        run, folder = _new_run(policy, asked, output, pace)
    else:
        run, folder = _resumed_run(resume, policy, asked, output, pace)
        if run.trainer.finished:
            console(Path("-")).print(f"at step {run.trainer.step} it is done; it goes on with more --steps")
    best, last = _watch(run, folder)
    write_json(json_file, {"residual": str(best), **last})
    pair = f"--policy {run.policy} --residual {best}"
    said = console(json_file)
    said.print(_verdict(last))
    said.print(f"residual: {best}  (judge it: so-arm rl-eval {pair})", soft_wrap=True)


def _new_run(
    policy: Path | None, asked: dict[str, Any], output: Path | None, pace: dict[str, Any]
) -> tuple[ResidualRun | SacRun, Path]:
    from so_arm.cli.rollouts import no_policy_error, warn_of_another_task
    from so_arm.learning.residual.run_folder import Pace
    from so_arm.learning.residual.settings import ResidualSettings

    if policy is None:
        raise no_policy_error()
    settings = ResidualSettings(**asked)
    check_output(output)
    cores = len(os.sched_getaffinity(0))
    learning = pace.setdefault("learner_threads", max(1, cores // 2))
    pace.setdefault("workers", max(1, cores - learning))
    make_run = _prepared(policy, settings, Pace(**pace))
    warn_of_another_task(policy.expanduser(), settings.task)
    folder = run_directory(output, "rl-train", settings.to_dict() | {"policy": str(policy)})
    return make_run(folder), folder


def _resumed_run(
    folder: Path, policy: Path | None, asked: dict[str, Any], output: Path | None, pace: dict[str, Any]
) -> tuple[ResidualRun, Path]:
    from dataclasses import replace

    from so_arm.learning.residual.run_folder import Pace, load_run

    if output is not None:
        raise UserError("--resume takes the folder from the run; leave out --output")
    trained, told = load_run(folder)
    asked_for = replace(trained, **asked)
    if differences := replace(asked_for, steps=trained.steps).differences(trained):
        raise UserError(f"--resume {folder}: the run was started with other settings: {'; '.join(differences)}")
    if trained.algo == "sac":
        raise UserError(f"--resume {folder}: a run with --algo sac cannot be resumed; start a new one")
    paced = Pace(**told["pace"] | pace)
    run = _prepared(policy or Path(told["base"]["policy"]), asked_for, paced, told["base"]["weights_hash"])(folder)
    run.resume()
    done = run.trainer.step
    if asked_for.steps < done and asked_for.steps != trained.steps:
        raise UserError(f"--resume {folder}: it is at step {done} already; --steps {asked_for.steps} is less")
    return run, folder


def _prepared(policy: Path, settings: ResidualSettings, pace: Pace, wanted_hash: str | None = None) -> Any:
    """Everything checked; what makes the run once there is a folder. UserError where something does not fit."""
    from functools import partial

    from so_arm.cli.gym_rollouts import env_and_policy
    from so_arm.cli.rl_workplace import make_workplace
    from so_arm.cli.rollouts import Rollouts
    from so_arm.learning.residual.residual_folder import policy_hash
    from so_arm.learning.residual.run_folder import Base
    from so_arm.learning.residual.training import ResidualRun
    from so_arm.learning.weights_and_biases import check_wandb

    if pace.wandb is not None:
        check_wandb(pace.wandb)
    rollouts = Rollouts(policy, None, settings.task, settings.reward, settings.randomisation, 0, 1).checked()
    weights_hash = policy_hash(rollouts.policy)
    if wanted_hash not in (None, weights_hash):
        raise UserError(f"policy {policy} is not the one that the run was started with; give that one with --policy")
    _, loaded = env_and_policy(rollouts)
    base: Base = Base(str(rollouts.policy), weights_hash, loaded.feature_size)
    workplace = partial(make_workplace, rollouts, settings.demonstration_pace)
    if settings.algo == "sac":
        from so_arm.learning.residual.sac import SacRun

        return lambda folder: SacRun(folder, settings, base, workplace, pace)
    return lambda folder: ResidualRun(folder, settings, base, workplace, pace)


def _watch(run: ResidualRun | SacRun, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Train with a progress bar; returns the residual's folder and the last report."""
    from so_arm.cli.rl_progress import training_progress
    from so_arm.core.worker_pool import WorkerDied

    last: dict[str, Any] = {}
    said = console(Path("-"))
    said.print(f"run folder: {folder}", soft_wrap=True)
    with training_progress(said) as show_progress:

        def show(report: Report) -> None:
            last.update(report.__dict__)
            show_progress(report)

        try:
            best = run.run(show)
        except KeyboardInterrupt:
            said.print(_saved(run, folder), soft_wrap=True, markup=False)
            raise
        except WorkerDied as error:
            raise UserError(f"{error}; {_saved(run, folder)}") from None
    return best, last


def _verdict(last: dict[str, Any]) -> str:
    """What the last report says of the best residual."""
    best, base = last["best_success"], last["base_success"]
    words = f"on the selection seeds: {best:.0%} at step {last['best_step']}"
    if base is None:
        return words
    worse = "; train longer: --resume with more --steps" if best <= base < 1.0 else ""
    return f"{words}, the base alone {base:.0%}{worse}"


def _saved(run: ResidualRun | SacRun, folder: Path) -> str:
    go_on = f"; go on with: so-arm rl-train --resume {folder}" if run.trainer.settings.algo == "td3-bc" else ""
    return f"saved at step {run.trainer.step}{go_on}"
