"""How torch computes in a block, and as before after it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from so_arm.learning.compute import flushed_denormals, threads  # noqa: E402

pytestmark = pytest.mark.torch


def test_threads_in_the_block_only():
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.skipif(not torch.set_flush_denormal(False), reason="this processor cannot flush denormal numbers")
def test_denormal_numbers_are_nought_in_the_block_only():
    tiny = torch.full((64,), 1e-30)
    with pytest.raises(ValueError, match="on purpose"), flushed_denormals():
        assert (tiny * 1e-10).eq(0.0).all()
        raise ValueError("on purpose")
    assert (tiny * 1e-10).ne(0.0).all()
