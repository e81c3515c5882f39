"""A step of a history -> what is to be said of it on one line, in the words of a run's display."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowlang.hosts.sqlite.records import Message
from flowlang.runtime import events
from flowlang.runtime.commands import OpenWait
from flowlang.runtime.host import Question
from flowlang.tools.run_history import Step
from flowlang.tools.run_progress import failure_text, loop_text
from flowlang.tools.run_times import due_text, moment_text


def label(path: str, around: str) -> str:
    """What a path adds to that of the step around it: `page`, `[3]/page`, `@1/page`, `!undo/page`."""
    added = path.removeprefix(around).removeprefix("/") if around else path
    return re.sub(r"(^|/)!(return|yield|next|value)\d*", r"\1\2", added)


def notes(step: Step, now: int) -> Iterator[str]:
    """What it calls, then what else there is to know."""
    if step.target is not None:
        yield step.target
    if step.taken_over:
        yield "taken over"
    if step.set:
        yield "set"
    if step.skipped is not None:
        yield "its condition is false" if step.skipped == "guard" else "the flow ended above it"
    if step.retries:
        yield attempts_text(step)
    if step.ended is None:
        yield from _open_notes(step, now)
    if step.stopped_after is not None:
        yield loop_text(step.stopped_after)
    if step.failure is not None:
        yield failure_text(step.failure)
    elif step.caught is not None:
        yield f"caught {failure_text(step.caught)}"
    if step.cleanup is not None:
        yield f"its finally failed: {failure_text(step.cleanup)}"
    yield from _undo_notes(step)


def attempts_text(step: Step) -> str:
    made, last = len(step.retries) + 1, step.retries[-1]
    if step.state == "retrying":
        return f"attempt {last.attempt} of {last.attempts} failed"
    return f"{made} attempts"


def _open_notes(step: Step, now: int) -> Iterator[str]:
    if step.state == "unknown" and step.calls:
        yield "nobody knows whether its call was made"
    if step.wait is not None:
        yield wait_text(step.wait, now)
    match step.latest:
        case events.AttemptFailed(again_at=instant, failure=failure) if step.state == "retrying":
            yield f"the next {due_text(instant, now)}" + (f": {failure_text(failure)}" if failure else "")
        case events.Waiting(waiting_for="time", deadline=int(instant)) if step.state == "waiting":
            yield f"waits until {moment_text(instant)}, {due_text(instant, now)}"
    remade = [instant for call in step.calls if call.row is None for instant in call.again]
    if remade:
        yield f"made again at {moment_text(remade[-1])}"


def wait_text(wait: OpenWait, now: int) -> str:
    """What is waited for, and until when."""
    question = isinstance(wait.awaited, Question)
    what = f"an answer to {wait.awaited.ask}" if isinstance(wait.awaited, Question) else wait.awaited.event
    until = "" if wait.deadline is None else f" until {moment_text(wait.deadline)}"
    due = "" if wait.deadline is None else f", {due_text(wait.deadline, now)}"
    return f"waits for {what if question else 'the event ' + what}{until}{due}"


def message_text(message: Message) -> str:
    """What somebody has left for a run to hear."""
    match message.kind:
        case "answer":
            return f"the answer to {message.path}"
        case "signal":
            return f"the event {message.path}"
        case "cancel":
            return "a cancellation"


def _undo_notes(step: Step) -> Iterator[str]:
    match step.undone:
        case events.Undone(failure=None):
            yield "undone"
        case events.Undone(failure=failure) if failure is not None:
            yield f"could not be undone: {failure_text(failure)}"
        case None if step.being_undone:
            yield "is being undone"
        case None if step.undo_due:
            yield "still to be undone"
        case None if step.undoable:
            yield "to be undone if the run fails"
