"""A task's instruction in words and as part of a file name."""

from __future__ import annotations

import re

_SUFFIX = "_demo"


def from_file_name(stem: str) -> str:
    """LIBERO's rule: without ``_demo``, everything up to the word with SCENE dropped, underscores are spaces."""
    words = stem.removesuffix(_SUFFIX).split("_")
    scenes = [number for number, word in enumerate(words) if "SCENE" in word]
    return " ".join(words[scenes[-1] + 1 :] if scenes else words)


def file_stem(instruction: str) -> str:
    """LIBERO's file name for `instruction`, without the ending."""
    return (snake_case(instruction) or "task") + _SUFFIX


def snake_case(text: str) -> str:
    """Lower-case words joined by underscores."""
    return "_".join(re.findall(r"[a-z0-9]+", text.lower()))


def tfds_name(text: str) -> str:
    """A name that TensorFlow Datasets takes: snake case that begins with a letter."""
    name = snake_case(text)
    return name if name[:1].isalpha() else f"dataset_{name}".rstrip("_")
