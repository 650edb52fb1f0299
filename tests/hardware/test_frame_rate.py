import pytest

from so_arm.hardware.frame_rate import FrameRate


def test_rate_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [50.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    rate = FrameRate()

    def frames(count: int, hz: float) -> None:
        for _ in range(count):
            rate.count()
            now[0] += 1 / hz

    assert rate.read() is None
    frames(30, 30)
    assert rate.read() is None, "too early to say"
    frames(60, 30)
    assert rate.read() == pytest.approx(30, abs=0.5)
    frames(50, 10)
    assert rate.read() == pytest.approx(10, abs=0.5)
    now[0] += 2.5
    assert rate.read() == pytest.approx(5, abs=0.5)
    now[0] += 60
    assert rate.read() == 0
    rate.restart()
    assert rate.read() is None
