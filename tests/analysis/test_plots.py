import cv2

from so_arm.analysis.plots import write_plots
from so_arm.core.episode import EpisodeResult

RESULTS = [
    EpisodeResult(seed, seed % 3 == 0, float(seed), 100 + seed, None if seed % 3 == 0 else "dropped", 4.0)
    for seed in range(7)
]


def test_plots_are_pictures(tmp_path):
    starts = {seed: (0.2 + 0.01 * seed, -0.02 * seed) for seed in range(7)}
    paths = write_plots(tmp_path, RESULTS, starts)
    assert sorted(path.name for path in paths) == ["reward.png", "steps.png", "success_by_position.png"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    for path in paths:
        picture = cv2.imread(str(path))
        assert picture is not None and picture.std() > 1.0


def test_without_positions_that_plot_is_left_out(tmp_path):
    assert len(write_plots(tmp_path, RESULTS[:1], {})) == 2
