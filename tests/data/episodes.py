"""Small LeRobot v3 datasets as their files are: joints only, in any units and under any names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.shared_files import SHARED

from so_arm.core.joints import JOINT_NAMES

OLD_NAMES = [f"main_{name}" for name in JOINT_NAMES]
NEW_NAMES = [f"{name}.pos" for name in JOINT_NAMES]
#: A real episode in old degrees; beside the checkout, where there is one.
REAL = SHARED / "data" / "so100_lego_bin_v30_nocam"


def write_dataset(
    root: Path, episodes: Sequence[tuple[np.ndarray, np.ndarray]], names: object = None, fps: int = 30
) -> Path:
    """`episodes`: (action, state) of each, (T, 6) in the dataset's units. Returns `root`."""
    joint = {"dtype": "float32", "shape": [6], "names": OLD_NAMES if names is None else names}
    info = {
        "codebase_version": "v3.0",
        "fps": fps,
        "total_episodes": len(episodes),
        "features": {"action": joint, "observation.state": joint},
    }
    (root / "meta").mkdir(parents=True)
    (root / "meta" / "info.json").write_text(json.dumps(info))
    folder = root / "data" / "chunk-000"
    folder.mkdir(parents=True)
    columns: dict[str, list] = {
        key: [] for key in ("action", "observation.state", "timestamp", "frame_index", "episode_index")
    }
    for number, (action, state) in enumerate(episodes):
        columns["action"] += np.asarray(action, np.float32).tolist()
        columns["observation.state"] += np.asarray(state, np.float32).tolist()
        columns["timestamp"] += (np.arange(len(action)) / fps).tolist()
        columns["frame_index"] += range(len(action))
        columns["episode_index"] += [number] * len(action)
    table = pa.table(columns, schema=None)
    pq.write_table(table, folder / "file-000.parquet")
    return root
