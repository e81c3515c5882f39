"""The tests of a module, ready to be carried out: what `test` blocks become.

They stand beside the plan and are no part of it: its hash, its fingerprints and what is stored of a run do
not change with them. Their expressions are those of the plan; names are arguments (in a `given`), results of
the runs above, and `calls("read")`, which is a name as it is written.

Nothing here is published, so these are plain classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import attrs

from flowlang.plan.model import Expr, Fail, Place, Plan, Type


@attrs.frozen(eq=False)
class Given:
    """How calls of an agent, or questions, are answered: with a value of its result type, or by failing;
    `when` the arguments are so; `after` a while."""

    agent: str
    answer: Expr | None
    fails: Fail | None
    after: Expr | None
    when: Expr | None
    at: Place


@attrs.frozen(eq=False)
class Send:
    """An event comes, `after` the run began."""

    event: str
    fields: Mapping[str, Expr]
    after: Expr | None
    at: Place


@attrs.frozen(eq=False)
class Run:
    """A run of a flow, whose result has a name. With `fails` it is to fail so, and its failure has the
    name. `written` is how the test writes what the plan names, see `lower_names.py`."""

    name: str
    flow: str
    arguments: Mapping[str, Expr]
    fails: str | None
    at: Place
    written: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(eq=False)
class Part:
    """A part of a condition, as it is written. `below` are the parts that its value is made of. Those of an
    `and` or `or` (`junction`) may not all have a value: one may be asked for only because of those before."""

    text: str
    value: Expr
    type: Type
    below: tuple[Part, ...] = ()
    junction: Literal["and", "or"] | None = None


@attrs.frozen(eq=False)
class Expect:
    condition: Part
    at: Place


Line: TypeAlias = Given | Send | Run | Expect


@attrs.frozen(eq=False)
class Test:
    """Each run starts anew, with the `given` and `send` lines above it."""

    name: str
    lines: tuple[Line, ...]
    at: Place
    doc: str | None = None


@attrs.frozen(eq=False)
class Tests:
    """The tests of the entry module, and a plan that holds all that they mention."""

    plan: Plan
    tests: tuple[Test, ...]


RECORDED_PREFIX = 'calls("'


def recorded(agent: str) -> str:
    """The name under which an `expect` finds the calls of an agent."""
    return f'{RECORDED_PREFIX}{agent}")'


def parts_of(part: Part) -> Iterator[Part]:
    """A part and all that is below it."""
    yield part
    for below in part.below:
        yield from parts_of(below)
