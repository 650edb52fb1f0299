"""The tags and attributes this runner knows. A file is checked against them as a whole before anything starts.

A subset of what ``ros2 launch`` (Jazzy) reads from XML, with the same names and meaning, so that a file accepted here
runs there unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

from so_arm.core.errors import choice_error
from so_arm.launcher.document import Tag
from so_arm.launcher.substitutions import check
from so_arm.launcher.template import Template, parse_template

CONDITION = ("if", "unless")
PROCESS = (
    "output",
    "cwd",
    "respawn",
    "respawn_delay",
    "respawn_max_retries",
    "launch-prefix",
    "sigterm_timeout",
    "sigkill_timeout",
    "on_exit",
)


@dataclass(frozen=True)
class Rule:
    """What a tag may carry: attributes in order of use, and tags inside (None: those of a launch file)."""

    attributes: tuple[str, ...]
    children: tuple[str, ...] | None = ()


ACTIONS: dict[str, Rule] = {
    "arg": Rule(("name", "default", "description", *CONDITION), ("choice",)),
    "let": Rule(("name", "value", *CONDITION)),
    "group": Rule(("scoped", *CONDITION), None),
    "include": Rule(("file", *CONDITION), ("arg",)),
    "node": Rule(
        ("pkg", "exec", "name", "namespace", "exec_name", "args", "ros_args", *PROCESS, *CONDITION),
        ("param", "remap", "env"),
    ),
    "executable": Rule(("cmd", "name", *PROCESS, *CONDITION), ("env",)),
    "set_env": Rule(("name", "value", *CONDITION)),
    "unset_env": Rule(("name", *CONDITION)),
    "push_ros_namespace": Rule(("namespace", *CONDITION)),
    "set_parameter": Rule(("name", "value", *CONDITION)),
    "set_remap": Rule(("from", "to", *CONDITION)),
    "log": Rule(("message", *CONDITION)),
}
PARTS: dict[tuple[str, str], Rule] = {
    ("arg", "choice"): Rule(("value",)),
    ("include", "arg"): Rule(("name", "value")),
    ("node", "param"): Rule(("name", "value", "type", "from", "allow_substs"), ("param",)),
    ("param", "param"): Rule(("name", "value", "type"), ("param",)),
    ("node", "remap"): Rule(("from", "to")),
    ("node", "env"): Rule(("name", "value")),
    ("executable", "env"): Rule(("name", "value")),
}
#: Attributes that ROS 2 launch takes literally.
LITERAL = {("arg", "name"), ("arg", "description"), ("choice", "value"), ("param", "type")}


def check_document(root: Tag) -> None:
    """Refuse the first tag, attribute or substitution that this runner does not know, by name, file and line."""
    if root.name != "launch":
        raise root.error(f"the outermost tag is <{root.name}>; it must be <launch>")
    _check_attributes(root, Rule(()))
    for child in root.children:
        _check_action(child)


def template(tag: Tag, attribute: str) -> Template:
    """Template of an attribute that is there."""
    try:
        parsed = parse_template(tag.get(attribute))
        check(parsed)
    except ValueError as error:
        raise tag.error(f"{attribute} of <{tag.name}>: {error}") from error
    return parsed


def _check_action(tag: Tag) -> None:
    if tag.name not in ACTIONS:
        raise tag.error(str(choice_error("tag", f"<{tag.name}>", ACTIONS)))
    rule = ACTIONS[tag.name]
    _check_attributes(tag, rule)
    for child in tag.children:
        if rule.children is None:
            _check_action(child)
        else:
            _check_part(tag, child, rule.children)


def _check_part(parent: Tag, tag: Tag, allowed: tuple[str, ...]) -> None:
    if tag.name not in allowed:
        if not allowed:
            raise tag.error(f"<{parent.name}> holds no tags, got <{tag.name}>")
        raise tag.error(str(choice_error(f"tag in <{parent.name}>", f"<{tag.name}>", allowed)))
    rule = PARTS[parent.name, tag.name]
    _check_attributes(tag, rule)
    for child in tag.children:
        _check_part(tag, child, rule.children or ())


def _check_attributes(tag: Tag, rule: Rule) -> None:
    for attribute in tag.attributes:
        if attribute not in rule.attributes:
            if not rule.attributes:
                raise tag.error(f"<{tag.name}> has no attributes, got '{attribute}'")
            raise tag.error(str(choice_error(f"attribute of <{tag.name}>", attribute, rule.attributes)))
        if (tag.name, attribute) not in LITERAL:
            template(tag, attribute)
    if "if" in tag.attributes and "unless" in tag.attributes:
        raise tag.error(f"<{tag.name}> has both 'if' and 'unless'; give one of them")
