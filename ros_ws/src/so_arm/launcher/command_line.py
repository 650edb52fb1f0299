"""Splitting a ``cmd`` or ``args`` attribute into words, substitutions counted as one piece of a word."""

from __future__ import annotations

import shlex

from so_arm.launcher.context import Context
from so_arm.launcher.substitutions import expand
from so_arm.launcher.template import Template


def split_words(template: Template, context: Context) -> list[str]:
    """Words of a command line. Spaces in the file split, spaces in a substituted value do not.

    As in ROS 2 launch each run of text between two substitutions is split by shell rules by itself.
    """
    words: list[str] = []
    open_word: list[str] = []

    def close() -> None:
        if open_word:
            words.append("".join(open_word))
            open_word.clear()

    for part in template.parts:
        if not isinstance(part, str):
            open_word.append(expand(Template((part,)), context))
            continue
        pieces = shlex.split(part)
        if part[:1].isspace():
            close()
        for index, piece in enumerate(pieces):
            if index > 0:
                close()
            open_word.append(piece)
        if part[-1:].isspace():
            close()
    close()
    return words
