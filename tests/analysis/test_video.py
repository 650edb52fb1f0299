import errno
import time

import av
import numpy as np
import pytest

from so_arm.analysis.trace_panel import MEASURED_RGB, REWARD_RGB, TracePanel
from so_arm.analysis.video import HOLD_S, PANEL_PX, TITLE_PX, Clip, compose, write_video
from so_arm.core.errors import UserError

SIZE = (48, 320)
TICKS = 12


def clip(ticks: int = TICKS, stride: int = 1, size: tuple[int, int] = SIZE) -> Clip:
    reward = np.full(ticks, -0.1)
    reward[-1] = 510.0
    q = np.linspace(0.0, 1.0, ticks)[:, None] * np.ones(6)
    black, white = np.zeros((*size, 3), np.uint8), np.full((*size, 3), 255, np.uint8)
    frames = ((black, white) for _ in range(0, ticks, stride))
    return Clip("episode 1", "success", True, frames, reward, q, q + 0.1)


def test_video_is_h264_yuv420p_and_runs_in_real_time(tmp_path):
    path = tmp_path / "demo.mp4"
    write_video(path, [clip(), clip()], fps=30)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.width, stream.height) == (2 * SIZE[1], TITLE_PX + SIZE[0] + PANEL_PX)
        assert stream.average_rate == 30
        assert sum(1 for _ in container.decode(video=0)) == 2 * (TICKS + round(HOLD_S * 30))
    assert list(tmp_path.iterdir()) == [path]


def test_stride_keeps_the_speed(tmp_path):
    path = tmp_path / "demo.mp4"
    write_video(path, [clip(stride=2)], fps=30, stride=2)
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == 15
        assert sum(1 for _ in container.decode(video=0)) == TICKS // 2 + round(HOLD_S * 15)


def test_cameras_lie_side_by_side():
    picture = next(compose(clip(), fps=30))
    views = picture[TITLE_PX : TITLE_PX + SIZE[0]]
    assert (views[:, : SIZE[1]] == 0).all() and (views[:, SIZE[1] :] == 255).all()


def test_curves_grow_with_time():
    shown = clip()
    panel = TracePanel(shown.reward, shown.joint_position, shown.action, (640, PANEL_PX), fps=30)

    def coloured(tick: int, colour: tuple[int, int, int]) -> int:
        return int((np.abs(panel.up_to(tick).astype(int) - colour).sum(axis=2) < 60).sum())

    for colour in (REWARD_RGB, MEASURED_RGB):
        panel = TracePanel(shown.reward, shown.joint_position, shown.action, (640, PANEL_PX), fps=30)
        counts = [coloured(tick, colour) for tick in (0, 3, 6, TICKS - 1)]
        assert counts == sorted(set(counts))


def test_a_fault_while_drawing_leaves_nothing(tmp_path):
    def frames():
        yield (np.zeros((*SIZE, 3), np.uint8),) * 2
        raise KeyboardInterrupt

    broken = clip()
    broken = Clip("t", "o", False, frames(), broken.reward, broken.joint_position, broken.action)
    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "demo.mp4", [broken], fps=30)
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_one_clear_error(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("so_arm.analysis.video.VideoEncoder.add", full)
    with pytest.raises(UserError, match="no space left on the disk"):
        write_video(tmp_path / "demo.mp4", [clip()], fps=30)
    assert list(tmp_path.iterdir()) == []


def test_composing_is_fast():
    shown = clip(ticks=60, size=(360, 480))
    begun = time.process_time()
    for _ in compose(shown, fps=30):
        pass
    assert (time.process_time() - begun) / 60 < 0.05  # 0.01 to 0.03 s, by processor and load
