"""The page is one file, sound, and has what the report says. Its look is for a browser."""

from __future__ import annotations

import base64
import io

import av
import numpy as np
import pytest
from tests.analysis.html_page import Page
from tests.analysis.judged_episodes import SEEDS, base_side, report_of, residual_side

from so_arm.analysis.page_video import video_data_uri
from so_arm.analysis.paired_video import paired_pictures
from so_arm.analysis.residual_page import ChangedVideo, residual_page
from so_arm.analysis.residual_report import Pair
from so_arm.analysis.svg_bars import BarChart, Bars, bars_svg
from so_arm.analysis.svg_heat import HeatMap, heat_svg
from so_arm.analysis.svg_plot import Place

FAILING = {seed for seed in SEEDS if seed % 10 == 0}


def pictures(count: int, grey: int) -> list[np.ndarray]:
    return [np.full((36, 48, 3), grey, np.uint8)] * count


@pytest.fixture(scope="module")
def text() -> str:
    report = report_of(residual_side(FAILING), delays=[(3, Pair(base_side(), residual_side(FAILING)))])
    source = video_data_uri(paired_pictures(pictures(4, 50), pictures(6, 90), (False, True)), 10.0)
    return residual_page(report, [ChangedVideo(501, "missed_grasp", "success", source)])


def test_nothing_is_fetched_and_names_are_escaped(text):
    assert not [outside for outside in ("http:", "https:", "@import", "url(") if outside in text]
    page = Page(text)
    assert all(attrs["src"].startswith("data:") for _, attrs in page.tags if "src" in attrs)
    assert not page.all("link") and not page.all("img") and not page.all("script")
    assert "models/&lt;base&gt;" in text and "<base>" not in text
    assert "nan" not in text


def test_every_part_is_there(text):
    page = Page(text)
    assert len(page.all("svg")) == 9  # success, length, 2 maps, turn, phase, 2 of the use, delays
    assert len(page.all("video")) == 1
    for heading in ("Outcomes before and after", "Where it fails", "Policy latency", "Episodes that changed"):
        assert f"<h2>{heading}" in text
    assert "66.7 (58 to 74)" in text and "90.0 (83 to 94)" in text
    assert "seed 501: missed grasp, with the residual success" in text


def test_without_delays_changes_or_a_turn_their_parts_are_missing():
    report = report_of(residual_side(FAILING))
    report["where"]["yaw"] = None
    page = residual_page(report, [])
    assert "Policy latency" not in page and "Episodes that changed" not in page
    assert len(Page(page).all("svg")) == 7


def test_the_shorter_episode_waits_for_the_other_in_the_colour_of_its_outcome():
    shown = list(paired_pictures(pictures(2, 50), pictures(5, 90), (False, True)))
    assert shown[0].shape == (36, 96, 3)
    assert shown[1][0, 0].tolist() == [50] * 3 and shown[4][0, 48].tolist() == [90] * 3
    red, green = shown[2][0, 0], shown[-1][0, 48]
    assert red[0] > red[1] and green[1] > green[0]
    assert shown[2][18, 24].tolist() == [50] * 3


def test_a_video_plays_at_the_rate_it_was_drawn_for(text):
    source = Page(text).all("video")[0]["src"]
    with av.open(io.BytesIO(base64.b64decode(source.split(",")[1]))) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", 10)


def test_bars_have_the_height_of_their_value_and_gaps_where_there_is_none():
    chart = BarChart("a & b", ["x", "y"], [Bars("#123456", [50.0, None], [(25.0, 100.0)] * 2)], 100.0)
    svg = bars_svg(chart, Place(0, 0, 100, 106))
    assert svg.count("<rect") == 1
    assert 'height="50.0"' in svg and 'y1="81.0" x2="20.0"' not in svg
    assert "a &amp; b" in svg


def test_names_that_would_overlap_are_left_out():
    names = [f"group {number}" for number in range(20)]
    svg = bars_svg(BarChart("t", names, [Bars("#000", [1.0] * 20)]), Place(0, 0, 200, 50))
    shown = [name for name in names if f">{name}<" in svg]
    assert shown == names[::5]


def test_a_map_is_seen_from_behind_the_robot():
    heat = HeatMap("t", [0.1, 0.2, 0.3], [-0.1, 0.0, 0.1], [[4, 0], [2, 1]], [[1, 0], [2, 0]])
    svg = heat_svg(heat, Place(0, 0, 100, 60))
    at = lambda words: svg.index(words)  # noqa: E731
    cell = svg[: at("25% of 4")].rsplit("<rect", 1)[1]
    assert 'x="50.0" y="30.0"' in cell  # near the robot, to its right
    assert at("100% of 2") > at("25% of 4") and svg.count("%") == 3
