"""Reads a launch file from top to bottom, as ROS 2 launch does, into the processes it asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from so_arm.core.errors import UserError
from so_arm.launcher.arguments import declare, load
from so_arm.launcher.context import Context
from so_arm.launcher.document import Tag
from so_arm.launcher.parameters import typed
from so_arm.launcher.process import Plan
from so_arm.launcher.process_tags import executable, node
from so_arm.launcher.substitutions import as_bool
from so_arm.launcher.values import boolean, text

MAX_DEPTH = 20  # of files including one another


def make_plan(file: Path, variables: dict[str, str], environment: dict[str, str], scratch: Path) -> Plan:
    """Plan of the launch file `file` with arguments `variables`; parameter files are written into `scratch`."""
    reader = _Reader(scratch)
    reader.file(file, Context(file, dict(variables), dict(environment)), depth=0)
    return reader.plan


class _Reader:
    def __init__(self, scratch: Path) -> None:
        self.plan = Plan()
        self.scratch = scratch
        self.depth = 0
        self.handlers: dict[str, Callable[[Tag, Context], None]] = {
            "arg": declare,
            "let": self.let,
            "group": self.group,
            "include": self.include,
            "node": self.node,
            "executable": self.executable,
            "set_env": self.set_env,
            "unset_env": self.unset_env,
            "push_ros_namespace": self.push_ros_namespace,
            "set_parameter": self.set_parameter,
            "set_remap": self.set_remap,
            "log": self.log,
        }

    def file(self, file: Path, context: Context, depth: int) -> None:
        self.depth = depth
        self.tags(load(file).children, context)

    def tags(self, tags: list[Tag], context: Context) -> None:
        for tag in tags:
            if _applies(tag, context):
                self.handlers[tag.name](tag, context)

    def let(self, tag: Tag, context: Context) -> None:
        context.variables[text(tag, "name", context)] = text(tag, "value", context)

    def group(self, tag: Tag, context: Context) -> None:
        self.tags(tag.children, context.scoped() if boolean(tag, "scoped", context, default=True) else context)

    def include(self, tag: Tag, context: Context) -> None:
        if self.depth >= MAX_DEPTH:
            raise tag.error(f"more than {MAX_DEPTH} files include one another")
        file = Path(text(tag, "file", context))
        given = [(text(child, "name", context), text(child, "value", context)) for child in tag.children]
        context.variables.update(given)
        outer, depth, context.file = context.file, self.depth, file
        try:
            self.file(file, context, depth + 1)
        except UserError as error:
            if file.is_file():
                raise
            raise tag.error(f"included file: {error}") from error
        finally:
            context.file, self.depth = outer, depth

    def node(self, tag: Tag, context: Context) -> None:
        self.plan.processes.append(node(tag, context, self.scratch, len(self.plan.processes) + 1))

    def executable(self, tag: Tag, context: Context) -> None:
        self.plan.processes.append(executable(tag, context, len(self.plan.processes) + 1))

    def set_env(self, tag: Tag, context: Context) -> None:
        context.environment[text(tag, "name", context)] = text(tag, "value", context)

    def unset_env(self, tag: Tag, context: Context) -> None:
        context.environment.pop(text(tag, "name", context), None)

    def push_ros_namespace(self, tag: Tag, context: Context) -> None:
        context.push_namespace(text(tag, "namespace", context))

    def set_parameter(self, tag: Tag, context: Context) -> None:
        value = text(tag, "value", context)
        try:
            context.parameters[text(tag, "name", context)] = typed(value)
        except ValueError as error:
            raise tag.error(f"value of <set_parameter>: {error}") from error

    def set_remap(self, tag: Tag, context: Context) -> None:
        context.remaps.append((text(tag, "from", context), text(tag, "to", context)))

    def log(self, tag: Tag, context: Context) -> None:
        self.plan.messages.append(text(tag, "message", context))


def _applies(tag: Tag, context: Context) -> bool:
    """Whether the condition of `tag` lets it count."""
    for attribute in ("if", "unless"):
        if attribute in tag.attributes:
            try:
                return as_bool(text(tag, attribute, context)) is (attribute == "if")
            except ValueError as error:
                raise tag.error(f"{attribute} of <{tag.name}>: {error}") from error
    return True
