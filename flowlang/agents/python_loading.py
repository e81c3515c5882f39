"""A Python file -> the imported module, once, before a run starts.

The file's folder comes first on the path, as when Python runs a script, so that the module may import its
neighbours. It is registered under its own name where that is free, so that a neighbour that imports it gets
the same module; else under a name that no one else has. Whatever goes wrong while it is imported, an exit
included, is one `LoadProblem` with the line that did it."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType


class LoadProblem(Exception):
    """Why a module cannot be imported; `path` and `line` say where, as far as is known."""

    def __init__(self, message: str, path: str, line: int | None = None, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.path, self.line, self.help = message, path, line, help


def load_file(path: Path) -> ModuleType:
    """The module of a file; raises LoadProblem."""
    path = path.absolute()
    name = _name_for(path)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise LoadProblem(f"there is no Python file {path.name}", str(path))
    _make_importable(path.parent)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:
        sys.modules.pop(name, None)
        raise _load_problem(problem, path) from problem
    return module


def load_named(name: str, folder: Path) -> ModuleType:
    """The module of a dotted name: a file below `folder`, else an installed module; raises LoadProblem."""
    file = folder.joinpath(*name.split(".")).with_suffix(".py")
    if "." not in name and file.is_file():
        return load_file(file)
    _make_importable(folder)
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:
        if isinstance(problem, ModuleNotFoundError) and name.startswith(problem.name or "?"):
            help = f"there is no file {file.name} in {folder}"
            raise LoadProblem(f"there is no module `{name}`", str(file), help=help) from None
        raise _load_problem(problem, file) from problem


def _name_for(path: Path) -> str:
    """The file's own name, unless it is Python's or taken by another file."""
    name = path.stem
    taken = sys.modules.get(name)
    free = taken is None or getattr(taken, "__file__", None) == str(path)
    if free and name.isidentifier() and name not in sys.stdlib_module_names:
        return name
    return f"{name}_{hashlib.sha256(str(path).encode(errors='surrogateescape')).hexdigest()[:8]}"


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _load_problem(problem: BaseException, path: Path) -> LoadProblem:
    if isinstance(problem, SyntaxError) and problem.filename:
        file = Path(problem.filename).name
        return LoadProblem(f"{file} is not Python: {problem.msg}", problem.filename, problem.lineno)
    file, line = _where(problem, path)
    text = str(problem)
    message = f"{type(problem).__name__}: {text}" if text else type(problem).__name__
    help = None
    if isinstance(problem, ModuleNotFoundError):
        help = "install it into the environment that `flow` runs in"
    return LoadProblem(f"importing {path.name} failed: {message}", file, line, help)


def _where(problem: BaseException, path: Path) -> tuple[str, int | None]:
    """The innermost line of the module's own folder that was running."""
    for frame in reversed(traceback.extract_tb(problem.__traceback__)):
        if Path(frame.filename).is_relative_to(path.parent):
            return frame.filename, frame.lineno
    return str(path), None
