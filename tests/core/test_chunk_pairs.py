import numpy as np
import pytest

from so_arm.core.chunk import ActionChunk
from so_arm.core.chunk_pairs import PATIENCE_S, ChunkPairs
from so_arm.core.errors import UserError


def chunk(stamp_ns: int) -> ActionChunk:
    return ActionChunk(stamp_ns, 33_333_333, np.zeros((2, 6)))


def test_a_chunk_waits_for_features_of_its_own_stamp_in_either_order() -> None:
    pairs = ChunkPairs(2)
    assert pairs.chunk(chunk(20), 0.0) is None
    assert pairs.features(0, np.array([9.0, 9.0])) is None
    whole = pairs.features(20, np.array([1.0, 2.0]))
    assert whole is not None and (whole.stamp_ns, whole.features.tolist()) == (20, [1.0, 2.0])
    assert pairs.features(40, np.array([3.0, 4.0])) is None
    assert pairs.chunk(chunk(20), 0.0) is None
    whole = pairs.chunk(chunk(40), 0.0)
    assert whole is not None and whole.features.tolist() == [3.0, 4.0]
    pairs.features(60, np.array([5.0, 6.0]))
    pairs.reset()
    assert pairs.chunk(chunk(60), 0.0) is None


def test_without_features_to_wait_for_a_chunk_is_whole() -> None:
    pairs, alone = ChunkPairs(0), chunk(20)
    assert pairs.chunk(alone, 0.0) is alone
    assert not pairs.alone_s(100.0)


def test_chunks_that_stay_alone_are_told_until_one_is_whole() -> None:
    pairs = ChunkPairs(1)
    for k in range(3):
        pairs.chunk(chunk(k), 10.0 + k)
    assert pairs.alone_s(10.0 + PATIENCE_S) == 0.0
    assert pairs.alone_s(13.0) == 3.0
    pairs.features(2, np.zeros(1))
    assert pairs.alone_s(99.0) == 0.0


def test_features_of_another_length_are_refused() -> None:
    with pytest.raises(UserError, match="features: 3 numbers, the residual expects 2"):
        ChunkPairs(2).features(0, np.zeros(3))
