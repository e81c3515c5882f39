"""The trace of a simulated run: what was called, what came of it, and what else happened, line by line.

0s   text      read(url: "a") → "text of a"
0s   verdict   approve(question: "Publish text of a?")
1h   verdict   → "accept"
1d   Paid      {"order":"7"}"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flowlang.hosts.simulator.simulation import EPOCH
from flowlang.plan import model as plan
from flowlang.plan import tests
from flowlang.plan.paths import step_at
from flowlang.runtime import events
from flowlang.runtime.inputs import Answered, EventCame, Outcome, Raised, Replied
from flowlang.runtime.run import RunResult
from flowlang.text.display import clean
from flowlang.tools.run_progress import loop_text, retry_text, skip_text, wait_text
from flowlang.tools.testing_run import Ran, failure_words
from flowlang.tools.testing_script import call_text, shown
from flowlang.values.codec import encode
from flowlang.values.times import format_duration

MOST_LINES = 30
LONGEST_LINE = 300


class _Line(NamedTuple):
    """What is `said` of a path. `told` counts the events that were told before; `event`: it is the next."""

    at: int
    told: int
    event: bool
    path: str
    said: str


def trace(ran: Ran, compiled: plan.Plan) -> list[str]:
    """The lines of a run, each behind what led to it; of a very long one the first and the last."""
    found = sorted([*_made(ran, compiled), *_spoken(ran, compiled)], key=lambda line: line[:3])
    lines = _both_ends([*found, _end(ran, compiled)])
    wide = [max(len(_instant(line.at)) for line in lines), max(len(line.path) for line in lines)]
    shown = [
        clean(f"{_instant(line.at):<{wide[0]}}  {line.path:<{wide[1]}}  {line.said}")[:LONGEST_LINE].rstrip()
        for line in lines
    ]
    left = len(found) + 1 - len(shown)
    return [*shown[: MOST_LINES // 2], f"… {left} more …", *shown[MOST_LINES // 2 :]] if left else shown


def _both_ends(lines: list[_Line]) -> list[_Line]:
    """Of very many the first and the last: no more are ever shown."""
    half = MOST_LINES // 2
    return lines if len(lines) <= MOST_LINES else [*lines[:half], *lines[-half:]]


def _made(ran: Ran, compiled: plan.Plan) -> Iterator[_Line]:
    """The calls, the questions and the events that came in."""
    simulated = ran.simulated
    for made in simulated.calls:
        call = call_text(compiled, made.call.agent, made.call.arguments)
        begun, ended = (made.started, made.told_before), (made.ended, made.told_after)
        yield from _asked(made.path, call, begun, ended, made.outcome)
    asking = {e.path: n for n, e in enumerate(simulated.events) if _is_question(e)}
    answered = {input.path: input.at for input in simulated.heard if isinstance(input, Answered)}
    for asked in ran.asked:
        call, at = call_text(compiled, asked.agent, asked.arguments), answered.get(asked.path)
        told = 0 if at is None else _first_of(simulated.events, at, asked.path)
        yield from _asked(asked.path, call, (asked.at, asking.get(asked.path, 0)), (at, told), asked.outcome)
    for input in simulated.heard:
        if isinstance(input, EventCame):
            record = plan.RecordType(fields=compiled.events[input.event].fields)
            said, told = shown(encode(input.fields, record)), _first_of(simulated.events, input.at, "")
            yield _Line(input.at, told, False, input.event, said)


def _is_question(event: events.Event) -> bool:
    return isinstance(event, events.Waiting) and event.waiting_for == "answer"


def _first_of(told: Sequence[events.Event], at: int, path: str) -> int:
    """The number of the first event of an instant; of the first that is about a path, if one is."""
    first = number = bisect_left(told, at, key=lambda event: event.at)
    while number < len(told) and told[number].at == at:
        if told[number].path and path.startswith(told[number].path):
            return number
        number += 1
    return first


def _asked(
    path: str, call: str, begun: tuple[int, int], ended: tuple[int | None, int], outcome: Outcome | None
) -> Iterator[_Line]:
    (at, told), (end, told_then), came = begun, ended, _outcome_text(outcome)
    if end is None or came is None:
        yield _Line(at, told, False, path, call)
    elif end == at:
        yield _Line(at, told_then, False, path, f"{call} → {came}")
    else:
        yield _Line(at, told, False, path, call)
        yield _Line(end, told_then, False, path, f"→ {came}")


def _outcome_text(outcome: Outcome | None) -> str | None:
    match outcome:
        case Replied(value):
            return shown(value)
        case Raised(error=error, message=message):
            return f"{error}: {message}" if message else error
        case None:
            return None
        case _:
            return "stopped"


def _spoken(ran: Ran, compiled: plan.Plan) -> Iterator[_Line]:
    """What events add to the calls. The value of a step that is a call is its reply, unless it was caught."""
    calls: set[str] = set()
    for number, event in enumerate(ran.simulated.events):
        match event:
            case events.StepStarted(path=path, doing="call" | "sleep"):
                calls.add(path)
            case events.Caught(path=path):
                calls.discard(path)
            case events.StepDone(path=path, value=value) if path not in calls:
                step = step_at(compiled, ran.run.flow, path)
                if step is not None:
                    said = f"→ {shown(encode(value, step.type))}"
                    yield _Line(event.at, number, True, path, said)
        if words := _words(event):
            yield _Line(event.at, number, True, event.path, words)


def _words(event: events.Event) -> str | None:
    """What is said of an event as it is."""
    match event:
        case events.StepFailed(failure=failure):
            return f"failed: {failure_words(failure)}"
        case events.StepCancelled():
            return "cancelled"
        case events.StepSkipped():
            return skip_text(event)
        case events.AttemptFailed():
            return retry_text(event)
        case events.Caught(failure=failure):
            return f"caught {failure_words(failure)}"
        case events.Waiting(waiting_for="event" | "time" | "limit"):
            return wait_text(event)
        case events.LoopStopped(rounds=rounds):
            return loop_text(rounds)
        case events.Undone(failure=failure):
            return f"could not be undone: {failure_words(failure)}" if failure else "undone"
        case events.CleanupFailed(failure=failure):
            return f"its finally failed: {failure_words(failure)}"
        case _:
            return None


def _end(ran: Ran, compiled: plan.Plan) -> _Line:
    result = ran.simulated.result
    said = "does not end" if result is None else _result_text(ran.run, result, compiled)
    return _Line(ran.simulated.ended, len(ran.simulated.events), True, ran.run.flow, said)


def _result_text(run: tests.Run, result: RunResult, compiled: plan.Plan) -> str:
    if result.failure is not None and result.status != "cancelled":
        return f"failed: {failure_words(result.failure)}"
    if result.status != "done":
        return result.status
    return f"→ {shown(encode(result.value, compiled.flows[run.flow].result))}"


def _instant(at: int) -> str:
    return format_duration(round(at - EPOCH, -3))
