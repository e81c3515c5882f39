"""Comparing: would another plan have gone the way that a journal tells?

Two kernels hear the same rows, one with the plan that wrote them and one with the other. As long as they ask
for the same calls and waits they go the same way; the first that one asks for and the other does not, or not
with the same arguments, is where they part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from flowlang.runtime.commands import CloseWait, Command, KeepProgress, OpenWait, StartCall, StopCall
from flowlang.runtime.host import Awaited, Question
from flowlang.runtime.journal import JournalMisfit, Row, input_of
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.replay import expect_progress
from flowlang.runtime.run import RunResult
from flowlang.values.value import Value


@attrs.frozen
class Difference:
    """Where two plans part: at the step of `path`, "" for the run itself. `said` is what is different, about
    the other plan. `before` and `after` are what the two have, where there are two."""

    path: str
    said: str
    before: Value = None
    after: Value = None


def compare(known: Kernel, other: Kernel, rows: Iterable[Row]) -> Difference | None:
    """Feed both; gives where they part, None where they never do. Raises JournalMisfit where the rows are not
    those of `known`."""
    rows = [*rows]
    for kernel in (known, other):
        expect_progress(kernel, rows)
    for row in rows:
        if row.kind == "started":
            continue
        wanted = known.advance(input_of(row))
        try:
            found = other.advance(input_of(row))
        except JournalMisfit as misfit:
            return Difference(row.path, f"does not take what was given: {misfit}")
        if difference := _difference(wanted, found):
            return difference
    return _different_ends(known, other)


def _difference(wanted: Sequence[Command], found: Sequence[Command]) -> Difference | None:
    """The first thing that only one of the two asks for; in which order they ask makes no difference."""
    asked = {(type(c), c.path): c for c in found if not isinstance(c, KeepProgress)}
    for command in wanted:
        if isinstance(command, KeepProgress):
            continue
        also = asked.pop((type(command), command.path), None)
        if also is None:
            return Difference(command.path, _WORDS[type(command)][0])
        if difference := _different(command, also):
            return difference
    extra = next(iter(asked.values()), None)
    return None if extra is None else Difference(extra.path, _WORDS[type(extra)][1])


_WORDS: Final[dict[type[Command], tuple[str, str]]] = {
    StartCall: ("is not called then", "is called then, and was not"),
    StopCall: ("is not cancelled then", "is cancelled then, and was not"),
    OpenWait: ("does not wait then", "waits then, and did not"),
    CloseWait: ("goes on waiting then", "no longer waits then, and did"),
}


def _different(wanted: Command, found: Command) -> Difference | None:
    match wanted, found:
        case StartCall(path, before), StartCall(_, after):
            if before.agent != after.agent:
                return Difference(path, "calls another agent", before.agent, after.agent)
            shown_before = _shown(before.arguments, before.secrets)
            shown_after = _shown(after.arguments, after.secrets)
            if shown_before != shown_after:
                return Difference(path, "is called with other arguments", shown_before, shown_after)
        case OpenWait(path, before), OpenWait(_, after):
            return _different_waits(path, before, after)
    return None


def _different_waits(path: str, before: Question | Awaited, after: Question | Awaited) -> Difference | None:
    match before, after:
        case Question(ask, arguments), Question(other, given):
            if ask != other:
                return Difference(path, "asks another question", ask, other)
            if arguments != given:
                return Difference(path, "asks with other arguments", arguments, given)
        case Awaited(event=event), Awaited(event=other) if event == other:
            return None
        case _:
            return Difference(path, "waits for something else", _awaited(before), _awaited(after))
    return None


def _awaited(awaited: Question | Awaited) -> str:
    return awaited.ask if isinstance(awaited, Question) else awaited.event


def _shown(arguments: dict[str, Value], secrets: tuple[str, ...]) -> dict[str, Value]:
    return {name: value for name, value in arguments.items() if name not in secrets}


def _different_ends(known: Kernel, other: Kernel) -> Difference | None:
    before, after = known.result, other.result
    if known.ended != other.ended:
        return Difference("", "has ended" if other.ended else "goes on")
    if not (isinstance(before, RunResult) and isinstance(after, RunResult)):
        return None
    if before.status != after.status:
        return Difference("", "ends in another way", before.status, after.status)
    if before.value != after.value:
        return Difference("", "has another result", before.value, after.value)
    return None
