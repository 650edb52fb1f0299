import numpy as np

from so_arm.core.chunk import ActionChunk, ChunkTimeline
from so_arm.core.replay_answers import ACTION, BASE, KINDS, RESIDUAL, ReplayAnswers

PERIOD_NS = 33_333_333
STAMPS = 10**9 + PERIOD_NS * np.arange(5)


def chunk(tick: int, value: float) -> ActionChunk:
    return ActionChunk(int(STAMPS[tick]), PERIOD_NS, np.full((4, 6), value))


def answers() -> ReplayAnswers:
    """Two of four steps of a chunk are executed."""
    return ReplayAnswers(STAMPS, ChunkTimeline(PERIOD_NS, 4, 0.5))


def answer_step(to: ReplayAnswers, tick: int) -> None:
    for number, kind in enumerate(KINDS):
        to.step(kind, int(STAMPS[tick]), np.full(6, tick + 10.0 * number))


def test_an_observation_is_answered_when_its_chunk_and_all_steps_are_there_in_any_order() -> None:
    found = answers()
    assert found.missing(0) == ["action_chunk", *KINDS]
    answer_step(found, 0)
    assert found.missing(0) == ["action_chunk"]
    found.chunk(chunk(0, 0.1))
    assert found.missing(0) == []
    assert found.missing(1) == list(KINDS)
    answer_step(found, 1)
    assert found.missing(1) == []
    assert found.missing(2) == ["action_chunk", *KINDS]


def test_predictions_are_what_came_and_nothing_else() -> None:
    found = answers()
    for tick in range(5):
        answer_step(found, tick)
    found.chunk(chunk(0, 0.1))
    found.chunk(chunk(0, 0.1))  # sent again
    found.chunk(chunk(1, 0.9))  # nobody waited for it
    found.chunk(ActionChunk(5, PERIOD_NS, np.zeros((4, 6))))  # of another episode
    found.step(ACTION, 5, np.zeros(6))
    found.chunk(chunk(2, 0.2))
    found.chunk(chunk(4, 0.3))
    result = found.predictions()
    assert [(tick, steps[0, 0]) for tick, steps in result.chunks] == [(0, 0.1), (2, 0.2), (4, 0.3)]
    assert result.fresh.tolist() == [True] * 5
    ticks = np.arange(5.0)
    for values, kind in ((result.base, BASE), (result.residual, RESIDUAL), (result.action, ACTION)):
        assert values[:, 3].tolist() == (ticks + 10 * KINDS.index(kind)).tolist()
