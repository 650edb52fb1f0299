"""The page is one file: tables, plots and videos are in it, and nothing is fetched. Its look is for a browser."""

from __future__ import annotations

import base64
import io

import av
import numpy as np
import pytest
from tests.analysis.html_page import Page

from so_arm.analysis.replay_facts import episode_facts
from so_arm.analysis.replay_page import ShownEpisode, replay_page, shown_episodes
from so_arm.analysis.replay_report import build_report
from so_arm.analysis.replay_scores import score
from so_arm.analysis.replay_video import HEIGHT_PX, side_by_side
from so_arm.analysis.svg_plot import Curve, Panel, Place, decades, nice_ticks, panel_svg
from so_arm.core.predictions import Predictions
from so_arm.core.reward_trace import RewardTrace
from so_arm.data.recordings.recording import RecordedFrames

FPS, TICKS, ERRORS = 30.0, 40, (3.0, 1.0, 2.0, 5.0, 4.0)
NAMES = ("models/<first> & co", "second")
TIMING = {"took_s": 0.5, "times_real_time": 4.0, "chunk": {name: {"p50_ms": 1.0, "p99_ms": 2.0} for name in NAMES}}


def frames(number: int) -> RecordedFrames:
    joints = 0.2 * np.sin(np.arange(TICKS) / 5)[:, None] * np.ones(6)
    stamps = np.rint(np.arange(TICKS) * 1e9 / FPS).astype(np.int64)
    sizes = {"static": (30, 40, 3), "wrist": (48, 64, 3)}
    picture = lambda camera, tick: np.full(sizes[camera], 5 * tick, np.uint8)  # noqa: E731
    return RecordedFrames(f"episode {number}", stamps, joints, joints, ("static", "wrist"), picture, success=True)


def answers(recorded: RecordedFrames, error_deg: float) -> Predictions:
    wrong = recorded.action + np.radians(error_deg)
    wrong[0] = np.nan
    residual = np.full((TICKS, 6), 0.01)
    return Predictions([(0, wrong[1:21]), (20, wrong[20:])], wrong - residual, residual, wrong, np.ones(TICKS, bool))


@pytest.fixture(scope="module")
def text() -> str:
    episodes = [frames(number) for number in range(len(ERRORS))]
    reward = RewardTrace("v3", np.linspace(0, 500, TICKS))
    facts = [episode_facts(episode, reward, FPS) for episode in episodes]
    given = {
        name: [answers(episode, error + more) for episode, error in zip(episodes, ERRORS, strict=True)]
        for name, more in zip(NAMES, (0.0, 1.0), strict=True)
    }
    scores = {
        name: [score(episode, each, FPS) for episode, each in zip(episodes, given[name], strict=True)] for name in NAMES
    }
    settings = {"fps": FPS, "recording": "outputs/<demos>"}
    report = build_report(settings, facts, scores)
    chosen = shown_episodes(report)
    assert chosen == {1: "least error", 3: "largest error", 0: "median error"}
    shown = [
        ShownEpisode(why, episodes[place], reward, {name: given[name][place] for name in NAMES})
        for place, why in chosen.items()
    ]
    return replay_page(report, TIMING, shown)


def test_nothing_is_fetched(text):
    assert not [outside for outside in ("http:", "https:", "@import", "url(") if outside in text]
    page = Page(text)
    assert all(attrs["src"].startswith("data:") for _, attrs in page.tags if "src" in attrs)
    assert not [attrs for _, attrs in page.tags if {"href", "srcset", "data", "action"} & attrs.keys()]
    assert not page.all("link") and not page.all("img") and not page.all("iframe")


def test_the_page_is_sound_and_names_are_escaped(text):
    assert "<first>" not in text and "<demos>" not in text
    assert "models/&lt;first&gt; &amp; co" in text
    page = Page(text)
    assert len(page.all("section", class_="episode")) == 3
    assert len(page.all("svg", class_="traces")) == len(page.all("line", class_="cursor")) == 3
    assert len(page.all("svg")) == 3 + 7  # and the error of all joints and of each


def test_videos_have_a_frame_per_tick_and_any_browser_plays_them(text):
    source = Page(text).all("video")[0]["src"]
    assert source is not None
    with av.open(io.BytesIO(base64.b64decode(source.split(",")[1]))) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 30
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) == TICKS
    assert pictures[0].shape[0] == HEIGHT_PX
    assert [round(picture.mean() / 5) for picture in pictures] == list(range(TICKS))


@pytest.mark.parametrize("size", [(64, 64), (480, 640), (97, 31), (256, 256)])
def test_pictures_of_any_size_get_even_sides(size):
    joined = side_by_side([np.zeros((*size, 3), np.uint8), np.zeros((120, 160, 3), np.uint8)])
    assert joined.shape[0] == HEIGHT_PX
    assert joined.shape[1] % 2 == 0


def test_a_curve_is_interrupted_where_there_is_nothing():
    y = np.array([0.0, 1.0, np.nan, 1.0, 0.0])
    svg = panel_svg(Panel("a & b", [Curve(np.arange(5.0), y, "#000")], (0.0, 4.0)), Place(10, 10, 100, 50), "x")
    assert svg.count("M") == 2
    assert "nan" not in svg
    assert "a &amp; b" in svg


@pytest.mark.parametrize("y", [np.full(3, np.nan), np.zeros(3), np.array([1e6, 1e6, 1e6])])
def test_flat_or_empty_curves_have_limits(y):
    assert "nan" not in panel_svg(Panel("t", [Curve(np.arange(3.0), y, "#000")], (0.0, 2.0)), Place(0, 0, 9, 9))


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 10, [0, 5, 10]), (-1.2, 0.7, [-1, -0.5, 0, 0.5]), (3, 3, [3]), (0, 0.3, [0, 0.1, 0.2, 0.3])],
)
def test_ticks_are_round(low, high, ticks):
    assert nice_ticks(low, high, 4) == pytest.approx(ticks)


def test_a_large_bonus_leaves_the_rest_visible():
    y = np.array([0.0, 5.0, 500.0])
    panel = Panel("reward", [Curve(np.arange(3.0), y, "#000")], (0.0, 2.0), linear_to=10.0)
    path = panel_svg(panel, Place(0, 0, 100, 100)).split('d="')[1].split('"')[0]
    heights = [float(point.split()[1]) for point in path[1:].split("L")]
    assert heights[0] - heights[1] > 10.0  # of 100 pixels; on a linear axis it would be one
    assert decades(-30.0, 500.0, 10.0) == [-10.0, 0.0, 10.0, 100.0]
