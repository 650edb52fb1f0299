"""``<node>`` and ``<executable>``: from their tags to commands with everything decided."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from so_arm.launcher import packages
from so_arm.launcher.command_line import split_words
from so_arm.launcher.context import Context, join_namespace
from so_arm.launcher.document import Tag
from so_arm.launcher.grammar import template
from so_arm.launcher.parameters import (
    read_parameter_file,
    substituted_parameter_file,
    typed,
    write_parameter_file,
)
from so_arm.launcher.process import ProcessSpec
from so_arm.launcher.values import boolean, choice, integer, optional, seconds, text

OUTPUTS = ("screen", "both", "full", "log", "own_log")
ANY_NODE = "/**"


def executable(tag: Tag, context: Context, number: int) -> ProcessSpec:
    """Process number `number` of the launch for an ``<executable>`` tag."""
    words = _words(tag, "cmd", context)
    if not words:
        raise tag.error("cmd of <executable> is empty")
    return _process(tag, context, words, optional(tag, "name", context), number)


def node(tag: Tag, context: Context, scratch: Path, number: int) -> ProcessSpec:
    """Process number `number` of the launch for a ``<node>`` tag."""
    program = text(tag, "exec", context)
    package = optional(tag, "pkg", context)
    try:
        command = [program] if package is None else packages.command(package, program, context.environment)
    except ValueError as error:
        raise tag.error(str(error)) from error
    name = optional(tag, "name", context)
    namespace = join_namespace(context.namespace, optional(tag, "namespace", context))
    words = [
        *command,
        *_words(tag, "args", context),
        "--ros-args",
        *_words(tag, "ros_args", context),
        *([] if name is None else ["-r", f"__node:={name}"]),
        *([] if namespace is None else ["-r", f"__ns:={namespace}"]),
        *_parameter_words(tag, context, scratch, _full_name(namespace, name)),
        *_remap_words(tag, context),
    ]
    return _process(tag, context, words, optional(tag, "exec_name", context) or program, number)


def _process(tag: Tag, context: Context, words: list[str], label: str | None, number: int) -> ProcessSpec:
    environment = dict(context.environment)
    for variable in tag.named("env"):
        environment[text(variable, "name", context)] = text(variable, "value", context)
    if "on_exit" in tag.attributes:
        choice(tag, "on_exit", context, ("shutdown",), "shutdown")
    return ProcessSpec(
        label=f"{Path(label or words[0]).name}-{number}",
        command=shlex.split(optional(tag, "launch-prefix", context) or "") + words,
        environment=environment,
        cwd=optional(tag, "cwd", context),
        stdout_on_screen=choice(tag, "output", context, OUTPUTS, "log") in ("screen", "both", "full"),
        respawn=boolean(tag, "respawn", context, default=False),
        respawn_delay_s=seconds(tag, "respawn_delay", context, 0.0),
        respawn_max_retries=integer(tag, "respawn_max_retries", context, -1),
        shutdown_on_exit="on_exit" in tag.attributes,
        sigterm_after_s=seconds(tag, "sigterm_timeout", context, 5.0),
        sigkill_after_s=seconds(tag, "sigkill_timeout", context, 5.0),
    )


def _words(tag: Tag, attribute: str, context: Context) -> list[str]:
    if attribute not in tag.attributes and attribute != "cmd":
        return []
    try:
        return split_words(template(tag, attribute), context)
    except ValueError as error:
        raise tag.error(f"{attribute} of <{tag.name}>: {error}") from error


def _full_name(namespace: str | None, name: str | None) -> str:
    """Name a parameter file addresses the node by; a wild card while a part of the name is the node's own choice."""
    if namespace is None or name is None:
        return ANY_NODE
    return f"{namespace.rstrip('/')}/{name}"


def _parameter_words(tag: Tag, context: Context, scratch: Path, full_name: str) -> list[str]:
    """Parameters for all nodes first, then those of this node in their order: later ones win."""
    words: list[str] = []
    if context.parameters:
        words += ["--params-file", str(write_parameter_file(scratch, ANY_NODE, context.parameters))]
    for param in tag.named("param"):
        if "from" in param.attributes:
            path = _parameter_file(param, context, scratch)
        else:
            path = write_parameter_file(scratch, full_name, _parameter(param, context))
        words += ["--params-file", str(path)]
    return words


def _parameter_file(param: Tag, context: Context, scratch: Path) -> Path:
    if "name" in param.attributes:
        raise param.error("<param> has both 'from' and 'name'; give one of them")
    path = Path(text(param, "from", context))
    if not path.is_file():
        raise param.error(f"from of <param>: there is no parameter file {path}")
    try:
        if boolean(param, "allow_substs", context, default=False):
            return substituted_parameter_file(scratch, path, context)
        read_parameter_file(path)
    except OSError as error:
        raise param.error(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise param.error(f"{path}: {error}") from error
    return path


def _parameter(param: Tag, context: Context) -> dict[str, Any]:
    name = text(param, "name", context)
    if param.children:
        if "value" in param.attributes:
            raise param.error(f"<param> '{name}' has both a value and parameters inside; give one of them")
        nested: dict[str, Any] = {}
        for child in param.children:
            nested.update(_parameter(child, context))
        return {name: nested}
    kind = param.attributes.get("type", "yaml")
    if kind.startswith("list_of_") and not param.get("value").startswith("["):
        raise param.error(f"parameter '{name}': type {kind} needs a list written out here; leave the type out instead")
    try:
        return {name: typed(text(param, "value", context), kind)}
    except ValueError as error:
        raise param.error(f"parameter '{name}': {error}") from error


def _remap_words(tag: Tag, context: Context) -> list[str]:
    own = [(text(remap, "from", context), text(remap, "to", context)) for remap in tag.named("remap")]
    return [word for source, target in [*context.remaps, *own] for word in ("-r", f"{source}:={target}")]
