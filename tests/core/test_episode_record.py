import numpy as np
import pytest

from so_arm.core.episode_record import NO_ANSWER, EpisodeRecord, record_path
from so_arm.core.errors import UserError


def arrays(ticks: int = 5) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        "snapshots": random.normal(size=(ticks + 1, 13)),
        "joint_position": random.normal(size=(ticks, 6)),
        "action": random.normal(size=(ticks, 6)),
        "reward": random.normal(size=ticks),
        "stamp_ns": np.arange(ticks) * 33_333_333,
        "latency_ns": np.full(ticks, NO_ANSWER),
        "wall_ns": np.arange(ticks),
    }


def test_round_trip(tmp_path):
    record = EpisodeRecord(**arrays())
    path = record_path(tmp_path, 7)
    record.save(path)
    again = EpisodeRecord.load(path)
    for name, values in arrays().items():
        np.testing.assert_array_equal(getattr(again, name), values)
    assert [file.name for file in tmp_path.iterdir()] == ["episode_7.npz"]


def test_wrong_shape_is_named():
    with pytest.raises(UserError, match=r"snapshots has shape \(5, 13\), not \(6, 13\)"):
        EpisodeRecord(**arrays() | {"snapshots": np.zeros((5, 13))})


def test_foreign_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        EpisodeRecord.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(UserError, match="cannot be read"):
        EpisodeRecord.load(tmp_path / "text.npz")
    np.savez(tmp_path / "part.npz", snapshots=np.zeros((2, 3)))
    with pytest.raises(UserError, match="lacks 'joint_position"):
        EpisodeRecord.load(tmp_path / "part.npz")
