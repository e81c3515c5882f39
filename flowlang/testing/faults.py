"""What may happen around a run: how agents and people behave, what comes, where the process dies.

Data that prints as it would be written, with values in JSON form and durations as flows write them; `worlds`
makes of it what the simulator takes. Without a fault every call is answered at once, and the smallest of all
is where nothing happens: examples shrink to it.

Which behaviour of an agent a call gets is a matter of its path alone. So it gets the same when it is made
again after a crash, and each attempt of a retry may get another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, Literal, TypeAlias, TypeVar

import attrs
from hypothesis import strategies as st

from flowlang.plan import model as plan
from flowlang.runtime.failures import BUILT_IN
from flowlang.testing.misfits import unfitting
from flowlang.testing.target import FlowLike, target_of
from flowlang.testing.values import fields_of, fitting
from flowlang.text.suggest import did_you_mean
from flowlang.values.value import Value

T = TypeVar("T")

Kind: TypeAlias = Literal[
    "slow", "errors", "silence", "misfits", "late", "events", "crashes", "clocks", "cancels"
]
KINDS: Final[tuple[Kind, ...]] = (
    "slow", "errors", "silence", "misfits", "late", "events", "crashes", "clocks", "cancels",
)  # fmt: skip


@attrs.frozen(repr=False)
class _Brief:
    """Shows what is not as usual, as it would be written."""

    def __repr__(self) -> str:
        fields = [(field, getattr(self, field.name)) for field in attrs.fields(type(self))]
        told = [f"{field.name}={value!r}" for field, value in fields if _is_told(field, value)]
        return f"{type(self).__name__}({', '.join(told)})"


def _is_told(field: attrs.Attribute[object], value: object) -> bool:
    if field.default is attrs.NOTHING:
        return True
    return value != field.default if isinstance(field.default, str) else bool(value)


@attrs.frozen(repr=False)
class Replies(_Brief):
    """`value` is the reply `after` so long, whether it fits or not. `late`: also when it is asked to stop."""

    value: Value
    after: str = "0s"
    late: bool = False


@attrs.frozen(repr=False)
class Raises(_Brief):
    """A declared error with its fields, or `AgentFailed` or `Unavailable` with a message."""

    error: str
    fields: dict[str, Value] = attrs.field(factory=dict)
    after: str = "0s"


@attrs.frozen(repr=False)
class Silent(_Brief):
    """Nothing ever comes. `deaf`: it does not heed that it is asked to stop, either."""

    deaf: bool = False


Behaviour: TypeAlias = Replies | Raises | Silent


@attrs.frozen(repr=False)
class Comes(_Brief):
    """An event, so long after the run began: earlier than it is waited for, perhaps, and perhaps twice."""

    event: str
    fields: dict[str, Value]
    after: str = "0s"


@attrs.frozen(repr=False)
class Dies(_Brief):
    """The process ends at this commit, once it is written or, if it is `lost`, just before. Somebody takes
    the run up `away` later."""

    commit: int
    lost: bool = False
    away: str = "0s"


@attrs.frozen(repr=False)
class ClockSet(_Brief):
    """Somebody sets the clock forward, or back."""

    by: str
    after: str = "0s"


@attrs.frozen(repr=False)
class Faults(_Brief):
    """`agents`: how an agent or a question behaves, one of the behaviours in each call; `calls`: what one
    call comes to, by its path, where its agent is not mentioned. Any other answers at once. `cancelled`: when
    somebody cancels the run."""

    agents: dict[str, tuple[Behaviour, ...]] = attrs.field(factory=dict)
    events: tuple[Comes, ...] = ()
    deaths: tuple[Dies, ...] = ()
    clocks: tuple[ClockSet, ...] = ()
    cancelled: str | None = None
    calls: dict[str, Behaviour] = attrs.field(factory=dict)


def faults(
    flow: FlowLike, name: str | None = None, *, kinds: Collection[Kind] = KINDS, like: Faults | None = None
) -> st.SearchStrategy[Faults]:
    """What may happen to runs of a flow: the one of this name, or the main one. Of `kinds` only those happen.
    What some agents do, and what comes, is as in `like`.

    Raises NotRunnable where the file of a flow has mistakes, ValueError where it has no such flow, or there
    is no such kind."""
    for kind in kinds:
        _insist("kind of faults", kind, KINDS)
    compiled = target_of(flow, name).plan
    agents = {name: _cast(compiled, agent, kinds) for name, agent in compiled.agents.items()}
    made = _made(
        Faults,
        st.fixed_dictionaries({}, optional=agents) if like else st.fixed_dictionaries(agents),
        _events(compiled) if "events" in kinds else st.just(()),
        _deaths if "crashes" in kinds else st.just(()),
        _clocks if "clocks" in kinds else st.just(()),
        st.none() | st.none() | delays if "cancels" in kinds else st.none(),
    )
    return made.map(lambda drawn: _on_top(drawn, like)) if like else made


def insist_on_names(compiled: plan.Plan, faults: Faults) -> None:
    """Raises ValueError where faults are about what the plan does not have, and so would never happen."""
    for name, behaviours in faults.agents.items():
        _insist("agent", name, compiled.agents)
        errors = {*compiled.agents[name].raises, *BUILT_IN}
        for behaviour in behaviours:
            if isinstance(behaviour, Raises):
                _insist(f"error of `{name}`", behaviour.error, sorted(errors))
    for came in faults.events:
        _insist("event", came.event, compiled.events)


def _insist(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        hint = did_you_mean(name, known) or f"there is {', '.join(known) or 'none'}"
        raise ValueError(f"there is no {what} `{name}`; {hint}")


def _on_top(drawn: Faults, like: Faults) -> Faults:
    return attrs.evolve(drawn, calls=like.calls, events=like.events + drawn.events)


def _made(kind: Callable[..., T], *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """`st.builds`, without a look at the types of what is built, which would cost more than all the rest."""
    return st.tuples(*parts).map(lambda drawn: kind(*drawn))


delays: Final = st.sampled_from(["0s", "1ms", "1s", "5s", "29s", "30s", "1m", "10m", "1h", "1d", "30d"])
"""How long things take: at once, a moment, longer than any deadline."""


def _cast(
    compiled: plan.Plan, agent: plan.Agent, kinds: Collection[Kind]
) -> st.SearchStrategy[tuple[Behaviour, ...]]:
    """How an agent behaves: often well, since a run in which everything goes wrong does not get far."""
    well = fitting(agent.result).map(Replies)
    any = st.one_of(well, *_odd_ways(compiled, agent, kinds))
    well_behaved: st.SearchStrategy[list[Behaviour]] = st.lists(well, min_size=1, max_size=2)
    return st.one_of(well_behaved, st.lists(any, min_size=1, max_size=4)).map(tuple)


def _odd_ways(
    compiled: plan.Plan, agent: plan.Agent, kinds: Collection[Kind]
) -> Iterator[st.SearchStrategy[Behaviour]]:
    value, now = fitting(agent.result), st.just("0s")
    times = delays if "slow" in kinds else now
    yield _made(Replies, value, times)
    if "silence" in kinds:
        yield st.just(Silent())
    if agent.asks:
        return  # who answers can only say what fits
    if "silence" in kinds:
        yield st.just(Silent(deaf=True))
    if "late" in kinds:
        yield _made(Replies, value, times, st.just(True))
    if "misfits" in kinds:
        yield _made(Replies, unfitting(agent.result), times)
    if "errors" in kinds:
        message = st.fixed_dictionaries({"message": st.sampled_from(["", "it broke"])})
        for error in ("AgentFailed", "Unavailable"):
            yield _made(Raises, st.just(error), message, times)
        for error in agent.raises:
            fields = fields_of(compiled.errors[error].fields)
            yield _made(Raises, st.just(error), st.fixed_dictionaries(fields), times)


def _events(compiled: plan.Plan) -> st.SearchStrategy[tuple[Comes, ...]]:
    if not compiled.events:
        return st.just(())
    coming = [
        _made(Comes, st.just(name), st.fixed_dictionaries(fields_of(event.fields)), delays)
        for name, event in compiled.events.items()
    ]
    return st.lists(st.one_of(coming), max_size=4).map(_once_more)


def _once_more(coming: list[Comes]) -> tuple[Comes, ...]:
    """The first of several comes twice."""
    return (*coming, coming[0]) if len(coming) > 2 else tuple(coming)


_deaths: Final = st.lists(
    _made(Dies, st.integers(1, 6) | st.integers(1, 30), st.booleans(), delays),
    max_size=3,
    unique_by=lambda death: death.commit,
).map(tuple)
_clocks: Final = st.lists(_made(ClockSet, delays | delays.map(lambda by: f"-{by}"), delays), max_size=2).map(
    tuple
)
