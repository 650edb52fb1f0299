"""The arguments of a launch file: which there are, what was given for them, and refusing what does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from so_arm.core.errors import UserError, choice_error
from so_arm.core.paths import share_dir
from so_arm.launcher.context import Context
from so_arm.launcher.document import Tag, read_document
from so_arm.launcher.grammar import check_document
from so_arm.launcher.values import text


@dataclass(frozen=True)
class Argument:
    name: str
    default: str | None  # as written in the file
    description: str
    choices: tuple[str, ...]
    conditional: bool  # declared where a condition decides


def load(file: Path) -> Tag:
    """Root of a launch file that was read and checked."""
    root = read_document(file)
    check_document(root)
    return root


def find_launch_file(given: str) -> Path:
    """Launch file for a path or for a name in the launch folder of this package, with or without its ending."""
    folder = share_dir() / "launch"
    for path in (Path(given), folder / given, folder / f"{given}.launch.xml"):
        if path.is_file():
            return path.resolve()
    names = [path.name for path in folder.glob("*.launch.xml")]
    raise choice_error("launch file", given, names)


def parse_assignments(words: list[str]) -> dict[str, str]:
    """``name:=value`` words as a dictionary; the last one wins, as in ros2 launch."""
    given: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition(":=")
        if not separator or not name:
            raise UserError(f"'{word}' is not of the form name:=value")
        given[name] = value
    return given


def check_assignments(given: dict[str, str], declared: list[Argument], file: Path) -> None:
    """Refuse arguments the file does not declare, values outside its choices, and missing ones."""
    known = {argument.name: argument for argument in declared}
    for name, value in given.items():
        if name not in known:
            raise choice_error(f"launch argument of {file.name}", name, known)
        if known[name].choices and value not in known[name].choices:
            raise choice_error(f"value of the launch argument {name}", value, known[name].choices)
    missing = [
        argument.name
        for argument in declared
        if argument.default is None and not argument.conditional and argument.name not in given
    ]
    if missing:
        raise UserError(f"{file.name} needs a value for: {', '.join(f'{name}:=...' for name in missing)}")


def declare(tag: Tag, context: Context) -> None:
    """Carry out an ``<arg>`` tag: keep the value that was given, else take the default."""
    name = tag.get("name")
    if name not in context.variables:
        if "default" not in tag.attributes:
            raise tag.error(f"the launch argument '{name}' needs a value: {name}:=...")
        context.variables[name] = text(tag, "default", context)
    choices = [choice.get("value") for choice in tag.named("choice")]
    if choices and context.variables[name] not in choices:
        raise tag.error(str(choice_error(f"value of the launch argument {name}", context.variables[name], choices)))


def declared_arguments(file: Path, environment: dict[str, str], given: dict[str, str]) -> list[Argument]:
    """Arguments of `file` and of the files it includes, unless the include sets them; each name once.

    `given` decides which files are included where their names depend on arguments.
    """
    found: dict[str, Argument] = {}
    context = Context(file, dict(given), dict(environment))
    for argument in _walk(load(file).children, context, False, frozenset(), (file,)):
        found.setdefault(argument.name, argument)
    return list(found.values())


def _walk(
    tags: list[Tag], context: Context, conditional: bool, fixed: frozenset[str], path: tuple[Path, ...]
) -> Iterator[Argument]:
    """Arguments in the order of the files. `fixed`: set by an include; `path`: the files that lead here."""
    for tag in tags:
        inside = conditional or "if" in tag.attributes or "unless" in tag.attributes
        if tag.name == "arg":
            argument = _argument(tag, inside)
            _try_default(tag, argument, context)
            if argument.name not in fixed:
                yield argument
        elif tag.name == "group":
            yield from _walk(tag.children, context, inside, fixed, path)
        elif tag.name == "include":
            yield from _walk_include(tag, context, inside, fixed, path)


def _walk_include(
    tag: Tag, context: Context, conditional: bool, fixed: frozenset[str], path: tuple[Path, ...]
) -> Iterator[Argument]:
    try:
        file = Path(text(tag, "file", context))
        values = {text(child, "name", context): text(child, "value", context) for child in tag.children}
    except UserError:
        return  # depends on a value that is known only when launching; the plan will complain if it must
    if file in path or not file.is_file():
        return
    inner = context.scoped()
    inner.file = file
    inner.variables.update(values)
    yield from _walk(load(file).children, inner, conditional, fixed | set(values), (*path, file))


def _argument(tag: Tag, conditional: bool) -> Argument:
    choices = tuple(choice.get("value") for choice in tag.named("choice"))
    default = tag.attributes.get("default")
    return Argument(tag.get("name"), default, tag.attributes.get("description", ""), choices, conditional)


def _try_default(tag: Tag, argument: Argument, context: Context) -> None:
    """Remember the default, if it can be known already, for includes whose file name depends on it."""
    if argument.default is not None and argument.name not in context.variables:
        try:
            context.variables[argument.name] = text(tag, "default", context)
        except UserError:
            return
