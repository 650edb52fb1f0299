from so_arm.sim.clock import substeps


def test_fifty_physics_steps_every_three_ticks():
    assert [substeps(tick) for tick in range(6)] == [16, 17, 17, 16, 17, 17]
    assert sum(substeps(tick) for tick in range(30)) == 500
