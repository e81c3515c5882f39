"""Real servers of MCP, installed by `tests/mcp_servers/install` when a test first wants one.

Where there is no npm, tests that want them are skipped, and say so; in CI there is."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent.parent / "mcp_servers"

_BELOW: Final = {
    "everything": "node_modules/.bin",
    "filesystem": "node_modules/.bin",
    "memory": "node_modules/.bin",
    "sequential-thinking": "node_modules/.bin",
    "fetch": ".python/new/bin",
    "git": ".python/new/bin",
    "time": ".python/new/bin",
    "sqlite": ".python/old/bin",
}


def server(name: str) -> str:
    """The program of a server."""
    install()
    return str(FOLDER / _BELOW[name] / f"mcp-server-{name}")


def path() -> str:
    """What to put before PATH so that all of them are found by their names."""
    install()
    return ":".join(str(FOLDER / below) for below in dict.fromkeys(_BELOW.values()))


@cache
def install() -> None:
    """Install them all, unless they are; one process does, and others wait for it."""
    if not shutil.which("npm"):
        assert not os.environ.get("CI"), "CI has npm"
        pytest.skip("the servers of MCP are installed by npm, which is not here")
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([FOLDER / "install"], check=True)
