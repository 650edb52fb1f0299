"""Text with substitutions is read as ROS 2 launch reads it."""

from __future__ import annotations

import pytest

from so_arm.launcher.template import Call, Template, parse_template


def _text(*parts) -> Template:
    return Template(parts)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ("",)),
        ("plain 'text' (here)", ("plain 'text' (here)",)),
        ("$ 5$", ("$ 5$",)),
        ("$(var x)", (Call("var", (_text("x"),)),)),
        ("a$(dirname)b", ("a", Call("dirname", ()), "b")),
        ("$(env HOME /x)", (Call("env", (_text("HOME"), _text("/x"))),)),
        ("$(env HOME '')", (Call("env", (_text("HOME"), _text(""))),)),
        (r"\$(var x)", ("$(var x)",)),
        (r"a\\b", (r"a\b",)),
        ("$(eval '1 + (2)')", (Call("eval", (_text("1 + (2)"),)),)),
        ('$(eval "1 + 2")', (Call("eval", (_text("1 + 2"),)),)),
        ("$(var $(var x)_y)", (Call("var", (_text(Call("var", (_text("x"),)), "_y"),)),)),
        (
            r"$(eval '\'$(var x)\' == \'a b\'')",
            (Call("eval", (_text("'", Call("var", (_text("x"),)), "' == 'a b'"),)),),
        ),
        (
            "$(eval \"'$(var x)' == 'a'\")",
            (Call("eval", (_text("'", Call("var", (_text("x"),)), "' == 'a'"),)),),
        ),
        (r"$(var a\)b)", (Call("var", (_text("a)b"),)),)),
    ],
)
def test_parse(text: str, parts: tuple):
    assert parse_template(text).parts == parts


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("$(var x", "not closed with"),
        ("$( var x)", "starts with its name"),
        ("$()", "starts with its name"),
        ("$(env A  B)", "argument is missing"),
        ("$(eval 'a)", "quotation ' is not closed"),
        ("$(eval (1))", "argument is missing"),
        ("$(eval f(1))", "expected a space or"),
        ("$(var 'x'y)", "expected a space or"),
    ],
)
def test_faults_are_named(text: str, complaint: str):
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(")):
        parse_template(text)


def test_nested_calls_are_found():
    assert [call.name for call in parse_template("$(if $(not $(var x)) a b)$(dirname)").calls()] == [
        "if",
        "dirname",
        "not",
        "var",
    ]
