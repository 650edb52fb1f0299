from so_arm.core.settled import Settled


def told(values: str, patience_s: float) -> str:
    """What is told of one value per second."""
    state, lines = Settled("."), ""
    for now_s, value in enumerate(values):
        if state.due(value, float(now_s), patience_s):
            state.told = value
            lines += value
    return lines


def test_what_lasts_is_told_once() -> None:
    assert told("...aaaa...", 1.0) == "a."
    assert told("aabb", 1.0) == "ab"


def test_what_is_soon_over_is_not_told_and_neither_is_its_end() -> None:
    assert told("..a..b.a.", 1.0) == ""
    assert told("aa.aa", 1.0) == "a"


def test_without_patience_every_change_is_told() -> None:
    assert told(".a.bb.", 0.0) == "a.b."


def test_what_was_not_told_stays_due() -> None:
    state = Settled("")
    assert not state.due("x", 0.0, 1.0)
    assert state.due("x", 1.0, 1.0) and state.due("x", 5.0, 1.0)
