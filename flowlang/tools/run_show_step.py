"""`flow show RUN STEP`: one step of a view -> what it was given, what it gave, and how it came to that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.plan.paths import lies_inside, step_at
from flowlang.plan.styled import Line, Stretch, Style, written
from flowlang.plan.text import task_text
from flowlang.runtime.inputs import Raised, Replied, Stopped
from flowlang.text import render
from flowlang.text.display import clean
from flowlang.text.suggest import nearest
from flowlang.tools.files import shown_path
from flowlang.tools.run_history import Call, Step, around, without_items
from flowlang.tools.run_notes import notes
from flowlang.tools.run_progress import failure_text, split_path
from flowlang.tools.run_show_json import arguments_of, reply_of, value_of
from flowlang.tools.run_styles import STYLES
from flowlang.tools.run_times import moment_text, span_text
from flowlang.tools.run_usage import amounts_text
from flowlang.tools.run_view import View
from flowlang.values.value import Value

LISTED: Final = 10  # steps that a message names
LONGEST: Final = 4_000  # characters of a value that are shown
MOST_CALLS: Final = 20


def step_named(view: View, wanted: str) -> Step:
    """The step whose path is, or is the only one to end with, what is given; items may be left out. An item,
    round or attempt with one step is that step, and a clause the step that has it. Raises StoreProblem."""
    steps = view.history.steps
    if wanted in steps:
        return steps[wanted]
    ends = [path for path in steps if _ends_with(path, wanted)]
    ends = ends or [path for path in steps if _ends_with("/" + without_items(path), wanted)]
    inside = [] if ends else [path for path in steps if _lies_directly_in(view, path, wanted)]
    if len(found := ends or inside) == 1:
        return steps[found[0]]
    if found:
        more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
        message = f"several steps of run `{view.record.id}` {'end with' if ends else 'lie in'} `{wanted}`"
        raise StoreProblem("ambiguous_step", message, f"name one of {_listed(found)}{more}")
    if (step := steps.get(wanted.partition("/!")[0])) is not None and "/!" in wanted:
        return step
    message = f"run `{view.record.id}` has come to no step `{wanted}`"
    raise StoreProblem("unknown_step", message, _nearest_step(view, wanted))


def _ends_with(path: str, end: str) -> bool:
    """Whether it does at a name, or at an item, round or attempt: as the tree of steps words them."""
    return path.endswith("/" + end) or (end[:1] in ("[", "#", "@") and path.endswith(end))


def _lies_directly_in(view: View, path: str, wanted: str) -> bool:
    """Whether a step lies in an item, round or attempt, and in no other step there."""
    return lies_inside(path, wanted) and not lies_inside(view.history.owner(around(path)).path, wanted)


def _nearest_step(view: View, wanted: str) -> str:
    if step_at(view.plan, view.record.flow, wanted) is not None:
        return "the flow has such a step, but the run did not come to it, or has not yet"
    steps = view.history.steps
    by_name = {split_path(path)[0]: path for path in reversed(steps)}
    if meant := nearest(wanted, steps):
        return f"did you mean `{meant}`?"
    if meant := nearest(wanted, by_name):
        return f"did you mean `{by_name[meant]}`?"
    own = [step.path for step in view.history.root.below]
    return f"it has {_listed(own)}" if own else "it has not come to any step"


def _listed(paths: list[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths[:LISTED])


def render_step(view: View, step: Step, style: render.Style, *, everything: bool = False) -> str:
    """The text of a step; long values are cut, unless it is to show `everything`."""
    lines = [*_head(view, step)]
    calls = step.calls if everything else step.calls[-MOST_CALLS:]
    if hidden := len(step.calls) - len(calls):
        lines.append([Stretch(f"{hidden:,} earlier calls are not shown; see --all", "quiet")])
    for number, call in enumerate(calls):
        known = number > 0 and calls[number - 1].arguments == call.arguments
        lines += _call(view, call, everything, known=known)
    lines += _gave(view, step, everything)
    if step.failure is not None:
        lines.append(_fact("error", failure_text(step.failure), "danger"))
        if not (calls and _cause_of(calls[-1]) == step.failure.cause):
            lines += _texts("cause", step.failure.cause)
    return written(lines, colour=style.color)


def _head(view: View, step: Step) -> Iterator[Line]:
    yield [Stretch(clean(f"{step.path}  "), "title"), Stretch(step.state, STYLES[step.state])]
    found = step_at(view.plan, view.record.flow, step.path)
    if found is not None:
        file = shown_path(view.plan.sources[found.at.source].path)
        yield _fact("source", f"{file}:{found.at.line}:{found.at.column}")
        yield _fact("does", task_text(found.task))
    yield _fact("started", moment_text(step.started))
    if step.ended is not None and step.skipped is None:
        yield _fact("ended", f"{moment_text(step.ended)}, after {span_text(step.ended - step.started)}")
    said = [
        note for note in notes(step, view.now) if step.failure is None or note != failure_text(step.failure)
    ]
    for note in said[step.target is not None :]:
        yield _fact("note", note)
    for retry in step.retries:
        why = failure_text(retry.failure) if retry.failure else "not yet what `until` asks for"
        yield _fact("attempt", f"{retry.attempt} of {retry.attempts}, {moment_text(retry.at)}: {why}")
    if step.below:
        yield _fact("steps", f"{len(step.below):,} of its own, see `{view.command('show', view.record.id)}`")


def _call(view: View, call: Call, everything: bool, *, known: bool) -> Iterator[Line]:
    """A call of a step; `known`: its arguments are those of the one before."""
    took = "" if call.ended is None else f", {span_text(call.ended - call.started)}"
    did = {"call": "called", "ask": "asked", "event": "waited for"}[call.kind]
    head = f"{did} {call.name} at {moment_text(call.started)}{took}"
    yield [Stretch(clean(head), "name")]
    if call.path.partition("/!undo")[1]:
        yield _fact("for", "its undo")
    if call.key is not None:
        yield _fact("key", call.key)
    if not known:
        for name, value in arguments_of(view.plan, call).items():
            yield from _texts(f"in {name}", _value_text(value, everything))
    for instant in call.again:
        yield _fact("again", f"made anew at {moment_text(instant)}, since nobody knew what became of it")
    if call.told:
        yield _fact("told", "what it gave was said by whoever resumed the run; it was not made again")
    yield from _outcome(view, call, everything)
    if used := call.used():
        yield _fact("used", amounts_text(used))


def _outcome(view: View, call: Call, everything: bool) -> Iterator[Line]:
    match call.outcome():
        case Replied() as replied:
            yield from _texts("out", _value_text(reply_of(view.plan, call, replied), everything))
        case Raised(error=error, message=message, fields=fields, cause=cause):
            said = message or (json.dumps(fields, ensure_ascii=False) if fields else "")
            yield _fact("raised", f"{error}: {said}" if said else error, "danger")
            yield from _texts("cause", cause)
        case Stopped():
            yield _fact("stopped", "it was cancelled")
        case None if call.path in view.unknown:
            yield _fact("out", "unknown: nobody can say whether the call was made", "danger")
        case None:
            yield _fact("out", "not yet" if view.result is None else "none came")


def _gave(view: View, step: Step, everything: bool) -> Iterator[Line]:
    """What a step gave, unless that is what a call of it gave, or nothing."""
    value = value_of(view, step)
    replies = [(call, call.outcome()) for call in step.calls]
    known = [reply_of(view.plan, call, reply) for call, reply in replies if isinstance(reply, Replied)]
    if value is not None and value not in known:
        yield from _texts("gave", _value_text(value, everything))


def _cause_of(call: Call) -> str | None:
    outcome = call.outcome()
    return outcome.cause if isinstance(outcome, Raised) else None


def _value_text(value: Value, everything: bool) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    if everything or len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… ({len(text) - LONGEST:,} more characters, see --all)"


def _texts(name: str, text: str | None) -> Iterator[Line]:
    """A text that may have several lines."""
    if text is None:
        return
    first, *rest = clean(text.removesuffix("\n")).split("\n")
    yield _fact(name, first)
    for line in rest:
        yield _fact(" " * len(name), line)


def _fact(name: str, said: str, style: Style = "plain") -> Line:
    return [Stretch(f"  {name:<9} ", "quiet"), Stretch(clean(said), style)]
