"""`flow signal` and `flow cancel`: what is to be told to a stored run -> a message in its inbox.

An event is compared with what the flow declares before it is accepted. Whoever holds the run hears of it at
once; a run that nobody holds, when it is carried on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import attrs

from flowlang.agents.python_values import to_json
from flowlang.hosts.sqlite.problems import Ended, StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import FINAL, Store
from flowlang.plan import model as plan
from flowlang.plan.text import type_text
from flowlang.text.suggest import did_you_mean
from flowlang.tools.run_view import resume_command
from flowlang.tools.stored import Begun, begun_of, plan_of
from flowlang.values.codec import decode, encode, parse_argument, read_json, write_json
from flowlang.values.value import Misfit, Value


@attrs.frozen
class Told:
    """A message that was left for a run, in words."""

    record: RunRecord
    begun: Begun
    kind: Literal["answer", "signal", "cancel"]
    said: str

    def resume(self, store: str | None) -> str:
        """What to type to carry the run on; `store` is the option that names the store."""
        return resume_command(store, self.begun, self.record.id)


def left_for(store: Store, record: RunRecord, kind: Literal["answer", "signal", "cancel"], said: str) -> Told:
    return Told(record, begun_of(store, record), kind, said)


def signal(store: Store, wanted: str, event: str, texts: Sequence[str], now: int) -> Told:
    """Tell a run of an event, whose fields are one JSON object or `NAME=VALUE` each. Raises StoreProblem."""
    return _signal(store, wanted, event, lambda type: _fields(texts, type), now)


def signal_with(store: Store, wanted: str, event: str, fields: object, now: int) -> Told:
    """The same with fields as a mapping or an object of Python's. Raises StoreProblem."""
    return _signal(store, wanted, event, lambda type: to_json(fields), now)


def _signal(
    store: Store, wanted: str, event: str, read: Callable[[plan.RecordType], Value], now: int
) -> Told:
    """`read` gives the fields in their JSON form."""
    record = _going_on(store, wanted)
    events = plan_of(store, record).events
    if event not in events:
        message = f"nothing in the flow of run `{record.id}` waits for an event `{event}`"
        known = f"it waits for {', '.join(f'`{name}`' for name in events)}" if events else "it waits for none"
        raise StoreProblem("unknown_event", message, did_you_mean(event, events) or known)
    record_type = plan.RecordType(fields=events[event].fields, name=event)
    try:
        fields = encode(decode(read(record_type), record_type), record_type)
    except Misfit as misfit:
        message = f"the event `{event}` does not fit: {misfit}"
        help = misfit.help or f"it is declared as {event}{_shape(record_type)}"
        raise StoreProblem("bad_event", message, help) from None
    told = left_for(store, record, "signal", f"told run `{record.id}` of {event}")
    store.put_signal(record.number, event, write_json(fields), now)
    return told


def _shape(type: plan.RecordType) -> str:
    return f"({', '.join(f'{field.name}: {type_text(field.type)}' for field in type.fields)})"


def _fields(texts: Sequence[str], type: plan.RecordType) -> Value:
    """Fields in their JSON form. Raises Misfit."""
    if len(texts) == 1 and texts[0].lstrip().startswith("{"):
        return read_json(texts[0])
    types = {field.name: field.type for field in type.fields}
    fields: dict[str, Value] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise Misfit(
                f"`{text}` is no NAME=VALUE", help="write fields so, or all of them as one JSON object"
            )
        if name in fields:
            raise Misfit(f"two values are given for `{name}`", help="give one of them")
        if name not in types:
            raise Misfit(f"it has no field `{name}`", help=did_you_mean(name, types))
        try:
            fields[name] = encode(parse_argument(value, types[name]), types[name])
        except Misfit as misfit:
            raise misfit.inside(name) from None
    return fields


def cancel(store: Store, wanted: str, now: int) -> Told:
    """Ask for a run to be cancelled. Raises StoreProblem."""
    record = _going_on(store, wanted)
    if any(message.kind == "cancel" for message in store.messages(run=record.number)):
        return left_for(store, record, "cancel", f"run `{record.id}` is to be cancelled already")
    told = left_for(store, record, "cancel", f"run `{record.id}` is to be cancelled")
    store.put_cancel(record.number, now)
    return told


def _going_on(store: Store, wanted: str) -> RunRecord:
    record = store.find(wanted)
    if record.status in FINAL:
        raise Ended(record.id, record.status)
    return record


# Who hears of it


def heard_text(told: Told, store: str | None) -> str:
    """What was left, and who goes on with it: `store` is the option that names it."""
    if told.record.holder is not None:
        return f"{told.said}; it hears of it in {told.record.holder.process}"
    resume = told.resume(store)
    if told.kind == "cancel":
        return f"{told.said}; nobody holds it: `{resume}` carries that out, its undos included"
    return f"{told.said}; nobody holds it: `{resume}` goes on with it"


def told_json(told: Told, store: str | None) -> dict[str, Value]:
    held = told.record.holder
    return {
        "run_id": told.record.id,
        "told": told.kind,
        "holder": None if held is None else attrs.asdict(held),
        "resume": told.resume(store) if held is None else None,
    }
