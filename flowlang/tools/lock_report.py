"""What `flow lock` found -> lines for a person, and JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator

from flowlang.agents.differences import Difference
from flowlang.plan.styled import Line, Stretch, Style, written
from flowlang.text.report import as_json
from flowlang.tools.files import shown_path
from flowlang.tools.frontend import sources
from flowlang.tools.locking import Relocked, TargetChange
from flowlang.values.value import Value

_STYLES: dict[str, Style] = {
    "new": "good",
    "same": "quiet",
    "changed": "careful",
    "silent": "danger",
    "unused": "quiet",
}


def relocked_text(relocked: Relocked, *, check: bool, colour: bool) -> str:
    """A line for each target, below it what is different; last, what became of the lock."""
    lines: list[Line] = []
    for change in relocked.changes:
        lines.append([Stretch(f"{change}  ", "name"), Stretch(_said(change), _STYLES[change.state])])
        lines += [[Stretch("  "), *_difference(difference)] for difference in change.differences]
    lines.append([Stretch(_conclusion(relocked, check=check))])
    return written(lines, colour=colour)


def relocked_json(relocked: Relocked, *, written: bool) -> Value:
    return {
        "lock": shown_path(relocked.project.lock_path),
        "written": written,
        "targets": [_change_json(change) for change in relocked.changes],
        "breaks": as_json(relocked.breaks, sources(*relocked.checked)),
    }


def _said(change: TargetChange) -> str:
    agents = f"{change.agents} agent{'' if change.agents == 1 else 's'}"
    match change.state:
        case "new":
            return agents
        case "same":
            return f"{agents}, as before"
        case "changed":
            return f"{agents}, {len(change.differences)} different"
        case "unused":
            return "no flow uses it any longer"
    kept = f"; what it offered before is kept ({agents})" if change.agents else ""
    return f"{change.problem}{kept}"


def _difference(difference: Difference) -> Iterator[Stretch]:
    match difference.change:
        case "added":
            yield Stretch(f"+ {difference.now}", "good")
        case "removed":
            yield Stretch(f"- {difference.before}", "danger")
        case _ if difference.before != difference.now:
            yield Stretch(f"- {difference.before}\n  ", "danger")
            words = f"  ({', '.join(difference.words)})" if difference.words else ""
            yield Stretch(f"+ {difference.now}{words}", "good")
        case _:
            yield Stretch(f"~ {difference.now}  ({', '.join(difference.words)})", "careful")


def _conclusion(relocked: Relocked, *, check: bool) -> str:
    path = shown_path(relocked.project.lock_path)
    if not relocked.project.targets and not relocked.differs:
        return "there is nothing to lock: no flow uses a target that has to be asked"
    if not relocked.differs:
        return f"{path} is up to date" if not relocked.silent else f"{path} stays as it is"
    if not check:
        return f"{path} is written"
    return f"{path} is out of date: `flow lock --update` writes what targets offer now"


def _change_json(change: TargetChange) -> Value:
    kind, name = change.name
    return {
        "kind": kind,
        "target": name,
        "state": change.state,
        "agents": change.agents,
        "problem": change.problem,
        "differences": [
            {
                "agent": difference.agent,
                "change": difference.change,
                "before": difference.before,
                "now": difference.now,
                "words": list(difference.words),
            }
            for difference in change.differences
        ],
    }
