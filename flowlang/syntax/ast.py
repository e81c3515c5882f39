"""The syntax tree.

Every node has an `id`, unique within its declaration and given in source order, children before their
parent, and a `span` relative to the start of its declaration. Later passes keep what they learn in side
tables keyed by id; the tree itself is never changed. Nodes are compared by identity. Optional parts are
None, lists are tuples.

Literals keep the `text` they were written with, so that the formatter does not have to choose between
`'a'` and `"a"`, or `1h30m` and `90m`. Parentheses and comments are not in the tree: the printer puts
parentheses back where precedence asks for them, and comments travel beside the tree (`Comment`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias, cast, dataclass_transform

import attrs

from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Source, Span


@dataclass_transform(frozen_default=True, eq_default=False)
class NodeClass(type):
    """Makes the annotated names of a class its fields: a slot for each, given to the constructor in order.

    A hundred classes of nodes are made at every start-up, so they share one constructor; attrs, which writes
    and compiles one for each, would take a sixth of the time of a small `flow check`."""

    __names__: tuple[str, ...]
    __defaults__: dict[str, object]
    __setters__: tuple[Callable[[object, object], None], ...]

    def __new__(cls, name: str, bases: tuple[type, ...], members: dict[str, object]) -> NodeClass:
        own = tuple(cast(dict[str, object], members.get("__annotations__", {})))
        defaults = {field: members.pop(field) for field in own if field in members}
        above = bases[0] if bases else None
        if isinstance(above, NodeClass):
            names, defaults = (*above.__names__, *own), {**above.__defaults__, **defaults}
        else:
            names = own
        made = super().__new__(cls, name, bases, {**members, "__slots__": own, "__match_args__": names})
        made.__names__, made.__defaults__ = names, defaults
        made.__setters__ = tuple(getattr(made, field).__set__ for field in names)
        return made


class Node(metaclass=NodeClass):
    id: int
    span: Span

    def __init__(self, *values: object, **named: object) -> None:
        kind = type(self)
        if len(values) < len(kind.__names__):
            rest = kind.__names__[len(values) :]
            values = (*values, *(named[name] if name in named else kind.__defaults__[name] for name in rest))
        for put, value in zip(kind.__setters__, values, strict=True):
            put(self, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"the tree is never changed: {name} of {type(self).__name__}")

    def __repr__(self) -> str:
        named = zip(type(self).__names__[2:], contents(self), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in named)})"


def contents(tree: Node) -> Iterator[object]:
    """What a node holds besides its id and span, in the order of its fields."""
    return (getattr(tree, name) for name in type(tree).__names__[2:])


def children(tree: Node) -> Iterator[Node]:
    """The nodes directly below one, in the order of its fields."""
    for value in contents(tree):
        if isinstance(value, Node):
            yield value
        elif type(value) is tuple:
            for item in value:
                if isinstance(item, Node):
                    yield item


def walk(tree: Node) -> Iterator[Node]:
    """A node and all nodes below it, parents first."""
    pending = [tree]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(list(children(current))))


# Names


class Ident(Node):
    """A name where it is declared, or a part of a qualified one."""

    name: str


class QualifiedName(Node):
    """`NotFound` or `trips.SoldOut`; in a `given` also `trips.desk.reserve`, in a module of a module."""

    module: Ident | QualifiedName | None
    name: Ident

    @property
    def module_text(self) -> str:
        """What stands before the last dot."""
        if self.module is None:
            return ""
        return self.module.name if isinstance(self.module, Ident) else self.module.text

    @property
    def text(self) -> str:
        return f"{self.module_text}.{self.name.name}" if self.module else self.name.name


class Text(Node):
    """A string that must be constant: a path, a title, a target. `text` is the token as written."""

    value: str
    text: str


# Types


class NamedType(Node):
    name: QualifiedName


class GenericType(Node):
    """`list<T>`, `map<T>`, `secret<T>`; any other name is an error that the checker reports."""

    name: Ident
    arguments: tuple[TypeExpr, ...]


class OptionalType(Node):
    inner: TypeExpr


class RecordType(Node):
    fields: tuple[Field, ...]


class EnumType(Node):
    """`"a" | "b"`; a single literal is an enum of one."""

    values: tuple[Text, ...]


class BrokenType(Node):
    """A type that did not parse; already reported."""


class InferredType(Node):
    """The result of a flow that is whatever its `return` gives: that of a plan, which has no types. No text
    parses to it."""


TypeExpr: TypeAlias = (
    NamedType | GenericType | OptionalType | RecordType | EnumType | BrokenType | InferredType
)  # fmt: skip


class Field(Node):
    """A field of a record, a constructor, an error or an event."""

    name: Ident
    type: TypeExpr
    doc: str | None


# Declarations


class Import(Node):
    path: Text
    name: Ident  # the alias
    doc: str | None = None


class Use(Node):
    provider: Ident
    name: Ident  # the alias
    target: Text
    doc: str | None = None


class TypeDecl(Node):
    name: Ident
    definition: TypeExpr | Variants
    doc: str | None


class Variants(Node):
    """The constructors of a tagged union."""

    variants: tuple[Variant, ...]


class Variant(Node):
    name: Ident
    fields: tuple[Field, ...]
    doc: str | None


class ErrorDecl(Node):
    name: Ident
    fields: tuple[Field, ...]
    doc: str | None


class EventDecl(Node):
    name: Ident
    fields: tuple[Field, ...]
    doc: str | None


class Param(Node):
    name: Ident
    type: TypeExpr
    default: Expr | None
    doc: str | None


class Signature(Node):
    """`result` None means `null`; `raises` None means that none was written."""

    params: tuple[Param, ...]
    result: TypeExpr | None
    raises: tuple[QualifiedName, ...] | None


class AgentDecl(Node):
    """`agent` or, with `asks`, `ask`."""

    name: Ident
    asks: bool
    signature: Signature
    policies: tuple[Policy, ...]
    doc: str | None


class FlowDecl(Node):
    name: Ident
    signature: Signature
    policies: tuple[Timeout, ...]
    body: Block
    doc: str | None


class TestDecl(Node):
    name: Text
    statements: tuple[TestStatement, ...]
    doc: str | None


class BrokenDecl(Node):
    """A declaration whose head did not parse; already reported. Its name is declared, its meaning unknown."""

    kind: str  # the keyword, "" where there is none
    name: Ident | None


Declaration: TypeAlias = (
    Import | Use | TypeDecl | ErrorDecl | EventDecl | AgentDecl | FlowDecl | TestDecl | BrokenDecl
)


# Policies and clauses


class Timeout(Node):
    duration: Expr
    per_attempt: bool


class Retry(Node):
    times: Expr
    errors: tuple[QualifiedName, ...]  # empty: every failure that a retry may help
    backoff: Backoff | None
    within: Expr | None
    until: Lambda | None


class Backoff(Node):
    shape: Literal["constant", "linear", "exponential"] | None  # None: not written, exponential
    initial: Expr
    maximum: Expr | None


class Effect(Node):
    name: Ident  # pure, read, idempotent or write


class Limit(Node):
    quotas: tuple[AtOnce | PerWindow, ...]


class AtOnce(Node):
    count: Expr


class PerWindow(Node):
    count: Expr
    window: Expr


class Breaker(Node):
    failures: Expr
    within: Expr
    reset: Expr


class Cache(Node):
    duration: Expr


Policy: TypeAlias = Timeout | Retry | Effect | Limit | Breaker | Cache


class When(Node):
    condition: Expr
    otherwise: Expr | None


class After(Node):
    names: tuple[Ident, ...]


class Key(Node):
    value: Expr


class Catch(Node):
    errors: tuple[QualifiedName, ...]  # empty: any failure
    binding: Ident | None
    handler: Task


class Undo(Node):
    task: Task


class Finally(Node):
    body: Block


Clause: TypeAlias = When | After | Key | Timeout | Retry | Catch | Undo | Finally


# Statements


class Block(Node):
    statements: tuple[Statement, ...]
    in_order: bool


class Step(Node):
    name: Ident
    annotation: TypeExpr | None
    task: Task
    clauses: tuple[Clause, ...]
    doc: str | None


class Let(Node):
    name: Ident
    annotation: TypeExpr | None
    value: Expr


class Require(Node):
    condition: Expr
    message: Expr | None


class Ensure(Node):
    condition: Expr
    message: Expr | None


class Fail(Node):
    """`fail NotFound() when c` as a statement."""

    error: Expr
    when: Expr | None


class Return(Node):
    task: Task
    when: Expr | None


class Yield(Node):
    task: Task


class Next(Node):
    task: Task


class Broken(Node):
    """A statement that did not parse; already reported. What it would have declared is of unknown type."""

    kind: str  # the keyword it starts with, "" where there is none
    name: Ident | None


Statement: TypeAlias = Step | Let | Require | Ensure | Fail | Return | Yield | Next | Broken


# Tasks that are not expressions


class ForEach(Node):
    """`first` is the item (or the key, over a map), `second` the index (or the value)."""

    first: Ident
    second: Ident | None
    source: Expr
    where: Expr | None
    at_once: Expr | None
    in_order: bool
    tolerating: Expr | None
    body: Block


class While(Node):
    condition: Expr
    limit: Expr
    or_fail: bool
    every: Expr | None
    state: Ident
    annotation: TypeExpr | None
    initial: Expr
    body: Block


class Choose(Node):
    arms: tuple[ChooseArm, ...]
    otherwise: Task | None


class ChooseArm(Node):
    condition: Expr
    task: Task


class Do(Node):
    body: Block


class Race(Node):
    """`race` (count None) or `first COUNT of`; `branches` are tasks, or one `for each`."""

    count: Expr | None
    branches: tuple[Task, ...] | ForEach


class WaitFor(Node):
    event: QualifiedName
    where: Lambda | None


class Sleep(Node):
    duration: Expr


class SleepUntil(Node):
    instant: Expr


class FailWith(Node):
    """`fail E(…)` where a task stands."""

    error: Expr


# Expressions


class IntLiteral(Node):
    value: int
    text: str


class FloatLiteral(Node):
    value: float
    text: str


class BoolLiteral(Node):
    value: bool


class NullLiteral(Node):
    pass


class StringLiteral(Node):
    """A string without holes. `value` is what it means, `text` the token as written."""

    value: str
    text: str


class Interpolation(Node):
    """A string with holes: constant pieces and expressions, in order."""

    parts: tuple[str | Expr, ...]
    text: str


class DurationLiteral(Node):
    microseconds: int
    text: str


class ListLiteral(Node):
    items: tuple[Expr, ...]


class RecordLiteral(Node):
    """`{ a: 1, b, ...rest }`; with a quoted key in it, a map."""

    entries: tuple[Entry | KeyEntry | Spread, ...]


class Entry(Node):
    """`a: 1`; for the short form `b` the value is the name `b` and `short` is true."""

    name: Ident
    value: Expr
    short: bool


class KeyEntry(Node):
    key: StringLiteral | Interpolation
    value: Expr


class Spread(Node):
    value: Expr


class Name(Node):
    name: str


class Member(Node):
    """`a.b`, or `a?.b` with `safe`."""

    target: Expr
    name: Ident
    safe: bool


class Index(Node):
    target: Expr
    index: Expr


class Call(Node):
    """Of an agent, flow, constructor or error by `Name` or `Member`, or of a method by `Member`."""

    callee: Expr
    arguments: tuple[Argument, ...]


class Argument(Node):
    name: Ident | None
    value: Expr | Lambda


class Lambda(Node):
    params: tuple[Ident, ...]
    body: Expr


class Unary(Node):
    operator: Literal["-", "not"]
    operand: Expr


class Binary(Node):
    operator: Literal[
        "+", "-", "*", "/", "%", "..", "??", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or"
    ]
    left: Expr
    right: Expr


class Is(Node):
    """`v is Published` or (case None) `v is null`."""

    value: Expr
    case: QualifiedName | None


class Cast(Node):
    value: Expr
    type: TypeExpr


class If(Node):
    """Its arms are tasks where it stands as a task, expressions elsewhere."""

    condition: Expr
    then: Task
    otherwise: Task


class Match(Node):
    """Its arms are tasks where it stands as a task, expressions elsewhere."""

    subject: Expr
    arms: tuple[MatchArm, ...]


class MatchArm(Node):
    pattern: Pattern
    task: Task


class ConstructorPattern(Node):
    case: QualifiedName
    bindings: tuple[Binding, ...]


class Binding(Node):
    """`trip: t` binds the field `trip` as `t`; short, both have the same name and place."""

    field: Ident
    name: Ident


class LiteralPattern(Node):
    value: StringLiteral | IntLiteral | BoolLiteral | NullLiteral


class ElsePattern(Node):
    pass


Pattern: TypeAlias = ConstructorPattern | LiteralPattern | ElsePattern


class BrokenExpr(Node):
    """An expression that did not parse; already reported."""


Expr: TypeAlias = (
    IntLiteral | FloatLiteral | BoolLiteral | NullLiteral | StringLiteral | Interpolation | DurationLiteral
    | ListLiteral | RecordLiteral | Name | Member | Index | Call | Unary | Binary | Is | Cast | If | Match
    | BrokenExpr
)  # fmt: skip

Task: TypeAlias = (
    Expr | ForEach | While | Choose | Do | Race | WaitFor | Sleep | SleepUntil | FailWith
)  # fmt: skip


# Tests


class Given(Node):
    """`given a.b after 3d -> v when c`, or `… fails E …`."""

    agent: QualifiedName
    after: Expr | None
    answer: Expr | None
    fails: Expr | None
    when: Expr | None


class Send(Node):
    event: Expr
    after: Expr | None


class Run(Node):
    name: Ident
    fails: QualifiedName | None
    call: Expr


class Expect(Node):
    condition: Expr


TestStatement: TypeAlias = Given | Send | Run | Expect | Broken


# Files


@attrs.frozen(eq=False)
class Comment:
    """`// …` as written, without the line break; `own_line` when nothing but blanks stands before it."""

    span: Span
    text: str
    own_line: bool


@attrs.frozen(eq=False)
class Parsed:
    """One declaration with what was found while parsing it; depends on nothing but its own text, so it is
    cached by it. All spans are relative to its start."""

    declaration: Declaration
    comments: tuple[Comment, ...]
    diagnostics: tuple[Diagnostic, ...]
    text: str


@attrs.frozen(eq=False)
class Item:
    """A declaration where it stands. `key` names it within its module, also where names are doubled."""

    key: str
    offset: int
    parsed: Parsed

    @property
    def declaration(self) -> Declaration:
        return self.parsed.declaration


@attrs.frozen(eq=False)
class Module:
    """A parsed file. `comments` and `diagnostics` are those outside of declarations, with absolute spans."""

    source: Source
    items: tuple[Item, ...]
    comments: tuple[Comment, ...]
    diagnostics: tuple[Diagnostic, ...]
