"""Flow files on disk: finding them, reading them, and the names they go by.

A project's modules have paths with `/`, relative to the working folder; where the project's root lies above
it, they are absolute, so that one file always has one name. Reading never raises: what cannot be read is
one diagnostic with a code. A file that an import reaches through a link must still lie inside the root."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flowlang.agents.roots import root_folder
from flowlang.semantics.modules import Read
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.reading import MAX_SOURCE_BYTES, decode
from flowlang.text.source import Anchor, Source, Span
from flowlang.text.suggest import nearest

STDIN = "<stdin>"
STDIN_MARK = "-"
SUFFIX = ".flow"


class FoundFiles(NamedTuple):
    """The flow files below some paths, and what stood in the way of finding them."""

    paths: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]


def find_flow_files(paths: Iterable[str]) -> FoundFiles:
    """The files named, and the `.flow` files below the folders named but in hidden ones, each once."""
    found: dict[str, None] = {}
    missing: list[Diagnostic] = []
    for path in paths:
        if not os.path.isdir(path):
            found[os.path.normpath(path)] = None
            continue
        before = len(missing)
        below = [os.path.normpath(file) for file in _flow_files_below(path, missing)]
        found.update(dict.fromkeys(below))
        if not below and len(missing) == before:
            help = "name a `.flow` file, or start a project with `flow new`"
            missing.append(unreadable(path, "there is no `.flow` file in this folder", help))
    return FoundFiles(tuple(found), tuple(missing))


def read_source(path: str) -> Source | Diagnostic:
    """The text of a file, or why it cannot be had."""
    content = read_bytes(path)
    return content if isinstance(content, Diagnostic) else decode(path, content)


def read_shown(path: str) -> Source | None:
    """The text of a file for a message about it, under the shortest name that leads to it from here."""
    found = read_source(path)
    return Source(shown_path(path), found.text) if isinstance(found, Source) else None


def shown_path(path: str) -> str:
    """A path as a person would write it: relative to the working folder, if that is shorter."""
    near = os.path.relpath(path) if os.path.isabs(path) else path
    return near if len(near) < len(path) else path


def read_bytes(path: str) -> bytes | Diagnostic:
    """At most one byte more than a source may have, so that what is too large is seen but not read."""
    try:
        with open(path, "rb") as file:
            return file.read(MAX_SOURCE_BYTES + 1)
    except FileNotFoundError:
        return unreadable(path, "there is no such file", _similar(path))
    except IsADirectoryError:
        return unreadable(path, "this is a folder, not a file")
    except PermissionError:
        return unreadable(path, "there is no permission to read this file")
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        return unreadable(path, f"the file cannot be read: {reason}")


def unreadable(path: str, message: str, help: str | None = None) -> Diagnostic:
    """What there is to say about a file that gives no text."""
    label = Label(Span(0, 0), "", Anchor(shown_path(path)))
    return Diagnostic(codes.UNREADABLE_FILE, message, label, help=help)


def disk(root: str, entry: str) -> Read:
    """A reader of the files of a project. The entry itself may lie anywhere: the user named it."""

    def read(path: str) -> Source | Diagnostic:
        refused = None if path == entry else link_to_outside(root, path)
        return refused or read_source(path)

    return read


def link_to_outside(root: str, path: str) -> Diagnostic | None:
    """What is wrong with a file that a link leads to, if it lies outside of a project's root."""
    if _lies_in(os.path.realpath(path), os.path.realpath(root)):
        return None
    label = Label(Span(0, 0), "", Anchor(path))
    return Diagnostic(codes.IMPORT_OUTSIDE, f"{path} is a link to outside of the project", label)


def root_of(path: str) -> str:
    """The root of a file's project, relative to the working folder if it lies there, else absolute."""
    root = root_folder(path)
    return os.path.relpath(root) if _lies_in(root, os.getcwd()) else root


def project_path(path: str) -> str:
    """The name a file goes by in its project."""
    if path == STDIN:
        return path
    near = _lies_in(os.path.abspath(path), os.getcwd()) and not os.path.isabs(root_of(path))
    return os.path.relpath(path) if near else os.path.abspath(path)


def _flow_files_below(folder: str, missing: list[Diagnostic]) -> Iterator[str]:
    def note(problem: OSError) -> None:
        missing.append(unreadable(problem.filename, f"the folder cannot be read: {problem.strerror}"))

    for parent, folders, files in os.walk(folder, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(parent, name)
            if name.endswith(SUFFIX) and _is_regular(path):
                yield path


def _is_regular(path: str) -> bool:
    """Not a pipe or a device, which a search must not open. A dangling link is left in, to be reported."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _similar(path: str) -> str | None:
    folder, name = os.path.split(path)
    try:
        beside = sorted(file for file in os.listdir(folder or ".") if file.endswith(SUFFIX))
    except OSError:
        return None
    meant = nearest(name, beside)
    return f"did you mean `{os.path.join(folder, meant)}`?" if meant else None
