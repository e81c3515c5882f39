"""Questions of stored runs: what is open, as the flow words it, and an answer that fits.

What a run asks stands in the store; what type an answer has to be, in its plan. A question that somebody has
answered is not open, even before the run has heard of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from flowlang.agents.python_values import to_json
from flowlang.hosts.sqlite.problems import AnsweredAlready, Ended, StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import FINAL, Store
from flowlang.plan import model as plan
from flowlang.plan.styled import Line, Stretch
from flowlang.plan.text import type_text
from flowlang.runtime.journal import Wait
from flowlang.text.display import clean
from flowlang.text.suggest import nearest
from flowlang.tools.command_lines import command
from flowlang.tools.run_questions import answers_text
from flowlang.tools.run_secrets import shown_arguments
from flowlang.tools.run_times import ago_text, due_text, moment_text
from flowlang.tools.run_view import PLACEHOLDER
from flowlang.tools.stored import plan_of
from flowlang.values.codec import decode, encode, parse_argument, write_json
from flowlang.values.schema import schema
from flowlang.values.times import format_datetime
from flowlang.values.value import Misfit, Value

LONGEST_ARGUMENT = 2_000  # characters that are shown


@attrs.frozen
class Asked:
    """An open question. `arguments` in JSON form, without secrets; `wanted` is what an answer has to be."""

    record: RunRecord
    path: str
    ask: str
    arguments: Mapping[str, Value]
    wanted: plan.Type
    since: int
    deadline: int | None

    @property
    def address(self) -> str:
        return f"{self.record.id}/{self.path}"


def open_questions(store: Store, wanted: str | None = None) -> list[Asked]:
    """Of one run, or of all; the one that has been open longest first. Raises StoreProblem."""
    number = None if wanted is None else store.find(wanted).number
    answered = {(m.run, m.path) for m in store.messages(run=number) if m.kind == "answer"}
    records: dict[int, RunRecord] = {}
    plans: dict[str, plan.Plan] = {}
    found = []
    for run, wait in store.waits(number):
        if wait.kind != "question" or (run, wait.path) in answered:
            continue
        record = records.get(run) or records.setdefault(run, store.record(run))
        if record.plan not in plans:
            plans[record.plan] = plan_of(store, record)
        found.append(_asked(record, wait, plans[record.plan]))
    return found


def _asked(record: RunRecord, wait: Wait, compiled: plan.Plan) -> Asked:
    agent = compiled.agents[wait.name]
    arguments = shown_arguments(json.loads(wait.arguments or "{}"), agent.parameters)
    return Asked(record, wait.path, wait.name, arguments, agent.result, wait.since, wait.deadline)


# Answering


def answer(store: Store, address: str, text: str, now: int) -> Asked:
    """Answer the question at `RUN/PATH`, or the only one of `RUN`, as it is typed. Raises StoreProblem."""
    return _answer(store, address, lambda wanted: parse_argument(text, wanted), now)


def answer_with(store: Store, address: str, value: object, now: int) -> Asked:
    """The same with a value of Python's. Raises StoreProblem."""
    return _answer(store, address, lambda wanted: decode(to_json(value), wanted), now)


def _answer(store: Store, address: str, read: Callable[[plan.Type], Value], now: int) -> Asked:
    wanted, _, path = address.partition("/")
    record = store.find(wanted)
    if record.status in FINAL:
        raise Ended(record.id, record.status)
    asked = _meant(store, record, path)
    try:
        value = encode(read(asked.wanted), asked.wanted)
    except Misfit as misfit:
        message = f"the answer to `{asked.address}` does not fit: {misfit}"
        help = f"answer with {answers_text(asked.wanted)}"
        raise StoreProblem("bad_answer", message, f"{misfit.help}; {help}" if misfit.help else help) from None
    _insist_on_time(asked, now)
    store.put_answer(record.number, asked.path, write_json(value), now)
    return asked


def _insist_on_time(asked: Asked, now: int) -> None:
    """Raise StoreProblem where whoever goes on with the run will find that the time to answer is over."""
    if asked.deadline is None or asked.deadline >= now or asked.record.holder is not None:
        return
    until = f"{moment_text(asked.deadline)}, {ago_text(asked.deadline, now)}"
    message = f"`{asked.address}` could be answered until {until}"
    help = f"`flow resume {asked.record.id}` goes on without an answer"
    raise StoreProblem("too_late", message, help)


def _meant(store: Store, record: RunRecord, path: str) -> Asked:
    """The open question of a run at a path, or the only one that ends with it."""
    found = open_questions(store, record.id)
    exact = [asked for asked in found if asked.path == path]
    meant = exact or [asked for asked in found if not path or asked.path.endswith("/" + path)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        message = f"run `{record.id}` has {len(meant)} questions open" + (f" at `{path}`" if path else "")
        raise StoreProblem("ambiguous_question", message, f"name one: {_addresses(meant)}")
    if answered := _answered_path(store, record, path):
        raise AnsweredAlready(answered)
    raise _not_asked(record, path, found)


def _answered_path(store: Store, record: RunRecord, path: str) -> str | None:
    """The path of a question that has an answer: the one at `path`, or any that the run has not heard yet."""
    unheard = [
        m.path for m in store.messages(run=record.number) if m.kind == "answer" and path in ("", m.path)
    ]
    if unheard:
        return unheard[0]
    rows = store.journal(record.number) if path else []
    return path if any(row.kind == "answer" and row.path == path for row in rows) else None


def _not_asked(record: RunRecord, path: str, found: Sequence[Asked]) -> StoreProblem:
    if not found:
        message = f"run `{record.id}` asks nothing now" + (f", so not `{path}` either" if path else "")
        return StoreProblem("not_asked", message, f"it is {record.status}; see `flow show {record.id}`")
    message = f"run `{record.id}` does not ask `{path}` now"
    meant = nearest(path, [asked.path for asked in found])
    help = f"did you mean `{record.id}/{meant}`?" if meant else f"open are {_addresses(found)}"
    return StoreProblem("not_asked", message, help)


def _addresses(found: Sequence[Asked], listed: int = 10) -> str:
    more = f" and {len(found) - listed} more" if len(found) > listed else ""
    return ", ".join(asked.address for asked in found[:listed]) + more


# Showing


def question_lines(asked: Asked, store: str | None, now: int) -> Iterator[Line]:
    """What is asked, since when and until when, and what to type. `store` is the option that names it."""
    when = f"asked {ago_text(asked.since, now)}"
    if asked.deadline is not None:
        when += f", until {moment_text(asked.deadline)}, {due_text(asked.deadline, now)}"
    yield [Stretch(clean(asked.address), "title"), Stretch(f"  {asked.ask}  "), Stretch(when, "quiet")]
    for name, value in asked.arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        first, *rest = clean(text[:LONGEST_ARGUMENT]).split("\n")
        yield [Stretch(f"  {name}: ", "quiet"), Stretch(first)]
        yield from ([Stretch(f"    {line}")] for line in rest)
    yield [Stretch(f"  answer with {answers_text(asked.wanted)}:", "careful")]
    yield [Stretch("    " + clean(command(store, "answer", asked.address, PLACEHOLDER)))]


def question_json(asked: Asked, store: str | None) -> dict[str, Value]:
    return {
        "address": asked.address,
        "run_id": asked.record.id,
        "path": asked.path,
        "flow": asked.record.flow,
        "ask": asked.ask,
        "arguments": dict(asked.arguments),
        "type": type_text(asked.wanted),
        "schema": schema(asked.wanted),
        "since": format_datetime(asked.since),
        "deadline": None if asked.deadline is None else format_datetime(asked.deadline),
        "held": asked.record.holder is not None,
        "command": command(store, "answer", asked.address, PLACEHOLDER),
    }
