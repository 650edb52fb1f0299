from so_arm.sim.clock import substeps, tick_stamp_ns


def test_fifty_physics_steps_every_three_ticks():
    assert [substeps(tick) for tick in range(6)] == [16, 17, 17, 16, 17, 17]
    assert sum(substeps(tick) for tick in range(30)) == 500


def test_stamps_are_on_the_30_hz_grid():
    assert [tick_stamp_ns(tick) for tick in (0, 1, 3, 30)] == [0, 33_333_333, 100_000_000, 1_000_000_000]
