"""An episode of a LeRobot dataset for the Rerun viewer: images, and every number as a time series by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from so_arm.analysis.rerun_file import Moment, RerunFile, entity_path
from so_arm.data.dataset_schema import ACTION, STATE
from so_arm.data.exchange.episode import Episode, Feature, Layout

if TYPE_CHECKING:
    import rerun.blueprint as rrb

FRAME, TIME = "frame", "time"
#: The same in every joint's plot.
_LOOKS: dict[str, dict[str, Any]] = {
    STATE: {"names": "state", "colors": (60, 130, 220)},
    ACTION: {"names": "action", "colors": (240, 140, 40)},
}
INSTRUCTION = "instruction"


def write_episode(path: Path, name: str, layout: Layout, episode: Episode, on_frame: Callable[[int], None]) -> None:
    """Make `path` (.rrd). Timelines: frame number, and seconds since the episode's begin. on_frame: 1 per row."""
    with RerunFile(path, name, lambda: _blueprint(layout)) as file:
        file.document([INSTRUCTION], episode.task)
        entities = {key: elements(key, feature) for key, feature in layout.features.items()}
        for row, images in enumerate(episode.images()):
            moment: Moment = {FRAME: row, TIME: row / layout.fps}
            for key, image in images.items():
                file.image([key], moment, image)
            for key, values in episode.columns.items():
                for entity, value in zip(entities[key], values[row].ravel(), strict=True):
                    file.number(entity, moment, float(value))
            on_frame(1)


def elements(key: str, feature: Feature) -> list[list[str]]:
    """Entity of each element of a column."""
    return [[key, name] for name in element_names(feature)] if feature.shape != (1,) else [[key]]


def element_names(feature: Feature) -> list[str]:
    """Names of a column's elements, numbers where it has none."""
    size = 1
    for length in feature.shape:
        size *= length
    names = next(iter(feature.names.values()), []) if isinstance(feature.names, dict) else feature.names or []
    return [str(name) for name in names] if len(names) == size else [str(number) for number in range(size)]


def _blueprint(layout: Layout) -> rrb.Blueprint:
    """Cameras beside the plots: one per joint with state and action in it, one per other column."""
    import rerun as rr
    import rerun.blueprint as rrb

    cameras = [rrb.Spatial2DView(origin=entity_path([key]), name=key) for key in layout.images]
    joints = _joints(layout)
    plots = [
        rrb.TimeSeriesView(
            origin="/",
            contents=[entity_path([key, name]) for key in (STATE, ACTION)],
            overrides={entity_path([key, name]): rr.SeriesLines(**look) for key, look in _LOOKS.items()},
            name=f"{name.removesuffix('.pos')}{_unit(layout, name)}",
        )
        for name in joints
    ]
    plots += [
        rrb.TimeSeriesView(origin=entity_path([key]), name=key)
        for key in layout.features
        if not joints or key not in (STATE, ACTION)
    ]
    told = rrb.TextDocumentView(origin=entity_path([INSTRUCTION]), name=INSTRUCTION)
    return rrb.Blueprint(
        rrb.Horizontal(rrb.Vertical(*cameras, told), rrb.Grid(*plots), column_shares=[1, 2]), collapse_panels=True
    )


def _joints(layout: Layout) -> list[str]:
    """Names that state and action share; none when they differ."""
    state, action = layout.features.get(STATE), layout.features[ACTION]
    names = element_names(action)
    return names if state is not None and element_names(state) == names else []


def _unit(layout: Layout, name: str) -> str:
    if layout.units is None:
        return ""
    return f" [{layout.units['gripper' if name.startswith('gripper') else 'body']}]"
