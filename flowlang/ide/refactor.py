"""Changes of a flow that keep what it does: extract, wrap, convert, and clauses to begin with.

Each is worked out by form alone; whoever offers one checks the file with it first. So a part of a condition
that only makes sense where it stands, say, is not offered to be taken out of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from flowlang.ide.snapshot import Edit, Snapshot, Spot, span_of
from flowlang.ide.wording import written_in
from flowlang.ide.writing import (
    Change,
    clause_edit,
    free_name,
    indent_of,
    indented,
    statement_edit,
    value_names,
    value_of,
)
from flowlang.semantics.facts import Callable, Constructor
from flowlang.semantics.mentions import mentions
from flowlang.semantics.reach import in_order
from flowlang.semantics.types import BOOL
from flowlang.syntax import ast
from flowlang.syntax.words import RESERVED
from flowlang.text.source import Span


def refactorings(snapshot: Snapshot, selection: Span) -> Iterator[Change]:
    """The changes that a selection may be meant for."""
    selected = trimmed(snapshot, selection)
    spot = selected_spot(snapshot, selected)
    if spot is None:
        return
    if selected.start < selected.end and span_of(spot.item, spot.node) == selected:
        yield from extracted(snapshot, spot)
    statement = next((n for n in reversed(spot.nodes) if isinstance(n, ast.Step | ast.Let)), None)
    if statement is None or not on_line(snapshot, spot.item, statement.name, selection):
        return
    if isinstance(statement, ast.Let):
        yield from as_step(snapshot, spot.item, statement)
        return
    yield from as_let(snapshot, spot.item, statement)
    yield from wrapped(snapshot, spot.item, statement)
    yield from with_catches(snapshot, spot.item, statement)
    yield from with_guard(snapshot, spot.item, statement)


def on_line(snapshot: Snapshot, item: ast.Item, name: ast.Ident, selection: Span) -> bool:
    """Whether a selection begins in the line of a statement's name."""
    at = span_of(item, name).start
    return "\n" not in snapshot.text[min(at, selection.start) : max(at, selection.start)]


def trimmed(snapshot: Snapshot, selection: Span) -> Span:
    """A selection without the blanks at its ends."""
    text = snapshot.text[selection.start : selection.end]
    start = selection.start + len(text) - len(text.lstrip())
    return Span(start, max(start, selection.end - (len(text) - len(text.rstrip()))))


def selected_spot(snapshot: Snapshot, selected: Span) -> Spot | None:
    """The nodes around a selection."""
    spot = snapshot.spot_at(selected.start)
    if spot is None or selected.start == selected.end:
        return spot
    around = [node for node in spot.nodes if _covers(span_of(spot.item, node), *selected)]
    return Spot(spot.item, selected.start, tuple(around)) if around else None


def _covers(span: Span, start: int, end: int) -> bool:
    return span.start <= start and end <= span.end


# Extract


def extracted(snapshot: Snapshot, spot: Spot) -> Iterator[Change]:
    """A selected expression as a `let`, or a selected call of an agent as a step, before its statement.

    There it is always evaluated. So nothing is taken out of where it may not be, if it could fail or act."""
    expr = spot.node
    index = max((i for i, node in enumerate(spot.nodes) if isinstance(node, ast.Block)), default=None)
    if not isinstance(expr, EXTRACTED) or index is None or index + 1 >= len(spot.nodes):
        return
    statement, inside = spot.nodes[index + 1], spot.nodes[index + 1 :]
    if statement is expr or bound_between(inside) & set(mentions(expr)):
        return
    if isinstance(spot.parent, ast.KeyEntry | ast.LiteralPattern) or (
        is_sheltered(inside) and may_fail(expr)
    ):
        return
    word = "step" if is_call(snapshot, spot.item, expr) else "let"
    span = span_of(spot.item, expr)
    name = free_name(likely_name(expr), value_names(snapshot, spot.item))
    text = snapshot.text[span.start : span.end]
    made = statement_edit(snapshot, spot.item, statement, f"{word} {name} = {text}")
    yield Change(f"extract to `{word} {name}`", (made, Edit(snapshot.path, span, name)), "refactor.extract")


EXTRACTED = (
    ast.IntLiteral, ast.FloatLiteral, ast.BoolLiteral, ast.StringLiteral, ast.Interpolation,
    ast.DurationLiteral, ast.ListLiteral, ast.RecordLiteral, ast.Member, ast.Index, ast.Call, ast.Unary,
    ast.Binary, ast.Is, ast.Cast, ast.If, ast.Match,
)  # fmt: skip


def is_sheltered(nodes: tuple[ast.Node, ...]) -> bool:
    """Whether what stands at the end of these nodes may not be evaluated, or may fail without harm."""
    return any(shelters(node, inner) for node, inner in pairwise(nodes))


def shelters(node: ast.Node, inner: ast.Node) -> bool:
    match node:
        case ast.If(condition=always) | ast.Match(subject=always) | ast.ForEach(source=always):
            return inner is not always
        case ast.Binary(operator="and" | "or" | "??", left=always):
            return inner is not always
        case ast.Return(when=ast.Node() as always) | ast.Fail(when=ast.Node() as always):
            return inner is not always
        case ast.Require(condition=always):
            return inner is not always
        case ast.Step(clauses=clauses):
            return not all(isinstance(clause, ast.After) for clause in clauses)
    return isinstance(node, ast.Choose | ast.Race | ast.Lambda | ast.While | ast.Ensure)


def may_fail(expr: ast.Node) -> bool:
    """Whether an expression may have no value, or does something."""
    return any(isinstance(node, ast.Call | ast.Binary | ast.Unary | ast.Cast) for node in ast.walk(expr))


def is_call(snapshot: Snapshot, item: ast.Item, expr: ast.Node) -> bool:
    """Whether an expression is a call of an agent or a flow."""
    return isinstance(expr, ast.Call) and isinstance(snapshot.symbol_of(item, expr.callee), Callable)


def bound_between(nodes: tuple[ast.Node, ...]) -> set[str]:
    """The names that nodes on the way to an expression bind; outside of them they mean something else."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.Lambda(params=params):
                found.update(param.name for param in params)
            case ast.ForEach(first=first, second=second):
                found.update(name.name for name in (first, second) if name is not None)
            case ast.While(state=state):
                found.add(state.name)
            case ast.Step(name=name):
                found.update((name.name, "attempt"))
            case ast.Catch(binding=ast.Ident(name=name)):
                found.add(name)
            case ast.MatchArm(pattern=ast.ConstructorPattern(bindings=bindings)):
                found.update(binding.name.name for binding in bindings)
            case ast.Ensure():
                found.add("result")
    return found


def likely_name(expr: ast.Node) -> str:
    """What an expression would be called: after its field, its function or what it compares."""
    match expr:
        case ast.Member(name=ast.Ident(name=name)) | ast.Call(callee=ast.Member(name=ast.Ident(name=name))):
            return f"{name}_" if name in RESERVED else name
        case ast.Call(callee=ast.Name(name=name)):
            return name.lower()
        case ast.StringLiteral() | ast.Interpolation():
            return "text"
        case ast.ListLiteral():
            return "items"
    return "value"


# Convert and wrap


def as_step(snapshot: Snapshot, item: ast.Item, let: ast.Let) -> Iterator[Change]:
    """A step may have clauses."""
    start = span_of(item, let).start
    edit = Edit(snapshot.path, Span(start, start + len("let")), "step")
    yield Change("make it a `step`", (edit,), "refactor.rewrite")


def as_let(snapshot: Snapshot, item: ast.Item, step: ast.Step) -> Iterator[Change]:
    """A step that does nothing but compute needs to be none."""
    span = span_of(item, step)
    if computes(snapshot, item, step.task) and not step.clauses and step.doc is None:
        edit = Edit(snapshot.path, Span(span.start, span.start + len("step")), "let")
        yield Change("make it a `let`", (edit,), "refactor.rewrite")


def computes(snapshot: Snapshot, item: ast.Item, task: ast.Task) -> bool:
    """Whether a task calls nobody; what is called by a plain name that nobody knows may be an agent."""
    if not isinstance(task, ast.Call) or isinstance(task.callee, ast.Member):
        return True
    return isinstance(snapshot.symbol_of(item, task.callee), Constructor)


def wrapped(snapshot: Snapshot, item: ast.Item, step: ast.Step) -> Iterator[Change]:
    """The task in a block of its own, where it can be more than one step; the clauses cover all of it.

    Those that mean something else for a call than for a block stand against it."""
    if isinstance(step.task, ast.Do) or any(is_of_call(clause) for clause in step.clauses):
        return
    span = span_of(item, step.task)
    indent = indent_of(snapshot.text, span_of(item, step.name).start)
    task = indented(snapshot.text[span.start : span.end], "  ")
    text = f"do {{\n{indent}  yield {task}\n{indent}}}"
    yield Change("wrap it in `do`", (Edit(snapshot.path, span, text),), "refactor.rewrite")


def is_of_call(clause: ast.Clause) -> bool:
    """Whether a clause is of a call: a retry, say, replaces that of the agent."""
    each = isinstance(clause, ast.Timeout) and clause.per_attempt
    return each or isinstance(clause, ast.Key | ast.Retry | ast.Undo)


# Clauses


def with_catches(snapshot: Snapshot, item: ast.Item, step: ast.Step) -> Iterator[Change]:
    """A `catch` for each error that may leave a step, and one for any failure."""
    facts = snapshot.facts(item).statements.get(step.id)
    if facts is None or any(isinstance(c, ast.Catch) and not c.errors for c in step.clauses):
        return
    written = written_in(snapshot.path, snapshot.module.namespace.items())
    value = value_of(facts.task)
    for name in (*map(written, in_order(facts.errors)), ""):
        if name or any(isinstance(node, ast.Call) for node in ast.walk(step.task)):
            clause = f"catch {name} -> {value}" if name else f"catch -> {value}"
            edit = clause_edit(snapshot, item, step, clause)
            yield Change(f"add `{clause}`", (edit,), "refactor.rewrite")


def with_guard(snapshot: Snapshot, item: ast.Item, step: ast.Step) -> Iterator[Change]:
    """A guard by a condition that the flow has, or one to begin with."""
    if any(isinstance(clause, ast.When) for clause in step.clauses):
        return
    signature = getattr(item.declaration, "signature", None)
    params = signature.params if isinstance(signature, ast.Signature) else ()
    known = (p.name.name for p in params if snapshot.type_of(item, p.name) == BOOL)
    clause = f"when {next(known, 'true')}"
    yield Change(f"add `{clause}`", (clause_edit(snapshot, item, step, clause),), "refactor.rewrite")
