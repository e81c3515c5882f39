"""Forks and replays of stored runs: what another run takes over, and where another source would part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import attrs

from flowlang.agents.python_values import to_json
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.plan import model as plan
from flowlang.plan.paths import step_at
from flowlang.runtime.comparing import Difference, compare
from flowlang.runtime.forking import CannotFork, Past, take_over, takers
from flowlang.runtime.journal import JournalMisfit, Row
from flowlang.runtime.program import Program
from flowlang.runtime.replay import kernel_of
from flowlang.text.suggest import did_you_mean
from flowlang.tools.run_looking import uncallable
from flowlang.tools.stored import Begun, begun_of, plan_of, problem_of
from flowlang.values.codec import decode, encode
from flowlang.values.value import Misfit, Value


def forked_begun(
    begun: Begun,
    flow: plan.Flow,
    inputs: Mapping[str, object],
    given: Iterable[str],
    record: RunRecord,
    step: str,
) -> Begun:
    """What a fork is started with: the same, but for these inputs in JSON form, and what it is `given` for
    the steps at these paths. Raises StoreProblem."""
    types = {parameter.name: parameter.type for parameter in flow.parameters}
    values = dict(begun.values)
    for name, value in inputs.items():
        if name not in types:
            help = did_you_mean(name, types) or f"it takes {', '.join(types) or 'none'}"
            raise StoreProblem("unknown_input", f"the flow `{record.flow}` has no input `{name}`", help)
        values[name] = _decoded(value, types[name], f"the input `{name}`")
    seed = begun.seed or record.id
    return attrs.evolve(begun, values=values, forked=(record.id, step), seed=seed, given=tuple(given))


def forked_past(
    store: Store,
    record: RunRecord,
    program: Program,
    begun: Begun,
    run_id: str,
    step: str,
    given: Mapping[str, object],
    now: int,
) -> Past:
    """The rows that a fork takes over. `given` are values in JSON form, in the place of what calls gave.
    Raises StoreProblem."""
    replies = {path: _reply(program.plan, record.flow, path, value) for path, value in given.items()}
    rows = store.journal(record.number)
    taken_by = _takers(store, record, program.plan, rows)
    kernel = kernel_of(program, record.flow, begun.values, run_id, seed=begun.seed)
    try:
        return take_over(kernel, rows, step, now, replies, taken_by)
    except CannotFork as reason:
        paths = [*_paths(rows), *taken_by.values()]
        meant = None if step in paths else did_you_mean(step, paths)
        help = meant or f"see its steps with `flow show {record.id}`"
        raise StoreProblem("cannot_fork", f"run `{record.id}` cannot be forked: {reason}", help) from None
    except JournalMisfit as misfit:
        raise problem_of(misfit, record) from None
    finally:
        kernel.close()


def _takers(store: Store, record: RunRecord, compiled: plan.Plan, rows: Sequence[Row]) -> dict[int, str]:
    """Which waits took the events of a run. Raises StoreProblem."""
    if not any(row.kind == "event" for row in rows):
        return {}
    begun = begun_of(store, record).with_stand_ins(compiled.flows[record.flow])
    kernel = kernel_of(uncallable(compiled), record.flow, begun.values, record.id, seed=begun.seed)
    try:
        return takers(kernel, rows)
    except JournalMisfit as misfit:
        raise problem_of(misfit, record) from None
    finally:
        kernel.close()


def settable(compiled: plan.Plan, flow: str, path: str) -> plan.Type | None:
    """The type of what came from outside for a step, and may be set: what an agent gave, an answer, or an
    event. None where nothing did."""
    step = step_at(compiled, flow, path)
    match step.task if step else None:
        case plan.CallAgent(agent=agent):
            return compiled.agents[agent].result
        case plan.Wait(event=event):
            return plan.RecordType(fields=compiled.events[event].fields, name=event)
        case _:
            return None


def _reply(compiled: plan.Plan, flow: str, path: str, value: object) -> Value:
    """What is to come in the place of what came for a step: JSON, or the fields of an event."""
    wanted = settable(compiled, flow, path)
    if wanted is None:
        message = f"`{path}` is no step that calls an agent or waits for an event"
        raise StoreProblem("not_a_call", message, "only what came from outside can be set")
    found = _decoded(value, wanted, f"the value for `{path}`")
    step = step_at(compiled, flow, path)
    return found if step is not None and isinstance(step.task, plan.Wait) else encode(found, wanted)


def _decoded(value: object, type: plan.Type, what: str) -> Value:
    try:
        return decode(to_json(value, []), type)
    except Misfit as misfit:
        raise StoreProblem("value", f"{what} does not fit: {misfit.told}", misfit.help) from None


def _paths(rows: Iterable[Row]) -> list[str]:
    """The steps that made calls, and those around them."""
    found: dict[str, None] = {}
    for row in rows:
        if row.kind in ("call", "answer"):
            parts = row.path.split("/")
            around = ["/".join(parts[: n + 1]) for n in range(len(parts))]
            found.update(dict.fromkeys(around))
            found.update(dict.fromkeys(re.split(r"[\[#@|]", path, maxsplit=1)[0] for path in around))
    return [*found]


@attrs.frozen
class Compared:
    """`difference` None: the other plan goes the same way. `changed` says whether the step where they part is
    written differently, None where one of the plans has no such step."""

    difference: Difference | None
    changed: bool | None
    step: plan.Step | None
    calls: int


def replayed_with(store: Store, record: RunRecord, other: plan.Plan | None = None) -> Compared:
    """Replay a run without calling anything: with its own plan, which shows that its journal is whole, or
    with another, which shows whether that would have gone the same way. Raises StoreProblem."""
    compiled = plan_of(store, record)
    begun = begun_of(store, record).with_stand_ins(compiled.flows[record.flow])
    rows = store.journal(record.number)
    wanted = compiled if other is None else other
    if record.flow not in wanted.flows:
        message = f"there is no flow `{record.flow}` in that file"
        raise StoreProblem("no_flow", message, f"it has {', '.join(wanted.flows) or 'none'}")
    known, found = (
        kernel_of(uncallable(each), record.flow, begun.values, record.id, seed=begun.seed)
        for each in (compiled, wanted)
    )
    try:
        difference = compare(known, found, rows)
    except JournalMisfit as misfit:
        raise problem_of(misfit, record) from None
    finally:
        known.close()
        found.close()
    calls = sum(row.kind == "call" for row in rows)
    if difference is None:
        return Compared(None, None, None, calls)
    before, after = (step_at(each, record.flow, difference.path) for each in (compiled, wanted))
    changed = before.fingerprint != after.fingerprint if before and after else None
    return Compared(difference, changed, after or before, calls)
