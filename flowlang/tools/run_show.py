"""`flow show RUN`: a view of a run -> its head, the tree of its steps, what it waits for, why it failed.

A loop of many items is one line and those of its items that are not done: of all of it nobody reads more."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from flowlang.plan.styled import Line, Stretch, written
from flowlang.runtime.host import Question
from flowlang.text import render
from flowlang.text.display import clean
from flowlang.tools.files import shown_path
from flowlang.tools.run_columns import aligned
from flowlang.tools.run_history import OPEN, Step
from flowlang.tools.run_notes import label, message_text, notes
from flowlang.tools.run_questions import answers_text
from flowlang.tools.run_report import render_outcome
from flowlang.tools.run_styles import STYLES
from flowlang.tools.run_times import ago_text, moment_text, span_text
from flowlang.tools.run_usage import used_text
from flowlang.tools.run_view import PLACEHOLDER, View
from flowlang.values.value import Value

LONGEST_VALUE: Final = 200  # characters of one that is shown on a line
DEEPEST_INDENT: Final = 20
MOST_ITEMS: Final = 10  # of a loop that are all shown
MOST_PENDING: Final = 5  # items that are not done of a loop of more


def render_run(view: View, style: render.Style, *, everything: bool = False, limit: int | None = None) -> str:
    """The text of a run; `everything` shows all items of loops, `limit` cuts lines to a width."""
    parts = [_head(view, limit), _steps(view, everything, limit), _waits(view), _unknown(view)]
    text = "\n".join(written(part, colour=style.color) for part in parts if part)
    outcome = "" if view.result is None else render_outcome(view.result, view.places, style)
    return f"{text}\n{outcome}" if outcome else text


def _head(view: View, limit: int | None) -> list[Line]:
    record = view.record
    facts = [*_facts(view)]
    head = [
        Stretch(f"run {record.id}  {record.flow}  ", "title"),
        Stretch(record.status, STYLES[record.status]),
    ]
    rows = [[Stretch(f"  {name}", "quiet"), Stretch(said)] for name, said in facts]
    return [head, *aligned(rows, limit=limit)]


def _facts(view: View) -> Iterator[tuple[str, str]]:
    record, now = view.record, view.now
    if view.file is not None:
        yield "file", shown_path(view.file)
    if view.begun.forked is not None:
        yield "forked", f"from {view.begun.forked[0]} at {view.begun.forked[1]}, whose past it has taken over"
    yield "started", f"{moment_text(record.created)}, {ago_text(record.created, now)}"
    if record.ended is not None:
        yield "ended", f"{moment_text(record.ended)}, after {span_text(record.ended - record.created)}"
    if record.holder is not None:
        yield "held by", str(record.holder)
    elif view.left:
        yield "held by", f"nobody, since {moment_text(record.updated)}; {_going_on(view)}"
    if unheard := [message for message in view.messages if message.path not in view.too_late]:
        yield "unheard", ", ".join(map(message_text, unheard))
    if view.kept:
        yield "kept", ", ".join(map(_kept_text, Counter(view.kept).items()))
    if view.too_late:
        yield "too late", ", ".join(f"the answer to {path}, no longer asked" for path in view.too_late)
    if view.inputs:
        yield "inputs", ", ".join(f"{name}: {value_text(value)}" for name, value in view.inputs.items())
    if view.result is not None and view.result.status == "done" and view.result.data is not None:
        yield "result", value_text(view.result.data)
    if view.usage:
        yield "used", used_text(view.usage)


def _kept_text(kept: tuple[str, int]) -> str:
    event, count = kept
    times = f", {count:,} times" if count > 1 else ""
    return f"the event {event}{times}, which no step has wanted so far"


def _going_on(view: View) -> str:
    if view.record.status == "unknown" or view.unknown:
        return "it cannot go on by itself, see below"
    return f"go on with `{view.resume()}`"


def value_text(value: Value, limit: int = LONGEST_VALUE) -> str:
    """JSON on one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"


# Steps


def _steps(view: View, everything: bool, limit: int | None) -> list[Line]:
    rows = [_row(entry, view) for entry in tree(view.history.root, everything=everything)]
    if not rows:
        return []
    names = ("step", "status", "at", "took", "")
    return aligned([[Stretch(name, "quiet") for name in names], *rows], right=(2, 3), limit=limit)


Entry: TypeAlias = tuple[int, Step | None, str]
"""A line of the tree: its depth, the step that it shows and its label; or None, and words about several."""


def tree(root: Step, *, everything: bool) -> Iterator[Entry]:
    """The steps below a step, each followed by those below it."""
    pending: list[Entry] = [*reversed(_below(root, 0, everything))]
    while pending:
        entry = pending.pop()
        yield entry
        depth, step, _ = entry
        if step is not None:
            pending += reversed(_below(step, depth + 1, everything))


def _below(step: Step, depth: int, everything: bool) -> list[Entry]:
    items = items_of(step)
    if everything or len(items) <= MOST_ITEMS:
        return [(depth, below, label(below.path, step.path)) for below in step.below]
    kept = [item for item in items.values() if _state_of(item) in (*OPEN, "failed")][:MOST_PENDING]
    shown = [(depth, below, label(below.path, step.path)) for item in kept for below in item]
    return [*shown, (depth, None, items_text(step, items))]


def items_of(step: Step) -> Mapping[str, list[Step]]:
    """The steps below a step by the item, round, attempt or arm that they belong to; the last part of their
    paths is their own name."""
    items: dict[str, list[Step]] = {}
    for below in step.below:
        item, _, _ = label(below.path, step.path).rpartition("/")
        items.setdefault(item, []).append(below)
    return items


def items_text(step: Step, items: Mapping[str, list[Step]]) -> str:
    """`2,000 items: 1,998 done, 2 failed`."""
    states = [_state_of(item) for item in items.values()]
    if step.progress is None or step.doing == "while":
        of, done = len(states), states.count("done")
    else:
        of, done = step.progress[1], step.progress[0] - step.tolerated
    counts = {"done": done} | {state: states.count(state) for state in ("failed", *OPEN, "cancelled")}
    said = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count > 0)
    return f"{of:,} {_ITEMS.get(step.doing, 'parts')}: {said}"


_ITEMS: Final = {"for_each": "items", "race": "arms", "while": "rounds", "do": "attempts"}


def _state_of(item: Iterable[Step]) -> str:
    """What an item of a loop is, by the steps in it."""
    states = {step.state for step in item}
    return next((state for state in ("failed", *OPEN, "cancelled") if state in states), "done")


def _row(entry: Entry, view: View) -> list[Stretch]:
    depth, step, said = entry
    name = "  " * min(depth, DEEPEST_INDENT) + said
    if step is None:
        return [Stretch(name, "quiet")]
    skipped = step.state == "skipped"
    at = "" if skipped or step.taken_over else span_text(step.started - view.history.root.started)
    took = (step.ended or view.until) - step.started
    return [
        Stretch(name, "quiet" if skipped else "plain"),
        Stretch(step.state, STYLES[step.state]),
        Stretch(at),
        Stretch("" if skipped else span_text(took)),
        Stretch("; ".join(notes(step, view.now)), "quiet" if skipped else "plain"),
    ]


# What it needs


def _waits(view: View) -> list[Line]:
    lines: list[Line] = []
    for path, wait in view.questions.items():
        assert isinstance(wait.awaited, Question)
        answers = answers_text(view.plan.agents[wait.awaited.ask].result)
        command = view.command("answer", f"{view.record.id}/{path}", PLACEHOLDER)
        lines.append([Stretch(clean(f"answer {path} with {answers}:"), "careful")])
        lines.append([Stretch("  " + clean(command))])
    return lines


def _unknown(view: View) -> list[Line]:
    lines: list[Line] = []
    for path, agent in view.unknown.items():
        said = (
            f"{path}: {agent} may have been called, or not; find out, then make it again or say what it gave"
        )
        lines.append([Stretch(clean(said), "danger")])
        for option, value in (("--redo", path), ("--skip", f"{path}={PLACEHOLDER}")):
            lines.append([Stretch("  " + clean(view.resume(option, value)))])
    return lines
