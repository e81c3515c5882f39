"""Facts: what the checker learned, in side tables keyed by node id.

`Interface` is what a declaration shows to the outside: all that the check of another declaration may
depend on. `Facts` is what is known of the inside of one declaration. Both are immutable once made, so a
declaration whose text and whose used interfaces have not changed keeps its facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import attrs

from flowlang.semantics.types import RecordField, Type, is_optional
from flowlang.syntax import ast
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Anchor, Span

Effect: TypeAlias = Literal["pure", "read", "idempotent", "write"]
PolicyValue: TypeAlias = int  # counts, or microseconds where the policy is a time


@attrs.frozen(repr=False)
class ErrorRef:
    """An error type: built in (module "") or declared in a module."""

    module: str
    name: str


@attrs.frozen(repr=False)
class Parameter:
    """`default` is the tree of the default value. It is None where the argument is required, and where the
    provider of a `use` knows the default."""

    name: str
    type: Type
    required: bool
    doc: str | None = attrs.field(default=None, eq=False)
    default: ast.Expr | None = attrs.field(default=None, eq=False)


def fields_as_parameters(fields: Iterable[RecordField]) -> tuple[Parameter, ...]:
    """The fields of a constructor, an error, an event or a record literal; optional ones may be left out."""
    return tuple(Parameter(f.name, f.type, not is_optional(f.type), f.doc) for f in fields)


@attrs.frozen(repr=False)
class Declared:
    """Where an interface comes from: its module, its name there, and the name's place."""

    module: str
    name: str
    span: Span = attrs.field(eq=False)
    anchor: Anchor = attrs.field(eq=False)
    doc: str | None = attrs.field(eq=False)


@attrs.frozen(repr=False)
class TypeName:
    declared: Declared
    type: Type


@attrs.frozen(repr=False)
class Constructor:
    declared: Declared
    union: Type
    case: str
    fields: tuple[RecordField, ...]


@attrs.frozen(repr=False)
class ErrorName:
    declared: Declared
    ref: ErrorRef
    fields: tuple[RecordField, ...]


@attrs.frozen(repr=False)
class EventName:
    declared: Declared
    fields: tuple[RecordField, ...]


@attrs.frozen(repr=False)
class Exposed:
    """An agent by the name its caller knows, and the effect that makes repeating it matter."""

    name: str
    effect: Effect | None


@attrs.frozen(repr=False)
class Callable:
    """An agent, an ask or a flow, seen from a call.

    `raises` holds declared errors only. `effect` is the strongest one below a call, None where one is not
    declared. `exposed` are the agents that a repeated call may run twice for good: writes called without a
    `key`, and agents that declare no effect. `retries` and `bounded`: the agent's own policy repeats its
    calls, or ends each by a timeout."""

    declared: Declared
    kind: Literal["agent", "ask", "flow"]
    parameters: tuple[Parameter, ...]
    result: Type
    raises: frozenset[ErrorRef]
    effect: Effect | None
    waits: bool  # a question, an event or a sleep stands in it or below
    exposed: frozenset[Exposed] = frozenset()
    retries: bool = False
    bounded: bool = False
    provider: tuple[str, str] | None = None  # provider and target, for an agent that comes from `use`

    def parameter(self, name: str) -> Parameter | None:
        return next((p for p in self.parameters if p.name == name), None)


@attrs.frozen(repr=False)
class Namespace:
    """What an alias stands for: an imported module, or the agents of a `use`. Where its file could not be
    read it is `poisoned`: any member may exist. `modules` are its own aliases, through which only a test may
    go, to answer the agents behind them."""

    declared: Declared
    members: Mapping[str, Interface] = attrs.field(eq=False)
    poisoned: bool = False
    modules: Mapping[str, Namespace] = attrs.field(eq=False, factory=dict)


@attrs.frozen(repr=False)
class Poisoned:
    """A name whose declaration is broken, or not checked yet: known, of unknown meaning. `kind` is what it
    would be, None where even that is not known."""

    declared: Declared
    kind: type[Interface] | None = None


Interface: TypeAlias = TypeName | Constructor | ErrorName | EventName | Callable | Namespace | Poisoned


def module_at(names: Mapping[str, Interface], path: str) -> Interface | None:
    """What aliases with dots between them lead to: a module, or the name on the way that is none."""
    first, *inside = path.split(".")
    found = names.get(first)
    for alias in inside:
        if not isinstance(found, Namespace):
            return found
        found = found.modules.get(alias)
    return found


@attrs.frozen(repr=False)
class Local:
    """A value name inside a flow, agent or test."""

    name: str
    kind: Literal[
        "param", "step", "let", "loop", "state", "lambda", "catch", "pattern", "ambient", "event", "result"
    ]
    span: Span = attrs.field(eq=False)
    node: int  # the id of the Ident that declares it, -1 for ambient names


Symbol: TypeAlias = Interface | Local


@attrs.frozen(repr=False)
class StepFacts:
    """What is known of a statement that takes part in the order of a block: steps, lets, barriers, the
    result. `depends` are the ids of the statements of the same block that must settle first, with
    barriers; `wave` is the longest way to it, counted from 0."""

    depends: tuple[int, ...]
    wave: int
    task: Type  # the value of the task itself, which `undo` sees
    value: Type  # the value that other statements see
    errors: frozenset[ErrorRef]  # declared errors that may leave the statement
    effect: Effect | None
    skips: bool  # it has a guard or stands below a barrier that may end the block


@attrs.frozen(repr=False)
class MethodUse:
    """The function that a method call or a member access was resolved to, by its name in the catalogue."""

    function: str  # e.g. "list.map"


@attrs.frozen(eq=False, repr=False)
class Facts:
    """Side tables of one declaration.

    types      of every expression, task, parameter and value name (by the id of its node)
    symbols    what a Name, Ident, QualifiedName or the callee of a Call refers to
    coercions  expressions that are widened where they stand, with the type they are widened to
    methods    which function a Call of a method (or of a constructor-like built-in) is
    statements what is known of each statement of each block"""

    types: Mapping[int, Type]
    symbols: Mapping[int, Symbol]
    coercions: Mapping[int, Type]
    methods: Mapping[int, MethodUse]
    statements: Mapping[int, StepFacts]
    diagnostics: tuple[Diagnostic, ...]
    interface: Interface | None
