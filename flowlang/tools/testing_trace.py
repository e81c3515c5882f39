"""The trace of a simulated run: what was called, what came of it, and what else happened, line by line.

0s   text      read(url: "a") → "text of a"
0s   verdict   approve(question: "Publish text of a?")
1h   verdict   → "accept"
1d   Paid      {"order":"7"}"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias, TypeVar

from flowlang.hosts.simulator.simulation import EPOCH
from flowlang.plan import model as plan
from flowlang.plan import tests
from flowlang.plan.paths import lies_inside, step_at
from flowlang.runtime import events
from flowlang.runtime.inputs import Answered, EventCame, Outcome, Raised, Replied
from flowlang.runtime.run import RunResult
from flowlang.text.display import clean
from flowlang.tools.run_progress import loop_text, retry_text, skip_text, wait_text
from flowlang.tools.testing_run import Ran, failure_words
from flowlang.tools.testing_script import call_text, shown
from flowlang.values.codec import encode
from flowlang.values.times import format_duration

T = TypeVar("T")

_Line: TypeAlias = tuple[int, str, str]
"""The instant, the path, and what is said."""

MOST_LINES = 30
LONGEST_LINE = 300


def trace(ran: Ran, compiled: plan.Plan) -> list[str]:
    """The lines of a run; of a very long one the first and the last."""
    made = sorted(_made(ran, compiled), key=lambda line: line[0])
    spoken = list(_spoken(ran, compiled))
    told = _both_ends(made)
    for event, said in _both_ends(spoken):
        told.insert(_place_of(event, told), (event.at, event.path, said))
    lines = [(_instant(at), path, said) for at, path, said in [*told, _end(ran, compiled)]]
    wide = [max(len(line[column]) for line in lines) for column in (0, 1)]
    shown = [clean(f"{at:<{wide[0]}}  {path:<{wide[1]}}  {said}") for at, path, said in lines]
    left = len(made) + len(spoken) + 1 - MOST_LINES
    middle = [f"… {left} more …"] if left > 0 else []
    return _both_ends([line[:LONGEST_LINE].rstrip() for line in shown], middle)


def _both_ends(items: list[T], middle: Sequence[T] = ()) -> list[T]:
    """Of very many the first and the last: no more are ever shown."""
    if len(items) <= MOST_LINES:
        return items
    return [*items[: MOST_LINES // 2], *middle, *items[-MOST_LINES // 2 :]]


def _place_of(event: events.Event, told: Sequence[_Line]) -> int:
    """Behind what lies inside of it and was told for the same instant; else as the last of that instant."""
    earlier = [n for n, (at, _, _) in enumerate(told, 1) if at <= event.at]
    below = [n for n in earlier if told[n - 1][0] == event.at and lies_inside(told[n - 1][1], event.path)]
    return max(below or earlier, default=0)


def _made(ran: Ran, compiled: plan.Plan) -> Iterator[_Line]:
    """The calls, the questions and the events that came in."""
    for made in ran.simulated.calls:
        call = call_text(compiled, made.call.agent, made.call.arguments)
        yield from _asked(made.path, call, made.started, made.ended, made.outcome)
    answered = {input.path: input.at for input in ran.simulated.heard if isinstance(input, Answered)}
    for asked in ran.asked:
        call = call_text(compiled, asked.agent, asked.arguments)
        yield from _asked(asked.path, call, asked.at, answered.get(asked.path), asked.outcome)
    for input in ran.simulated.heard:
        if isinstance(input, EventCame):
            record = plan.RecordType(fields=compiled.events[input.event].fields)
            yield input.at, input.event, shown(encode(input.fields, record))


def _asked(path: str, call: str, at: int, ended: int | None, outcome: Outcome | None) -> Iterator[_Line]:
    came = _outcome_text(outcome)
    if ended is None or came is None:
        yield at, path, call
    elif ended == at:
        yield at, path, f"{call} → {came}"
    else:
        yield at, path, call
        yield ended, path, f"→ {came}"


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


def _spoken(ran: Ran, compiled: plan.Plan) -> Iterator[tuple[events.Event, str]]:
    """What events add to the calls. The value of a step that is a call is its reply, unless it was caught."""
    calls: set[str] = set()
    for event in ran.simulated.events:
        match event:
            case events.StepStarted(path=path, doing="call" | "sleep"):
                calls.add(path)
            case events.Caught(path=path):
                calls.discard(path)
            case events.StepDone(path=path, value=value) if path not in calls:
                step = step_at(compiled, ran.run.flow, path)
                if step is not None:
                    yield event, f"→ {shown(encode(value, step.type))}"
        if said := _words(event):
            yield event, said


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
    return ran.simulated.ended, ran.run.flow, said


def _result_text(run: tests.Run, result: RunResult, compiled: plan.Plan) -> str:
    if result.failure is not None:
        return f"failed: {failure_words(result.failure)}"
    if result.status != "done":
        return result.status
    return f"→ {shown(encode(result.value, compiled.flows[run.flow].result))}"


def _instant(at: int) -> str:
    return format_duration(round(at - EPOCH, -3))
