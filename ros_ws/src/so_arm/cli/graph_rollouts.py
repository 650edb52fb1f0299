"""Episodes through the node graph: starts a launch file and follows the results that its runner writes."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from so_arm.cli.graph_process import GraphLog, running_graph
from so_arm.cli.json_lines import JsonLines
from so_arm.cli.options import Hardware
from so_arm.cli.policy_images import image_size
from so_arm.cli.rollouts import ENDLESS, Rollouts
from so_arm.core.episode import EpisodeResult
from so_arm.core.errors import UserError

LAUNCH_FILE = "episodes.launch.xml"


def run_graph(
    rollouts: Rollouts,
    log: Path,
    on_episode: Callable[[EpisodeResult], None],
    *,
    lockstep: bool,
    hardware: Hardware = Hardware.mujoco,
    record_dir: Path | None = None,
    view: bool = False,
    on_ready: Callable[[str], None] = lambda node: None,
    on_step: Callable[[], None] = lambda: None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> list[EpisodeResult]:
    """Results in the order of the seeds; `on_episode` hears of each as it ends, `on_ready` of each node that is up.

    Every node is a process of its own. log: what they say goes there. record_dir: folder for one
    `core.episode_record` per episode. on_step: called several times per second. more: launch arguments beyond these.
    However this call ends, no process outlives it.
    """
    results: list[EpisodeResult] = []
    with tempfile.TemporaryDirectory(prefix="so_arm_graph_") as scratch, GraphLog(log, on_ready) as output:
        results_file = Path(scratch) / "results.jsonl"
        arguments = _arguments(rollouts, results_file, lockstep, record_dir, view)
        if hardware is Hardware.emulated:
            arguments |= _emulated_arguments(Path(scratch))
        arguments |= more
        lines = JsonLines(results_file)
        with running_graph(LAUNCH_FILE, arguments, Path(scratch), output) as supervisor:
            alive = True
            while alive:
                alive = supervisor.step()
                for result in map(EpisodeResult.from_dict, lines.new()):
                    results.append(result)
                    on_episode(result)
                on_step()
    if len(results) < rollouts.episodes:
        asked = "" if rollouts.episodes == ENDLESS else f" of {rollouts.episodes}"
        done = f"{len(results)}{asked} episodes"
        reason = output.last_words.reason() or "no process failed"
        raise UserError(f"the graph ended after {done}: {reason} (all it said: {log})")
    return results


def _arguments(
    rollouts: Rollouts, results_file: Path, lockstep: bool, record_dir: Path | None, view: bool
) -> dict[str, str]:
    """Launch arguments; a path that is not given is the empty string, as in the launch file."""
    height, width = image_size(rollouts.policy)
    return {
        "task": rollouts.task,
        "policy_path": str(rollouts.policy),
        "residual_path": str(rollouts.residual or ""),
        "reward": rollouts.reward,
        "randomisation": rollouts.randomisation,
        "image_height": str(height),
        "image_width": str(width),
        "seed": str(rollouts.seed),
        "episodes": str(rollouts.episodes),
        "lockstep": str(lockstep).lower(),
        "results_file": str(results_file),
        "record_dir": str(record_dir or ""),
        "view": str(view).lower(),
    }


def _emulated_arguments(scratch: Path) -> dict[str, str]:
    """Servos and streams that no other run on this machine uses."""
    return {
        "hardware_type": Hardware.emulated.value,
        "usb_port": str(scratch / "servos"),
        "streams_port": str(free_port()),
    }


def free_port() -> int:
    """A TCP port of this machine that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
