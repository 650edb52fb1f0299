"""Two episodes beside each other in one picture; the one that is over waits for the other, framed by its outcome."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest

import numpy as np

_GOOD_RGB, _BAD_RGB = (42, 157, 92), (209, 73, 91)
_FRAME_PX = 4
#: The last picture stays this many pictures long.
_HELD = 8


def paired_pictures(
    left: Iterable[np.ndarray], right: Iterable[np.ndarray], won: tuple[bool, bool]
) -> Iterator[np.ndarray]:
    """(h, 2 w, 3) uint8 from pictures (h, w, 3) of either episode, all of one even size. won: which succeeded."""
    last: list[np.ndarray | None] = [None, None]
    for pair in zip_longest(left, right):
        shown = []
        for side, picture in enumerate(pair):
            if picture is not None:
                last[side] = picture
                shown.append(picture)
            elif (ended := last[side]) is not None:
                shown.append(_framed(ended, won[side]))
        yield np.concatenate(shown, axis=1)
    final = [_framed(picture, good) for picture, good in zip(last, won, strict=True) if picture is not None]
    for _ in range(_HELD if final else 0):
        yield np.concatenate(final, axis=1)


def _framed(picture: np.ndarray, good: bool) -> np.ndarray:
    framed = np.empty_like(picture)
    framed[:] = _GOOD_RGB if good else _BAD_RGB
    inner = (slice(_FRAME_PX, -_FRAME_PX), slice(_FRAME_PX, -_FRAME_PX))
    framed[inner] = picture[inner]
    return framed
