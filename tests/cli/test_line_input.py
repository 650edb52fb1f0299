from __future__ import annotations

import sys

import pytest
from tests.cli.typed import Typed

from so_arm.cli.line_input import LineInput
from so_arm.core.errors import UserError


def test_lines_come_one_by_one_however_they_were_sent(monkeypatch):
    typed, lines = Typed(monkeypatch), LineInput()
    assert lines.ready(0.0, "x") is None
    typed.type("one", " two ")
    assert lines.wait("x") == "one"
    assert lines.ready(0.0, "x") == "two"
    assert lines.ready(0.0, "x") is None
    typed.end()
    with pytest.raises(UserError, match="the input ended before the arm was held"):
        lines.wait("the arm was held")


def test_no_standard_input_is_its_end(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UserError, match="the input ended before"):
        LineInput().wait("x")
