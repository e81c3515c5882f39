"""Python files as text: what their top-level names stand for, without running them.

The target of a `use` and the files next to it that it imports are parsed with Python's own `ast`; a name
then leads to a definition in one of them, or out to a library as a dotted name ("typing.Optional").
Everything is bounded (sizes, number of files, length of a chain of imports), and nothing outside the
project's root is read, links included. Deliberately absent: packages, `import *`, names that only exist
when the module has run."""

from __future__ import annotations

import ast
import builtins
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

import attrs

MAX_FILE_BYTES: Final = 1024 * 1024
MAX_FILES: Final = 50
MAX_HOPS: Final = 16


class Unreadable(Exception):
    """A file that cannot be read as Python; the message is for people."""

    def __init__(self, message: str, help: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message, self.help, self.line = message, help, line


@attrs.frozen
class Library:
    """A name that leads out of the folder: "typing.Optional", "builtins.str"."""

    name: str


@attrs.frozen
class Neighbour:
    """A file next to this one, or (with `name`) a name in it."""

    path: Path
    name: str | None


Definition: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.expr
Meaning: TypeAlias = Definition | Library | Neighbour


@attrs.frozen(eq=False)
class PythonModule:
    """A parsed file: what each top-level name means; the last definition wins, as in Python."""

    path: Path
    tree: ast.Module
    names: dict[str, Meaning]


@attrs.frozen(eq=False)
class Defined:
    """A definition, the name it has there, and the module that its own names are looked up in."""

    module: PythonModule
    name: str
    definition: Definition


@attrs.define
class Modules:
    """The files that one description reads, each once."""

    root: Path
    opened: dict[Path, PythonModule] = attrs.field(factory=dict)

    def open(self, path: Path) -> PythonModule:
        """Parse a file; raises Unreadable."""
        real = _inside(path, self.root)
        if real not in self.opened:
            if len(self.opened) >= MAX_FILES:
                raise Unreadable(f"it imports more than {MAX_FILES} files of its folder")
            tree = _parse(real)
            self.opened[real] = PythonModule(real, tree, _names(tree, real.parent))
        return self.opened[real]

    def lookup(self, module: PythonModule, dotted: str) -> Defined | Library | None:
        """What a dotted name means in a module; None where nothing says. Raises Unreadable."""
        for _ in range(MAX_HOPS):
            first, _, rest = dotted.partition(".")
            meaning = module.names.get(first)
            if meaning is None:
                return Library(f"builtins.{first}") if hasattr(builtins, first) and not rest else None
            if isinstance(meaning, Library):
                return Library(f"{meaning.name}.{rest}" if rest else meaning.name)
            if not isinstance(meaning, Neighbour):
                return None if rest else Defined(module, first, meaning)
            dotted = ".".join(part for part in (meaning.name, rest) if part)
            module = self.open(meaning.path)
            if not dotted:
                return None
        return None


def _inside(path: Path, root: Path) -> Path:
    """The real path of a file, links followed, if it lies in the project."""
    try:
        real = path.resolve(strict=True)
        is_file = real.is_file()
    except FileNotFoundError:
        raise Unreadable("there is no such file", "the path is relative to the flow's own file") from None
    except (OSError, RuntimeError, ValueError) as problem:
        raise Unreadable(f"it cannot be read: {_reason(problem)}") from None
    if not real.is_relative_to(root.resolve()):
        raise Unreadable("it lies outside the project", "flows may only use files below the project's root")
    if not is_file:
        raise Unreadable("it is not a file", "name one `.py` file")
    return real


def _parse(path: Path) -> ast.Module:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise Unreadable("it is larger than 1 MiB", "put the agents into a file of their own")
        content = path.read_bytes()
    except OSError as problem:
        raise Unreadable(f"it cannot be read: {_reason(problem)}") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(content)
    except SyntaxError as problem:
        raise Unreadable(f"it is not Python: {problem.msg}", line=problem.lineno) from None
    except (ValueError, RecursionError, MemoryError) as problem:
        raise Unreadable(f"it is not Python: {_reason(problem)}") from None


def _reason(problem: Exception) -> str:
    if isinstance(problem, RecursionError | MemoryError):
        return "it is nested too deeply"
    return str(getattr(problem, "strerror", None) or problem)


def _names(tree: ast.Module, folder: Path) -> dict[str, Meaning]:
    names: dict[str, Meaning] = {}
    for statement in _top_level(tree.body):
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names[name] = statement
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                names[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                names[name] = value
            case ast.Import(names=aliases):
                names.update(_imported(alias, folder) for alias in aliases)
            case ast.ImportFrom():
                names.update(_imported_from(statement, folder))
            case _ if type(statement).__name__ == "TypeAlias":  # `type X = …`, from Python 3.12
                names[statement.name.id] = statement.value  # type: ignore[attr-defined]
    return names


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under `if TYPE_CHECKING` and `try` among them."""
    for statement in body:
        match statement:
            case ast.If(body=then, orelse=otherwise):
                yield from _top_level(otherwise)
                yield from _top_level(then)
            case ast.Try(body=attempt, handlers=handlers, orelse=otherwise):
                for handler in handlers:
                    yield from _top_level(handler.body)
                yield from _top_level(attempt + otherwise)
            case _:
                yield statement


def _imported(alias: ast.alias, folder: Path) -> tuple[str, Meaning]:
    """`import a.b` binds `a`; `import a.b as c` binds `c` to all of it."""
    first = alias.name.partition(".")[0]
    if _is_neighbour(first, folder) and first == alias.name:
        return alias.asname or first, Neighbour(folder / f"{first}.py", None)
    return (alias.asname, Library(alias.name)) if alias.asname else (first, Library(first))


def _imported_from(statement: ast.ImportFrom, folder: Path) -> Iterator[tuple[str, Meaning]]:
    module = statement.module or ""
    for alias in statement.names:
        bound = alias.asname or alias.name
        if statement.level == 1 and not module:
            yield bound, Neighbour(folder / f"{alias.name}.py", None)
        elif statement.level == 1 or (statement.level == 0 and _is_neighbour(module, folder)):
            yield bound, Neighbour(folder / f"{module}.py", alias.name)
        else:
            yield bound, Library(f"{'.' * statement.level}{module}.{alias.name}")


def _is_neighbour(module: str, folder: Path) -> bool:
    """Whether a plain import means a file of the folder. Python's own modules come first."""
    if not module.isidentifier() or module in sys.stdlib_module_names:
        return False
    try:
        return (folder / f"{module}.py").exists()
    except OSError:
        return False
