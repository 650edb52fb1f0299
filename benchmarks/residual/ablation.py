"""What each part of the residual's training is worth: the same run with that part off, on the same budget.

    python benchmarks/residual/ablation.py --output outputs/ablation --json benchmarks/results/ablation.json

Every row is the learning loop of `so-arm rl-train` without its files. As there, the residual that does best on the
selection seeds is the one that is judged, on unseen episodes; the curve on the selection seeds is told, too, because
early residuals may differ much from one evaluation to the next. Rows that prepare alike share demonstrations and
warm-up. Interrupted, it goes on with the same command: rows that are done are read from their file.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # also for the processes that are started from here

from kept_episodes import KeptEpisodes

from so_arm.cli.rl_workplace import make_workplace
from so_arm.cli.rollouts import Rollouts
from so_arm.core.files import read_json, write_json
from so_arm.core.provenance import provenance
from so_arm.core.statistics import mean, wilson_interval
from so_arm.core.worker_pool import WorkerPool
from so_arm.learning.residual.collector import Collector
from so_arm.learning.residual.episodes import Episode, Kind, Order
from so_arm.learning.residual.seeds import SELECTION_SEED
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.trainer import ResidualTrainer

POLICY = Path("models/act_pick_place")
EPISODES, SEED = 200, 100_000
SELECTION_EPISODES, EVERY = 60, 15_000  # ticks
#: Name of the row to the settings that differ from the default.
ROWS: dict[str, dict[str, Any]] = {
    "all parts": {},
    "all parts, seed 1": {"seed": 1},
    "all parts, seed 2": {"seed": 2},
    "actor learns at a third of the rate": {"actor_learning_rate": 1e-4},
    "no demonstrations": {"demonstrations": 0},
    "demonstrations at the usual pace": {"demonstration_pace": 1.0},
    "no potential, success alone": {"shaping": 0.0},
    "no BC terms": {"bc_demo": 0.0, "bc_zero": 0.0},
    "one-step returns": {"n_step": 1},
    "two critics, smaller of both": {"ensemble": 2},
    "no layer normalisation": {"layer_norm": False},
    "smallest of all critics, no random pair": {"pair": False},
    "no critic warm-up": {"critic_warmup": 0},
    "bound grows from a tenth": {"scale_start": 0.1, "scale_steps": 40_000},
    "no target smoothing": {"smoothing_noise": 0.0},
    "half the updates per step": {"updates_per_step": 0.1},
    "learner in fp32 where the processor has bf16": {"precision": "fp32"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=60_000, help="control ticks of exploration of each row")
    parser.add_argument("--side-by-side", type=int, default=2)
    arguments = parser.parse_args()
    done: dict[str, dict[str, Any]] = {}
    with ProcessPoolExecutor(arguments.side_by_side, multiprocessing.get_context("spawn")) as pool:
        jobs = {pool.submit(_row, arguments.output, name, arguments.steps): name for name in ROWS}
        base = pool.submit(_base, arguments.output)
        try:
            for job in as_completed(jobs):
                done[jobs[job]] = job.result()
                print(_line(done[jobs[job]]), flush=True)
        except KeyboardInterrupt:
            for process in multiprocessing.active_children():
                process.terminate()  # else it would go on with the next row
            raise SystemExit("interrupted; the same command goes on") from None
    rows = [_compared(done[name], base.result()) for name in ROWS]
    told = {"steps": arguments.steps, "episodes": EPISODES, "seed": SEED, "base": base.result(), "rows": rows}
    write_json(arguments.json, told | provenance() | {"command": " ".join(["python", *sys.argv])})
    print(*map(_line, rows), sep="\n")


def _row(output: Path, name: str, steps: int) -> dict[str, Any]:
    """Train, judge the best residual, and say what came of it."""
    settings = ResidualSettings(**{"steps": steps} | ROWS[name])
    path = output / f"{name.replace(' ', '_').replace(',', '')}_{steps}.json"
    if path.is_file():
        found: dict[str, Any] = read_json(path)
        if found["settings"] != ROWS[name]:
            raise SystemExit(f"{path} is of the settings {found['settings']}, not {ROWS[name]}; delete it")
        return found
    begun = time.monotonic()
    with WorkerPool(partial(_collector, output / "experience", settings), 1) as pool:
        trainer = ResidualTrainer(settings, feature_size=_feature_size())
        best, curve = (-1.0, trainer.next_order()), []
        while not trainer.finished:
            order = trainer.next_order()
            coming = pool.start([order])
            trainer.learn()
            trainer.take(coming.result()[0], order.kind)
            trainer.prepare()
            if trainer.step >= EVERY * (len(curve) + 1) or trainer.finished:
                order = trainer.next_order()
                success = _judged(pool, settings, order, SELECTION_SEED, SELECTION_EPISODES)["success"]
                curve.append((trainer.step, success))
                best = max(best, (success, order), key=lambda judged: judged[0])
                print(f"{name}: step {trainer.step} of {steps}, success {success:.0%}", file=sys.stderr, flush=True)
        minutes = (time.monotonic() - begun) / 60.0
        row = {"name": name, "settings": ROWS[name], "minutes": minutes, "updates": trainer.networks.updates}
        row |= {"curve": curve} | _judged(pool, settings, best[1], SEED, EPISODES)
    write_json(path, row)
    return row


def _base(output: Path) -> dict[str, Any]:
    """The same episodes without a residual."""
    path = output / "base.json"
    if not path.is_file():
        settings = ResidualSettings()
        with WorkerPool(partial(_collector, output / "experience", settings), 1) as pool:
            write_json(path, _judged(pool, settings, Order([], Kind.evaluation), SEED, EPISODES))
    found: dict[str, Any] = read_json(path)
    return found


def _judged(
    pool: WorkerPool[Order, list[Episode]], settings: ResidualSettings, order: Order, seed: int, count: int
) -> dict[str, Any]:
    """Of the order its actor and estimator on `count` episodes; an order without them is the base."""
    order = order._replace(kind=Kind.evaluation, scale=1.0)
    size = settings.episodes_per_round
    episodes: list[Episode] = []
    for first in range(seed, seed + count, size):
        seeds = list(range(first, min(first + size, seed + count)))
        episodes += pool.do([order._replace(seeds=seeds)])[0]
    good = [episode.steps for episode in episodes if episode.success]
    interval = wilson_interval(len(good), len(episodes))
    return {"success": len(good) / len(episodes), "success_ci95": interval, "length": mean(good) if good else None}


def _compared(row: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    length = row["length"] and row["length"] / base["length"]
    return row | {"failure_ratio": (1.0 - row["success"]) / (1.0 - base["success"]), "length_ratio": length}


def _line(row: dict[str, Any]) -> str:
    ratios = [f"{row[name]:6.2f}" for name in ("failure_ratio", "length_ratio") if row.get(name) is not None]
    return f"{row['name']:42} {row['success']:6.1%} {row['minutes']:5.1f} min {' '.join(ratios)}"


def _collector(folder: Path, settings: ResidualSettings) -> KeptEpisodes:
    rollouts = Rollouts(POLICY, None, settings.task, settings.reward, settings.randomisation, 0, 1)
    return KeptEpisodes(Collector(make_workplace(rollouts, settings.demonstration_pace), settings), folder, settings)


def _feature_size() -> int:
    from so_arm.learning.policy import load_policy

    return load_policy(POLICY, threads=1).feature_size


if __name__ == "__main__":
    main()
