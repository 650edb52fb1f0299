"""What each part of the residual's training is worth: the same run with that part off, on the same budget.

    python benchmarks/residual/ablation.py --output outputs/ablation --json benchmarks/results/ablation.json

Every row is `so-arm rl-train` and `so-arm rl-eval` as processes of their own, two rows at a time. Interrupted, it goes
on with the same command: rows that are done are read from their folder, one that was cut short is resumed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from so_arm.core.files import write_json
from so_arm.core.provenance import provenance

POLICY = "models/act_pick_place"
EPISODES, SEED = 200, 100_000
#: Name of the row to the settings that differ from the default.
ROWS: dict[str, dict[str, str]] = {
    "all parts": {},
    "two critics, smaller of both": {"ensemble": "2"},
    "no layer normalisation": {"layer_norm": "false"},
    "smallest of all critics, no random pair": {"pair": "false"},
    "one-step returns": {"n_step": "1"},
    "no demonstrations": {"demonstrations": "0"},
    "demonstrations at the usual pace": {"demonstration_pace": "1.0"},
    "no clone at the start": {"clone_updates": "0"},
    "no critic warm-up": {"critic_warmup": "0"},
    "bound grows from a tenth": {"scale_start": "0.1", "scale_steps": "60000"},
    "no BC terms": {"bc_demo": "0", "bc_zero": "0"},
    "no target smoothing": {"smoothing_noise": "0"},
    "half the updates per step": {"updates_per_step": "0.1"},
    "no potential, success alone": {"shaping": "0"},
    "estimator fitted once": {"estimator_refit_every": "0"},
    "trained with 0 to 5 ticks of latency": {"latency_ticks": "5"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=120_000)
    parser.add_argument("--side-by-side", type=int, default=2)
    arguments = parser.parse_args()
    with ThreadPoolExecutor(arguments.side_by_side) as pool:
        jobs = [
            pool.submit(_row, arguments.output / f"{i:02d}", name, settings, arguments.steps)
            for i, (name, settings) in enumerate(ROWS.items())
        ]
        rows = [job.result() for job in jobs]
    command = ["python", *sys.argv]
    write_json(arguments.json, {"steps": arguments.steps, "rows": rows} | provenance() | {"command": command})
    for row in rows:
        print(f"{row['name']:45} {row['success']:6.1%} {row['failure_ratio']:6.2f} {row['length_ratio']:6.2f}")


def _row(folder: Path, name: str, settings: dict[str, str], steps: int) -> dict[str, Any]:
    """Train, judge, and say what came of it."""
    trained, judged = folder / "run", folder / "judged.json"
    if not judged.is_file():
        if (trained / "run.json").is_file():
            _so_arm("rl-train", "--resume", str(trained))
        else:
            given = [part for item in settings.items() for part in ("--set", "=".join(item))]
            _so_arm("rl-train", "--policy", POLICY, "--steps", str(steps), *given, "--output", str(trained))
        _so_arm(
            *("rl-eval", "--policy", POLICY, "--residual", str(trained / "final"), "--workers", "1"),
            *("--episodes", str(EPISODES), "--seed", str(SEED), "--json", str(judged)),
            *("--output", str(folder / "judged")),
        )
    report = json.loads(judged.read_text(encoding="utf-8"))
    last = json.loads((trained / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    return {
        "name": name,
        "settings": settings,
        "success": report["residual"]["success_rate"],
        "success_ci95": report["residual"]["success_ci95"],
        "base": report["base"]["success_rate"],
        "failure_ratio": report["failure_ratio"],
        "length_ratio": report["length_ratio"],
        "minutes": last["minutes"],
        "updates": last["updates"],
    }


def _so_arm(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "so_arm.cli.main", *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
