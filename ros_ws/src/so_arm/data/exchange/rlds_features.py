"""``features.json`` of TensorFlow Datasets: what the names in the records of an RLDS dataset mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from so_arm.core.errors import UserError

_CLASSES = "tensorflow_datasets.core.features"
TENSOR, TEXT, IMAGE, OTHER = "tensor", "text", "image", "other"


@dataclass(frozen=True)
class Leaf:
    """kind: tensor, text, image, or other: what is not read here. shape: of one step, () for a scalar and for text."""

    kind: str
    dtype: str = "string"
    shape: tuple[int, ...] = ()


def features_json(steps: dict[str, Leaf], episode: dict[str, Leaf]) -> dict[str, Any]:
    """Contents of features.json. steps, episode: path (``observation/image``) -> leaf, per step and per episode."""
    dataset = {
        "pythonClassName": f"{_CLASSES}.dataset_feature.Dataset",
        "sequence": {"feature": _dictionary(steps), "length": "-1"},
    }
    top = _dictionary(episode)
    top["featuresDict"]["features"]["steps"] = dataset
    return top


def read_features(features: Any, where: str) -> dict[str, Leaf]:
    """Path in the records (``steps/observation/image``) -> leaf. UserError for what is no RLDS dataset."""
    try:
        leaves = dict(_walk(features, "", where))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{where} is damaged: {error!r}") from error
    if not any(path.startswith("steps/") for path in leaves):
        raise UserError(f"{where}: the dataset has no steps, so it is not in the form of RLDS")
    return leaves


def _walk(node: dict[str, Any], path: str, where: str) -> Iterator[tuple[str, Leaf]]:
    if "featuresDict" in node:
        for name, child in node["featuresDict"]["features"].items():
            yield from _walk(child, f"{path}/{name}" if path else name, where)
    elif "sequence" in node:
        yield from _walk(node["sequence"]["feature"], path, where)
    elif TEXT in node:
        yield path, Leaf(TEXT)
    elif IMAGE not in node and TENSOR not in node:
        yield path, Leaf(OTHER)
    else:
        kind = IMAGE if IMAGE in node else TENSOR
        told = node[kind]
        if told.get("encoding", "none").lower() not in ("none", ""):
            raise UserError(f"{where}: {path} is {told['encoding']}-encoded, which is not read here")
        shape = tuple(int(size) for size in (told.get("shape") or {}).get("dimensions", []))
        yield path, Leaf(TEXT if told["dtype"] in ("string", "object") else kind, told["dtype"], shape)


def _dictionary(leaves: dict[str, Leaf]) -> dict[str, Any]:
    children: dict[str, Any] = {}
    groups: dict[str, dict[str, Leaf]] = {}
    for path, leaf in leaves.items():
        group, _, rest = path.partition("/")
        if rest:
            groups.setdefault(group, {})[rest] = leaf
        else:
            children[path] = _leaf(leaf)
    children |= {name: _dictionary(inner) for name, inner in groups.items()}
    return {
        "featuresDict": {"features": dict(sorted(children.items()))},
        "pythonClassName": f"{_CLASSES}.features_dict.FeaturesDict",
    }


def _leaf(leaf: Leaf) -> dict[str, Any]:
    if leaf.kind == TEXT:
        return {"pythonClassName": f"{_CLASSES}.text_feature.Text", TEXT: {}}
    shape = {"dimensions": [str(size) for size in leaf.shape]} if leaf.shape else {}
    if leaf.kind == IMAGE:
        image = {"dtype": leaf.dtype, "encodingFormat": "jpeg", "shape": shape}
        return {"pythonClassName": f"{_CLASSES}.image_feature.Image", IMAGE: image}
    name = "tensor_feature.Tensor" if leaf.shape else "scalar.Scalar"
    return {"pythonClassName": f"{_CLASSES}.{name}", TENSOR: {"dtype": leaf.dtype, "encoding": "none", "shape": shape}}
