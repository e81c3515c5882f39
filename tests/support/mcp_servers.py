"""Real servers of MCP, as `tests/mcp_servers/install` installs them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

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
    """The program of a server. Where it is not installed this says how, and whatever needs it fails."""
    program = FOLDER / _BELOW[name] / f"mcp-server-{name}"
    assert program.exists(), f"{program.name} is not installed: run tests/mcp_servers/install"
    return str(program)


def path() -> str:
    """What to put before PATH so that all of them are found by their names."""
    assert server("everything") and server("git")
    return ":".join(str(FOLDER / below) for below in dict.fromkeys(_BELOW.values()))
