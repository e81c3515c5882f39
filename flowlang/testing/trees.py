"""Trees that parse, whatever they mean: over every form of the grammar, and hardly ever well typed.

A strategy for each part of the tree, as deep as its argument says. Names include words that are keywords
elsewhere, since few words of the language are reserved."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias, TypeVar

from hypothesis import strategies as st

from flowlang.syntax import ast
from flowlang.text.source import Span

T = TypeVar("T")
Strategy: TypeAlias = st.SearchStrategy

PLAIN_NAMES = ["a", "xs", "trips"]
VALUE_NAMES = [*PLAIN_NAMES, "until", "constant", "linear", "step", "when", "once", "per", "each", "test"]
WORDS = [*VALUE_NAMES, "if", "in", "match", "null", "order"]
OPERATORS = ["+", "-", "*", "/", "%", "..", "??", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or"]


def node(kind: Callable[..., T], *parts: Any) -> T:
    return kind(0, Span(0, 0), *parts)


def made(kind: Callable[..., T], *parts: Strategy[Any]) -> Strategy[T]:
    return st.builds(lambda *drawn: node(kind, *drawn), *parts)


def made_from(kind: Callable[..., T], *parts: tuple[Any, ...]) -> Strategy[T]:
    return st.sampled_from(parts).map(lambda chosen: node(kind, *chosen))


def maybe(part: Strategy[T]) -> Strategy[T | None]:
    return st.none() | part


def several(part: Strategy[T], least: int = 0, most: int = 3) -> Strategy[tuple[T, ...]]:
    return st.lists(part, min_size=least, max_size=most).map(tuple)


def ident(names: list[str] = PLAIN_NAMES) -> Strategy[ast.Ident]:
    return made(ast.Ident, st.sampled_from(names))


def qualified(*names: str) -> Strategy[ast.QualifiedName]:
    return made(ast.QualifiedName, maybe(ident()), ident(list(names)))


FLAGS, NEVER = st.booleans(), st.just(False)
DOCS = maybe(st.sampled_from(["One line.", "Two\nlines.", "", "  indented\n\nafter a gap"]))
ERRORS = qualified("NotFound", "Timeout")
TEXTS = made_from(ast.Text, ("a", '"a"'), ("b", "'b'"), ("c", '"""c"""'))

# Expressions

BLOCK = ("one\n  two", '"""\n      one\n        two\n    """')
STRINGS = made_from(ast.StringLiteral, ("plain", '"plain"'), ('say "x"', "'say \"x\"'"), BLOCK)
NAMES = made(ast.Name, st.sampled_from(VALUE_NAMES))
HOLES = NAMES.map(lambda name: node(ast.Interpolation, ("to ", name), f'"to ${{{name.name}}}"'))
CONSTANTS = (
    STRINGS
    | made_from(ast.IntLiteral, (1, "1"), (1000, "1_000"))
    | made_from(ast.BoolLiteral, (True,), (False,))
    | made(ast.NullLiteral)
)
ATOMS = (
    CONSTANTS
    | NAMES
    | HOLES
    | made_from(ast.FloatLiteral, (1.5, "1.50"), (1000.0, "1e3"))
    | made_from(ast.DurationLiteral, (90_000_000, "1m30s"))
)


@cache
def expressions(depth: int = 3) -> Strategy[ast.Expr]:
    if not depth:
        return ATOMS
    below = expressions(depth - 1)
    return st.one_of(
        made(ast.ListLiteral, several(below)),
        made(ast.RecordLiteral, several(entries(depth - 1))),
        made(ast.Member, below, ident(WORDS), FLAGS),
        made(ast.Index, below, below),
        calls(depth),
        made(ast.Unary, st.sampled_from(["-", "not"]), below),
        made(ast.Binary, st.sampled_from(OPERATORS), below, below),
        made(ast.Is, below, maybe(qualified("Published"))),
        made(ast.Cast, below, types(1)),
        made(ast.If, below, below, below),
        made(ast.Match, below, several(arms(below), 1)),
    )


def entries(depth: int) -> Strategy[ast.Entry | ast.KeyEntry | ast.Spread]:
    short = st.sampled_from(VALUE_NAMES).map(
        lambda name: node(ast.Entry, node(ast.Ident, name), node(ast.Name, name), True)
    )
    return st.one_of(
        short,
        made(ast.Entry, ident(WORDS), expressions(depth), st.just(False)),
        made(ast.KeyEntry, STRINGS | HOLES, expressions(depth)),
        made(ast.Spread, expressions(depth)),
    )


def calls(depth: int) -> Strategy[ast.Call]:
    below = expressions(depth - 1)
    named = made(ast.Argument, ident(WORDS), below)
    plain = made(ast.Argument, st.none(), below | lambdas(depth - 1))
    return made(ast.Call, NAMES | made(ast.Member, below, ident(WORDS), FLAGS), several(named | plain))


def lambdas(depth: int = 1) -> Strategy[ast.Lambda]:
    return made(ast.Lambda, several(ident(), 1, 2), expressions(depth))


def arms(tasks: Strategy[Any]) -> Strategy[ast.MatchArm]:
    bindings = several(made(ast.Binding, ident(), ident()))
    constructor = made(ast.ConstructorPattern, qualified("Published"), bindings)
    return made(
        ast.MatchArm, constructor | made(ast.LiteralPattern, CONSTANTS) | made(ast.ElsePattern), tasks
    )


# Types


@cache
def types(depth: int = 2) -> Strategy[ast.TypeExpr]:
    named = made(ast.NamedType, qualified("int", "Source", "type")) | made(ast.EnumType, several(TEXTS, 1))
    if not depth:
        return named
    below = types(depth - 1)
    return st.one_of(
        named,
        made(ast.GenericType, ident(["list", "map"]), several(below, 1)),
        made(ast.OptionalType, below),
        made(ast.RecordType, fields(depth - 1)),
    )


def fields(depth: int = 1) -> Strategy[tuple[ast.Field, ...]]:
    return several(made(ast.Field, ident(WORDS), types(depth), DOCS))


# Tasks, clauses, statements

VALUES = expressions(1)


@cache
def tasks(depth: int = 2) -> Strategy[ast.Task]:
    if not depth:
        return VALUES
    below, body = tasks(depth - 1), blocks(depth - 1)
    rounds = made_from(ast.IntLiteral, (2, "2"))
    return st.one_of(
        VALUES,
        loops(depth),
        made(ast.While, VALUES, VALUES, FLAGS, maybe(VALUES), ident(), maybe(types(1)), VALUES, body),
        made(ast.Choose, several(made(ast.ChooseArm, VALUES, below), 1), maybe(below)),
        made(ast.Do, blocks(depth - 1, FLAGS)),
        made(ast.Race, maybe(rounds), several(below, 1) | loops(depth)),
        made(ast.WaitFor, qualified("Paid"), maybe(lambdas())),
        made(ast.Sleep, VALUES),
        made(ast.SleepUntil, VALUES),
        made(ast.FailWith, VALUES),
        made(ast.If, VALUES, below, below),
        made(ast.Match, VALUES, several(arms(below), 1)),
    )


def loops(depth: int) -> Strategy[ast.ForEach]:
    head = ident(), maybe(ident()), VALUES, maybe(VALUES)
    tail = maybe(VALUES), blocks(depth - 1)
    in_order = made(ast.ForEach, *head, st.none(), st.just(True), *tail)
    return in_order | made(ast.ForEach, *head, maybe(VALUES), st.just(False), *tail)


@cache
def blocks(depth: int, in_order: Strategy[bool] = NEVER) -> Strategy[ast.Block]:
    return made(ast.Block, several(statements(depth)) if depth >= 0 else st.just(()), in_order)


def statements(depth: int) -> Strategy[ast.Statement]:
    return st.one_of(
        made(ast.Step, ident(), maybe(types(1)), tasks(depth), several(clauses(depth)), DOCS),
        made(ast.Let, ident(), maybe(types()), expressions()),
        made(ast.Require, VALUES, maybe(VALUES)),
        made(ast.Ensure, VALUES, maybe(VALUES)),
        made(ast.Fail, VALUES, maybe(VALUES)),
        made(ast.Return, tasks(depth), maybe(VALUES)),
        made(ast.Yield, tasks(depth)),
        made(ast.Next, tasks(depth)),
    )


def clauses(depth: int) -> Strategy[ast.Clause]:
    return st.one_of(
        made(ast.When, VALUES, maybe(VALUES)),
        made(ast.After, several(ident(), 1)),
        made(ast.Key, VALUES),
        TIMEOUTS,
        RETRIES,
        made(ast.Catch, several(ERRORS), maybe(ident()), tasks(depth)),
        made(ast.Undo, tasks(depth)),
        made(ast.Finally, blocks(depth - 1)),
    )


TIMEOUTS = made(ast.Timeout, VALUES, FLAGS)
SHAPES = st.sampled_from([None, "constant", "linear", "exponential"])
BACKOFFS = made(ast.Backoff, SHAPES, VALUES, maybe(VALUES))
RETRIES = made(ast.Retry, VALUES, several(ERRORS), maybe(BACKOFFS), maybe(VALUES), maybe(lambdas()))

# Declarations


def policies() -> Strategy[ast.Policy]:
    quotas = made(ast.AtOnce, VALUES) | made(ast.PerWindow, VALUES, VALUES)
    return st.one_of(
        TIMEOUTS,
        RETRIES,
        made(ast.Effect, ident(["read", "write"])),
        made(ast.Limit, several(quotas, 1)),
        made(ast.Breaker, VALUES, VALUES, VALUES),
        made(ast.Cache, VALUES),
    )


def signatures() -> Strategy[ast.Signature]:
    params = several(made(ast.Param, ident(), types(1), maybe(VALUES), DOCS))
    return made(ast.Signature, params, maybe(types(1)), maybe(several(ERRORS, 1)))


def test_statements() -> Strategy[ast.TestStatement]:
    agent = qualified(*PLAIN_NAMES), maybe(VALUES)
    return st.one_of(
        made(ast.Given, *agent, VALUES, st.none(), maybe(VALUES)),
        made(ast.Given, *agent, st.none(), VALUES, maybe(VALUES)),
        made(ast.Send, VALUES, maybe(VALUES)),
        made(ast.Run, ident(), maybe(ERRORS), VALUES),
        made(ast.Expect, VALUES),
    )


def declarations() -> Strategy[ast.Declaration]:
    variants = made(ast.Variants, several(made(ast.Variant, ident(), fields(), DOCS), 1))
    flow = made(ast.FlowDecl, ident(), signatures(), several(TIMEOUTS), blocks(2, FLAGS), DOCS)
    return st.one_of(
        flow,
        made(ast.Import, TEXTS, ident(), DOCS),
        made(ast.Use, ident(["python"]), ident(), TEXTS, DOCS),
        made(ast.TypeDecl, ident(), types() | variants, DOCS),
        made(ast.ErrorDecl, ident(), fields(), DOCS),
        made(ast.EventDecl, ident(), fields(), DOCS),
        made(ast.AgentDecl, ident(), FLAGS, signatures(), several(policies()), DOCS),
        made(ast.TestDecl, TEXTS, several(test_statements()), DOCS),
    )
