"""The shop's server, played by a folder that fails as often as its `faults.toml` says.

`flow.toml` binds the agents `exports` and `fetch` to it. The real server would be another module with the
same two functions, or a command such as `curl`, and the flow would stay as it is."""

from __future__ import annotations

import tomllib
from pathlib import Path

from flowlang.agents import current_call


class NoSuchFolder(Exception):
    def __init__(self, path: str) -> None:
        super().__init__(f"there is no folder {path}")
        self.path = path


class Unavailable(Exception):
    """The built-in error of that name: what may be better at the next attempt."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def exports(source: str) -> list[str]:
    """The names of the exports, by day."""
    folder = Path(source)
    if not folder.is_dir():
        raise NoSuchFolder(str(folder.absolute()))
    return sorted(path.name for path in folder.glob("*.csv"))


def fetch(source: str, name: str) -> str:
    """One export, unless this is one of the attempts that fail."""
    if current_call().attempt <= _faults(Path(source)).get(name, 0):
        raise Unavailable(f"the server closed the connection in the middle of {name}")
    return (Path(source) / name).read_text(encoding="utf-8")


def _faults(folder: Path) -> dict[str, int]:
    """How many attempts fail, by the name of the file."""
    faults = folder / "faults.toml"
    return tomllib.loads(faults.read_text(encoding="utf-8")) if faults.is_file() else {}
