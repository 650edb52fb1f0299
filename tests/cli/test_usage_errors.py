"""Typer's words for a bad value, made plain."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import pytest
import typer
from typer import TyperException
from typer.main import get_command

from so_arm.cli.usage_errors import plainly


class Colour(StrEnum):
    red = "red"
    green = "green"


def _paint(
    colour: Colour = Colour.red,
    coats: Annotated[int, typer.Option(min=1, max=3)] = 1,
    litres: Annotated[float, typer.Option(min=0.5)] = 1.0,
) -> None:
    del colour, coats, litres


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--colour", "gren"], "'--colour': unknown choice 'gren'; choose one of: green, red. Did you mean 'green'?"),
        (["--coats", "many"], "'--coats': expected a whole number"),
        (["--coats", "0"], "'--coats': at least 1 is needed"),
        (["--coats", "4"], "'--coats': at most 3 is allowed"),
        (["--litres", "much"], "'--litres': expected a number"),
        (["--litres", "0"], "'--litres': at least 0.5 is needed"),
    ],
)
def test_a_bad_value_in_plain_words(words: list[str], message: str):
    app = typer.Typer()
    app.command()(_paint)
    with pytest.raises(TyperException) as caught:
        get_command(app).main(args=words, standalone_mode=False)
    assert plainly(caught.value.format_message()) == f"Invalid value for {message}"


def test_other_messages_stay():
    assert plainly("No such option: --colr") == "No such option: --colr"
