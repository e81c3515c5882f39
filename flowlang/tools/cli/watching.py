"""Waiting until a file changes, by looking at times and sizes a few times a second.

Looking costs a `stat` a file, works on every file system, also in containers and over networks where
notifications get lost, and needs no package."""

from __future__ import annotations

import os
import posixpath
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from flowlang.agents.locked import lock_path
from flowlang.agents.roots import CONFIG_NAME
from flowlang.semantics.check import Checked
from flowlang.syntax import ast
from flowlang.tools.files import find_flow_files

LOOK_EVERY_SECONDS = 0.3

Snapshot: TypeAlias = Mapping[str, tuple[int, int] | None]
"""path -> time of the last change in nanoseconds and size; None where there is no such file"""


def wait_for_change(
    since_ns: int,
    look: Callable[[], Snapshot],
    pause: Callable[[], None] = lambda: time.sleep(LOOK_EVERY_SECONDS),
) -> None:
    """Return when what `look` sees changes, or has changed since a wall-clock time."""
    seen = look()
    if any(state and state[0] > since_ns for state in seen.values()):
        return
    while look() == seen:
        pause()


def snapshot(paths: Sequence[str], checked: Iterable[Checked]) -> Snapshot:
    """The flow files of some paths, and all that they import and use."""
    files = dict.fromkeys(find_flow_files(paths).paths)
    for each in checked:
        for path, module in each.project.modules.items():
            files[path] = None
            files.update(dict.fromkeys(_used(path, module)))
            files.update(dict.fromkeys(_beside_root(path)))
    return {path: _state(path) for path in files}


def _used(path: str, module: ast.Module) -> list[str]:
    folder = posixpath.dirname(path)
    uses = [item.declaration for item in module.items if isinstance(item.declaration, ast.Use)]
    return [posixpath.join(folder, use.target.value) for use in uses]


def _beside_root(path: str) -> Iterator[str]:
    """What else decides how a file is checked: the lock of its project, and its `flow.toml`."""
    lock = lock_path(path)
    yield lock
    yield posixpath.join(posixpath.dirname(lock), CONFIG_NAME)


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size
