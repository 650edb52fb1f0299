"""Which LeRobot columns the arrays of a robosuite or LIBERO demonstration become."""

from __future__ import annotations

import h5py

from so_arm.core.errors import UserError
from so_arm.data.dataset_schema import ACTION, IMAGE_PREFIX, STATE
from so_arm.data.exchange.delta_names import DELTA_NAMES
from so_arm.data.exchange.episode import Feature, Layout

#: robosuite's control rate where a file does not tell it.
DEFAULT_FPS = 20
#: What becomes observation.state: the first that is there whole, side by side. LIBERO's policies see hand and fingers;
#: MuJoCo's whole state is taken only where nothing else is.
_STATES = (("obs/ee_states", "obs/gripper_states"), ("obs/joint_states",), ("robot_states",), ("states",))
_KEYS = {"actions": ACTION, "rewards": "reward", "dones": "done", "states": "observation.environment_state"}
_EE_NAMES = ["x", "y", "z", "rx", "ry", "rz"]


Places = dict[str, tuple[str, ...]]


def columns_of(demo: h5py.Group, where: str, robot: str, fps: int) -> tuple[Layout, Places, list[str]]:
    """Layout, LeRobot key -> its arrays in the demonstration, and a line for every array that is left out."""
    arrays = _arrays(demo)
    if "actions" not in arrays or arrays["actions"].ndim != 2:
        raise UserError(f"{where}: actions must be (T, n), one row per step")
    layout = Layout(fps, robot, {}, {}, delta_actions=arrays["actions"].shape[1] == len(DELTA_NAMES))
    parts = next((parts for parts in _STATES if all(part in arrays for part in parts)), None)
    if parts is None:
        raise UserError(f"{where} has no state: none of {', '.join(' + '.join(parts) for parts in _STATES)}")
    layout.features[STATE] = _joined([_feature(STATE, part, arrays[part]) for part in parts])
    places: Places = {STATE: parts}
    left_out = []
    for place, array in arrays.items():
        if place in parts:
            continue
        key = _key(place)
        if array.ndim == 4 and array.shape[-1] == 3 and array.dtype == "uint8":
            key = IMAGE_PREFIX + place.rpartition("/")[2].removesuffix("_rgb").removesuffix("_image")
            layout.images[key] = (array.shape[1], array.shape[2])
        elif array.ndim <= 2 and array.dtype.kind in "biuf":
            layout.features[key] = _feature(key, place, array)
        else:
            left_out.append(
                f"{place} {array.shape} {array.dtype} is left out: it is neither images nor rows of numbers"
            )
            continue
        places[key] = (place,)
    return layout, places, left_out


def _joined(features: list[Feature]) -> Feature:
    names = [name for feature in features for name in feature.names or []]
    return Feature("float32", (sum(feature.shape[0] for feature in features),), names)


def _arrays(demo: h5py.Group) -> dict[str, h5py.Dataset]:
    """Path -> array, of the demonstration and its group ``obs``."""
    found = {name: item for name, item in demo.items() if isinstance(item, h5py.Dataset) and item.shape}
    observations = demo.get("obs")
    if isinstance(observations, h5py.Group):
        found |= {f"obs/{name}": item for name, item in observations.items() if isinstance(item, h5py.Dataset)}
    return found


def _key(place: str) -> str:
    if place in _KEYS:
        return _KEYS[place]
    name = place.removeprefix("obs/").replace("/", "_")
    return f"observation.{name}" if place.startswith("obs/") or place == "robot_states" else name


def _feature(key: str, place: str, array: h5py.Dataset) -> Feature:
    size = array.shape[1] if array.ndim == 2 else 1
    names: list[str] | None = None
    if key == ACTION and size == len(DELTA_NAMES):
        names = DELTA_NAMES
    elif place == "obs/ee_states" and size == len(_EE_NAMES):
        names = _EE_NAMES
    elif array.ndim == 2:
        names = [f"{place.rpartition('/')[2]}_{number}" for number in range(size)]
    dtype = "bool" if key == "done" else "float32" if array.dtype.kind == "f" or key == "reward" else array.dtype.name
    return Feature(dtype, (size,), names)
