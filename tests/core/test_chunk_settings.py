from __future__ import annotations

import json
from pathlib import Path

import pytest

from so_arm.core.chunk_settings import METADATA_FILE, ChunkSettings, fps_of_policy
from so_arm.core.errors import UserError


def policy(folder: Path, text: str) -> Path:
    (folder / METADATA_FILE).write_text(text)
    return folder


def test_what_a_policy_does_not_mention_is_the_default(tmp_path):
    assert ChunkSettings.of_policy(tmp_path) == ChunkSettings(50, 0.6, "latest_only")
    given = policy(tmp_path, '{"execution": {"actions_per_chunk": 8, "chunk_size_threshold": 1, "later": 3}}')
    assert ChunkSettings.of_policy(given) == ChunkSettings(8, 1, "latest_only")


@pytest.mark.parametrize(
    ("execution", "message"),
    [
        ({"actions_per_chunk": "50"}, "actions_per_chunk is '50', expected a whole number"),
        ({"actions_per_chunk": 2.5}, "actions_per_chunk is 2.5, expected a whole number"),
        ({"actions_per_chunk": True}, "actions_per_chunk is True, expected a whole number"),
        ({"actions_per_chunk": 0}, "actions_per_chunk is 0, expected at least 1"),
        ({"chunk_size_threshold": "0.6"}, "chunk_size_threshold is '0.6', expected a number"),
        ({"chunk_size_threshold": float("nan")}, "chunk_size_threshold is nan, expected 0.0 to 1.0"),
        ({"aggregate_fn_name": None}, "aggregate_fn_name is None, expected a text"),
        ({"aggregate_fn_name": "newest"}, "unknown aggregate_fn_name 'newest'"),
        ([50], "execution is .50., expected a JSON object"),
    ],
)
def test_what_cannot_be_executed_is_refused_by_file_and_name(tmp_path, execution, message):
    with pytest.raises(UserError, match=rf"so_arm\.json: .*{message}"):
        ChunkSettings.of_policy(policy(tmp_path, json.dumps({"execution": execution})))


@pytest.mark.parametrize("text", ['{"execution": {"actions', "[]", "7", "", "[" * 100_000])
def test_a_damaged_file_is_refused_in_one_line(tmp_path, text):
    with pytest.raises(UserError, match=r"so_arm\.json is damaged") as refusal:
        ChunkSettings.of_policy(policy(tmp_path, text))
    assert "\n" not in str(refusal.value)


def test_control_rate_of_a_policy(tmp_path):
    assert fps_of_policy(tmp_path) == 30
    (tmp_path / METADATA_FILE).write_text('{"fps": 50}')
    assert fps_of_policy(tmp_path) == 50
    (tmp_path / METADATA_FILE).write_text('{"fps": 0}')
    with pytest.raises(UserError, match=r"fps in so_arm\.json is 0"):
        fps_of_policy(tmp_path)
