"""What may happen around a run: how agents and people behave, what comes, where the process dies.

Data that prints as it would be written, with values in JSON form and durations as flows write them; `worlds`
makes of it what the simulator takes. Without a fault every call is answered at once, and the smallest of all
is where nothing happens: examples shrink to it.

Which behaviour of an agent a call gets is a matter of its path alone. So it gets the same when it is made
again after a crash, and each attempt of a retry may get another."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, TypeAlias

import attrs
from hypothesis import strategies as st

from flowlang.plan import model as plan
from flowlang.testing.misfits import unfitting
from flowlang.testing.target import FlowLike, target_of
from flowlang.testing.values import fields_of, fitting
from flowlang.values.value import Value

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
    """`agents`: how an agent or a question behaves, one of the behaviours in each call; any other answers at
    once. `cancelled`: when somebody cancels the run."""

    agents: dict[str, tuple[Behaviour, ...]] = attrs.field(factory=dict)
    events: tuple[Comes, ...] = ()
    deaths: tuple[Dies, ...] = ()
    clocks: tuple[ClockSet, ...] = ()
    cancelled: str | None = None


def faults(
    flow: FlowLike, name: str | None = None, *, kinds: Collection[Kind] = KINDS
) -> st.SearchStrategy[Faults]:
    """What may happen to runs of a flow: the one of this name, or the main one. Of `kinds` only those happen.

    Raises NotRunnable where the file of a flow has mistakes, ValueError where it has no such flow."""
    compiled = target_of(flow, name).plan
    agents = {name: _several(_behaviour(compiled, agent, kinds)) for name, agent in compiled.agents.items()}
    return st.builds(
        Faults,
        agents=st.fixed_dictionaries(agents),
        events=_events(compiled) if "events" in kinds else st.just(()),
        deaths=_deaths if "crashes" in kinds else st.just(()),
        clocks=_clocks if "clocks" in kinds else st.just(()),
        cancelled=st.none() | st.none() | delays if "cancels" in kinds else st.none(),
    )  # fmt: skip


# How long things take: at once, a moment, longer than any deadline

delays: Final = st.sampled_from(["0s", "1ms", "1s", "5s", "29s", "30s", "1m", "10m", "1h", "1d", "30d"])
_moments: Final = st.just("0s") | st.sampled_from(["1ms", "10ms", "1s", "2s"])


def _several(behaviour: st.SearchStrategy[Behaviour]) -> st.SearchStrategy[tuple[Behaviour, ...]]:
    return st.lists(behaviour, min_size=1, max_size=4).map(tuple)


def _behaviour(
    compiled: plan.Plan, agent: plan.Agent, kinds: Collection[Kind]
) -> st.SearchStrategy[Behaviour]:
    times = delays if "slow" in kinds else st.just("0s")
    value = fitting(agent.result)
    ways: list[st.SearchStrategy[Behaviour]] = [st.builds(Replies, value), st.builds(Replies, value, times)]
    if "late" in kinds and not agent.asks:
        ways.append(st.builds(Replies, value, times, st.just(True)))
    if "misfits" in kinds and not agent.asks:
        ways.append(st.builds(Replies, unfitting(agent.result), times))
    if "errors" in kinds and not agent.asks:
        ways.append(_error(compiled, agent, times))
    if "silence" in kinds:
        ways.append(st.builds(Silent) if agent.asks else st.builds(Silent, st.booleans()))
    return st.one_of(*ways)


def _error(
    compiled: plan.Plan, agent: plan.Agent, times: st.SearchStrategy[str]
) -> st.SearchStrategy[Behaviour]:
    message = st.fixed_dictionaries({"message": st.sampled_from(["", "it broke"])})
    fields = {"AgentFailed": message, "Unavailable": message}
    fields |= {
        error: st.fixed_dictionaries(fields_of(compiled.errors[error].fields)) for error in agent.raises
    }
    return st.one_of(*(st.builds(Raises, st.just(error), given, times) for error, given in fields.items()))


def _events(compiled: plan.Plan) -> st.SearchStrategy[tuple[Comes, ...]]:
    if not compiled.events:
        return st.just(())
    coming = st.one_of(*(
        st.builds(Comes, st.just(name), st.fixed_dictionaries(fields_of(event.fields)), _moments | delays)
        for name, event in compiled.events.items()
    ))  # fmt: skip
    return st.lists(coming, max_size=4).map(_some_twice)


def _some_twice(coming: list[Comes]) -> tuple[Comes, ...]:
    """The first of several comes once more at the end."""
    return (*coming, coming[0]) if len(coming) > 2 else tuple(coming)


_deaths: Final = st.lists(
    st.builds(Dies, st.integers(1, 30), st.booleans(), delays),
    max_size=3,
    unique_by=lambda death: death.commit,
).map(tuple)
_clocks: Final = st.lists(
    st.builds(ClockSet, delays | delays.map(lambda by: f"-{by}"), delays), max_size=2
).map(tuple)
