"""The syntax tree.

Every node has an `id`, unique within its declaration and given in source order, and a `span` relative
to the start of its declaration. Later passes keep what they learn in side tables keyed by id; the tree
itself is never changed. Nodes are compared by identity. Optional parts are None, lists are tuples.

Literals keep the `text` they were written with, so that the formatter does not have to choose between
`'a'` and `"a"`, or `1h30m` and `90m`. Parentheses and comments are not in the tree: the printer puts
parentheses back where precedence asks for them, and comments travel beside the tree (`Comment`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias, TypeVar, dataclass_transform

import attrs

from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Source, Span

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=False)
def node(cls: type[T]) -> type[T]:
    """A frozen class without `==` and `repr` of its own: a hundred of these are made at every start-up."""
    return attrs.frozen(eq=False, repr=False)(cls)


@node
class Node:
    id: int
    span: Span

    def __repr__(self) -> str:
        parts = (f"{f.name}={getattr(self, f.name)!r}" for f in self.__attrs_attrs__[2:])  # type: ignore[attr-defined]
        return f"{type(self).__name__}({', '.join(parts)})"


def children(tree: Node) -> Iterator[Node]:
    """The nodes directly below one, in the order of its fields."""
    for field in tree.__attrs_attrs__[2:]:  # type: ignore[attr-defined]
        value = getattr(tree, field.name)
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


@node
class Ident(Node):
    """A name where it is declared, or a part of a qualified one."""

    name: str


@node
class QualifiedName(Node):
    """`NotFound` or `trips.SoldOut`."""

    module: Ident | None
    name: Ident

    @property
    def text(self) -> str:
        return f"{self.module.name}.{self.name.name}" if self.module else self.name.name


@node
class Text(Node):
    """A string that must be constant: a path, a title, a target. `text` is the token as written."""

    value: str
    text: str


# Types


@node
class NamedType(Node):
    name: QualifiedName


@node
class GenericType(Node):
    """`list<T>`, `map<T>`, `secret<T>`; any other name is an error that the checker reports."""

    name: Ident
    arguments: tuple[TypeExpr, ...]


@node
class OptionalType(Node):
    inner: TypeExpr


@node
class RecordType(Node):
    fields: tuple[Field, ...]


@node
class EnumType(Node):
    """`"a" | "b"`; a single literal is an enum of one."""

    values: tuple[Text, ...]


@node
class BrokenType(Node):
    """A type that did not parse; already reported."""


TypeExpr: TypeAlias = NamedType | GenericType | OptionalType | RecordType | EnumType | BrokenType


@node
class Field(Node):
    """A field of a record, a constructor, an error or an event."""

    name: Ident
    type: TypeExpr
    doc: str | None


# Declarations


@node
class Import(Node):
    path: Text
    name: Ident  # the alias
    doc: str | None = None


@node
class Use(Node):
    provider: Ident
    name: Ident  # the alias
    target: Text
    doc: str | None = None


@node
class TypeDecl(Node):
    name: Ident
    definition: TypeExpr | Variants
    doc: str | None


@node
class Variants(Node):
    """The constructors of a tagged union."""

    variants: tuple[Variant, ...]


@node
class Variant(Node):
    name: Ident
    fields: tuple[Field, ...]
    doc: str | None


@node
class ErrorDecl(Node):
    name: Ident
    fields: tuple[Field, ...]
    doc: str | None


@node
class EventDecl(Node):
    name: Ident
    fields: tuple[Field, ...]
    doc: str | None


@node
class Param(Node):
    name: Ident
    type: TypeExpr
    default: Expr | None
    doc: str | None


@node
class Signature(Node):
    """`result` None means `null`; `raises` None means that none was written."""

    params: tuple[Param, ...]
    result: TypeExpr | None
    raises: tuple[QualifiedName, ...] | None


@node
class AgentDecl(Node):
    """`agent` or, with `asks`, `ask`."""

    name: Ident
    asks: bool
    signature: Signature
    policies: tuple[Policy, ...]
    doc: str | None


@node
class FlowDecl(Node):
    name: Ident
    signature: Signature
    policies: tuple[Timeout, ...]
    body: Block
    doc: str | None


@node
class TestDecl(Node):
    name: Text
    statements: tuple[TestStatement, ...]
    doc: str | None


@node
class BrokenDecl(Node):
    """A declaration whose head did not parse; already reported. Its name is declared, its meaning unknown."""

    kind: str  # the keyword, "" where there is none
    name: Ident | None


Declaration: TypeAlias = (
    Import | Use | TypeDecl | ErrorDecl | EventDecl | AgentDecl | FlowDecl | TestDecl | BrokenDecl
)


# Policies and clauses


@node
class Timeout(Node):
    duration: Expr
    per_attempt: bool


@node
class Retry(Node):
    times: Expr
    errors: tuple[QualifiedName, ...]  # empty: every failure that a retry may help
    backoff: Backoff | None
    within: Expr | None
    until: Lambda | None


@node
class Backoff(Node):
    shape: Literal["constant", "linear", "exponential"] | None  # None: not written, exponential
    initial: Expr
    maximum: Expr | None


@node
class Effect(Node):
    name: Ident  # pure, read, idempotent or write


@node
class Limit(Node):
    quotas: tuple[AtOnce | PerWindow, ...]


@node
class AtOnce(Node):
    count: Expr


@node
class PerWindow(Node):
    count: Expr
    window: Expr


@node
class Breaker(Node):
    failures: Expr
    within: Expr
    reset: Expr


@node
class Cache(Node):
    duration: Expr


Policy: TypeAlias = Timeout | Retry | Effect | Limit | Breaker | Cache


@node
class When(Node):
    condition: Expr
    otherwise: Expr | None


@node
class After(Node):
    names: tuple[Ident, ...]


@node
class Key(Node):
    value: Expr


@node
class Catch(Node):
    errors: tuple[QualifiedName, ...]  # empty: any failure
    binding: Ident | None
    handler: Task


@node
class Undo(Node):
    task: Task


@node
class Finally(Node):
    body: Block


Clause: TypeAlias = When | After | Key | Timeout | Retry | Catch | Undo | Finally


# Statements


@node
class Block(Node):
    statements: tuple[Statement, ...]
    in_order: bool


@node
class Step(Node):
    name: Ident
    annotation: TypeExpr | None
    task: Task
    clauses: tuple[Clause, ...]
    doc: str | None


@node
class Let(Node):
    name: Ident
    annotation: TypeExpr | None
    value: Expr


@node
class Require(Node):
    condition: Expr
    message: Expr | None


@node
class Ensure(Node):
    condition: Expr
    message: Expr | None


@node
class Fail(Node):
    """`fail NotFound() when c` as a statement."""

    error: Expr
    when: Expr | None


@node
class Return(Node):
    task: Task
    when: Expr | None


@node
class Yield(Node):
    task: Task


@node
class Next(Node):
    task: Task


@node
class Broken(Node):
    """A statement that did not parse; already reported. What it would have declared is of unknown type."""

    kind: str  # the keyword it starts with, "" where there is none
    name: Ident | None


Statement: TypeAlias = Step | Let | Require | Ensure | Fail | Return | Yield | Next | Broken


# Tasks that are not expressions


@node
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


@node
class While(Node):
    condition: Expr
    limit: Expr
    or_fail: bool
    every: Expr | None
    state: Ident
    annotation: TypeExpr | None
    initial: Expr
    body: Block


@node
class Choose(Node):
    arms: tuple[ChooseArm, ...]
    otherwise: Task | None


@node
class ChooseArm(Node):
    condition: Expr
    task: Task


@node
class Do(Node):
    body: Block


@node
class Race(Node):
    """`race` (count None) or `first COUNT of`; `branches` are tasks, or one `for each`."""

    count: Expr | None
    branches: tuple[Task, ...] | ForEach


@node
class WaitFor(Node):
    event: QualifiedName
    where: Lambda | None


@node
class Sleep(Node):
    duration: Expr


@node
class SleepUntil(Node):
    instant: Expr


@node
class FailWith(Node):
    """`fail E(…)` where a task stands."""

    error: Expr


# Expressions


@node
class IntLiteral(Node):
    value: int
    text: str


@node
class FloatLiteral(Node):
    value: float
    text: str


@node
class BoolLiteral(Node):
    value: bool


@node
class NullLiteral(Node):
    pass


@node
class StringLiteral(Node):
    """A string without holes. `value` is what it means, `text` the token as written."""

    value: str
    text: str


@node
class Interpolation(Node):
    """A string with holes: constant pieces and expressions, in order."""

    parts: tuple[str | Expr, ...]
    text: str


@node
class DurationLiteral(Node):
    microseconds: int
    text: str


@node
class ListLiteral(Node):
    items: tuple[Expr, ...]


@node
class RecordLiteral(Node):
    """`{ a: 1, b, ...rest }`; with a quoted key in it, a map."""

    entries: tuple[Entry | KeyEntry | Spread, ...]


@node
class Entry(Node):
    """`a: 1`; for the short form `b` the value is the name `b` and `short` is true."""

    name: Ident
    value: Expr
    short: bool


@node
class KeyEntry(Node):
    key: StringLiteral | Interpolation
    value: Expr


@node
class Spread(Node):
    value: Expr


@node
class Name(Node):
    name: str


@node
class Member(Node):
    """`a.b`, or `a?.b` with `safe`."""

    target: Expr
    name: Ident
    safe: bool


@node
class Index(Node):
    target: Expr
    index: Expr


@node
class Call(Node):
    """Of an agent, flow, constructor or error by `Name` or `Member`, or of a method by `Member`."""

    callee: Expr
    arguments: tuple[Argument, ...]


@node
class Argument(Node):
    name: Ident | None
    value: Expr | Lambda


@node
class Lambda(Node):
    params: tuple[Ident, ...]
    body: Expr


@node
class Unary(Node):
    operator: Literal["-", "not"]
    operand: Expr


@node
class Binary(Node):
    operator: Literal[
        "+", "-", "*", "/", "%", "..", "??", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or"
    ]
    left: Expr
    right: Expr


@node
class Is(Node):
    """`v is Published` or (case None) `v is null`."""

    value: Expr
    case: QualifiedName | None


@node
class Cast(Node):
    value: Expr
    type: TypeExpr


@node
class If(Node):
    """Its arms are tasks where it stands as a task, expressions elsewhere."""

    condition: Expr
    then: Task
    otherwise: Task


@node
class Match(Node):
    """Its arms are tasks where it stands as a task, expressions elsewhere."""

    subject: Expr
    arms: tuple[MatchArm, ...]


@node
class MatchArm(Node):
    pattern: Pattern
    task: Task


@node
class ConstructorPattern(Node):
    case: QualifiedName
    bindings: tuple[Binding, ...]


@node
class Binding(Node):
    """`trip: t` binds the field `trip` as `t`; short, both are the same."""

    field: Ident
    name: Ident


@node
class LiteralPattern(Node):
    value: StringLiteral | IntLiteral | BoolLiteral | NullLiteral


@node
class ElsePattern(Node):
    pass


Pattern: TypeAlias = ConstructorPattern | LiteralPattern | ElsePattern


@node
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


@node
class Given(Node):
    """`given a.b after 3d -> v when c`, or `… fails E …`."""

    agent: QualifiedName
    after: Expr | None
    answer: Expr | None
    fails: Expr | None
    when: Expr | None


@node
class Send(Node):
    event: Expr
    after: Expr | None


@node
class Run(Node):
    name: Ident
    fails: QualifiedName | None
    call: Expr


@node
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
    """A declaration where it stands. `key` names it within its module, also when names are doubled or absent."""

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
