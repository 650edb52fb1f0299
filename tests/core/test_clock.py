from so_arm.core.clock import tick_stamp_ns


def test_stamps_are_on_the_30_hz_grid():
    assert [tick_stamp_ns(tick) for tick in (0, 1, 3, 30)] == [0, 33_333_333, 100_000_000, 1_000_000_000]
