"""A help desk in a folder, and the status service that it relies on, which is down until it is restarted.

Whatever happens is a line of `log.txt`, and a report is made of these. No line is written twice."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from flowlang.agents import effect

TROUBLED = {"search": "down"}


class Unavailable(Exception):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@effect("read")
def status(folder: str, component: str) -> Literal["up", "down"]:
    """How a component is, once the status service is up. Each call of it is a line of `calls.txt`."""
    with (Path(folder) / "calls.txt").open("a", encoding="utf-8") as calls:
        calls.write(f"{component}\n")
    if not (Path(folder) / "restarted").exists():
        raise Unavailable("the status service does not answer")
    return "down" if component in TROUBLED else "up"


@effect("idempotent")
def begin(folder: str, incident: str) -> str:
    """Opens an incident."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    _log(folder, [f"{incident} is opened"])
    return incident


@effect("idempotent")
def restart(folder: str) -> None:
    """Restarts the status service."""
    (Path(folder) / "restarted").touch()
    _log(folder, ["the status service is restarted"])


@effect("idempotent")
def note(folder: str, lines: list[str]) -> None:
    """Notes what is known."""
    _log(folder, lines)


@effect("idempotent")
def report(folder: str, incident: str) -> None:
    """Writes down what happened, in `report.md`."""
    happened = (Path(folder) / "log.txt").read_text(encoding="utf-8").splitlines()
    text = "".join(f"- {line}\n" for line in happened)
    (Path(folder) / "report.md").write_text(f"# An incident\n\n{text}", encoding="utf-8")


def _log(folder: str, lines: list[str]) -> None:
    log = Path(folder) / "log.txt"
    known = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    log.write_text("".join(f"{line}\n" for line in [*known, *(x for x in lines if x not in known)]))
