"""Fixes that the checker does not write itself: what the help of a diagnostic asks for, as edits.

The checker's own fixes are small and sure. These need more than the place of the mistake: the statement
around it, the type that is wanted, the end of a clause. Each is one function of the diagnostic's code; what
it writes is a beginning where only the author can know the rest."""

from __future__ import annotations

import re
from collections.abc import Callable as Function
from collections.abc import Iterator

from flowlang.ide.refactor import bound_between
from flowlang.ide.snapshot import Edit, Snapshot, Spot, span_of
from flowlang.ide.wording import callee_name, parameters_of
from flowlang.ide.writing import Change, clause_edit, type_text, value_of
from flowlang.semantics import builtins
from flowlang.semantics.facts import Callable
from flowlang.semantics.mentions import mentions
from flowlang.semantics.mismatch import written
from flowlang.semantics.types import Record, Type, is_optional, present
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Span


def fixes_for(snapshot: Snapshot, diagnostic: Diagnostic) -> Iterator[Change]:
    """What may mend a mistake, besides the fix that it brings along."""
    writer = FIXES.get(diagnostic.code.number)
    spot = spot_of(snapshot, diagnostic.primary.span)
    if writer is not None and spot is not None:
        yield from writer(snapshot, spot, diagnostic)


def spot_of(snapshot: Snapshot, span: Span) -> Spot | None:
    """The nodes from the declaration to the outermost one that a diagnostic is about."""
    spot = snapshot.spot_at(span.start)
    if spot is None:
        return None
    for index, node in enumerate(spot.nodes):
        if span_of(spot.item, node) == span:
            return Spot(spot.item, spot.offset, spot.nodes[: index + 1])
    return spot


# What may be missing


def missing_value(snapshot: Snapshot, spot: Spot, diagnostic: Diagnostic) -> Iterator[Change]:
    """A default, a safe dot, or a guard."""
    expr, around = spot.node, spot.parent
    type = snapshot.type_of(spot.item, expr)
    if type is None or not is_optional(type) or span_of(spot.item, expr) != diagnostic.primary.span:
        return
    span, path = diagnostic.primary.span, snapshot.path
    if isinstance(around, ast.Member) and around.target is expr and not around.safe:
        yield Change("write `?.`", (Edit(path, Span(span.end, span.end), "?"),))
    if isinstance(expr, ast.Name | ast.Member | ast.Index | ast.Call):
        default = f"?? {value_of(present(type))}"
        text = f"{snapshot.text[span.start : span.end]} {default}"
        whole = f"({text})" if needs_parentheses(around, expr) else text
        yield Change(f"give a default with `{default}`", (Edit(path, span, whole),))
    yield from guard(snapshot, spot)


def guard(snapshot: Snapshot, spot: Spot) -> Iterator[Change]:
    """Skip the step where a value is missing; it must be known outside of the step."""
    name, step = written(spot.node), spot.nearest(ast.Step)
    if step is None or name is None or {"(", "["} & set(name):
        return
    inside = spot.nodes[spot.nodes.index(step) :]
    is_bound = bound_between(inside) & set(mentions(spot.node)) or any(
        isinstance(n, ast.Block) for n in inside
    )
    if not is_bound and not any(isinstance(clause, ast.When) for clause in step.clauses):
        edit = clause_edit(snapshot, spot.item, step, f"when {name} != null")
        yield Change(f"add `when {name} != null`", (edit,))


def needs_parentheses(around: ast.Node | None, expr: ast.Node) -> bool:
    """Whether `… ?? d` in place of an expression would be read another way."""
    match around:
        case ast.Binary() | ast.Unary() | ast.Is() | ast.Cast():
            return True
        case ast.Member(target=target) | ast.Index(target=target) | ast.Call(callee=target):
            return target is expr
    return False


def json_use(snapshot: Snapshot, spot: Spot, diagnostic: Diagnostic) -> Iterator[Change]:
    """Say what a value is that nobody has examined, as the help says it."""
    span = diagnostic.primary.span
    right = AS_WHAT.search(diagnostic.help or "")
    if right is None or span_of(spot.item, spot.node) != span or right[1] == "…":
        return
    edits = [Edit(snapshot.path, Span(span.end, span.end), f" as {right[2]}")]
    if needs_parentheses(spot.parent, spot.node):
        edits = [Edit(snapshot.path, span, f"({snapshot.text[span.start : span.end]} as {right[2]})")]
    yield Change(f"write `as {right[2]}`", tuple(edits))


AS_WHAT = re.compile(r"at run time: `(.+?) as (.+)`")

# Errors and clauses


def unhandled_error(snapshot: Snapshot, spot: Spot, diagnostic: Diagnostic) -> Iterator[Change]:
    """Catch an error, or say that it may leave."""
    flow = spot.nodes[0]
    name = diagnostic.message.split("`")[1]
    step = spot.nearest(ast.Step)
    if step is not None:
        type = snapshot.type_of(spot.item, step.task)
        edit = clause_edit(snapshot, spot.item, step, f"catch {name} -> {value_of(type)}")
        yield Change(f"catch `{name}`", (edit,))
    if isinstance(flow, ast.FlowDecl) and flow.signature.raises:
        end = span_of(spot.item, flow.signature.raises[-1]).end
        yield Change(f"add `{name}` to `raises`", (Edit(snapshot.path, Span(end, end), f", {name}"),))


def no_deadline(snapshot: Snapshot, spot: Spot, diagnostic: Diagnostic) -> Iterator[Change]:
    step = spot.nearest(ast.Step)
    if step is not None:
        yield Change("add a `timeout`", (clause_edit(snapshot, spot.item, step, "timeout 1d"),))


def key_required(snapshot: Snapshot, spot: Spot, diagnostic: Diagnostic) -> Iterator[Change]:
    """A key that is the same for every attempt of this run."""
    step = spot.nearest(ast.Step)
    if step is not None and isinstance(step.task, ast.Call):
        clause = f'key "${{run.id}}-{step.name.name}"'
        yield Change("add a `key`", (clause_edit(snapshot, spot.item, step, clause),))


def effect_undeclared(snapshot: Snapshot, spot: Spot, diagnostic: Diagnostic) -> Iterator[Change]:
    """Say what calls of an agent do, where this file declares it."""
    name = AGENT.search(diagnostic.help or "")
    found = snapshot.module.namespace.get(name[1]) if name else None
    item = snapshot.item(found.declared.anchor) if isinstance(found, Callable) else None
    if item is None or found is None or found.declared.module != snapshot.path:
        return
    end = span_of(item, item.declaration).end
    for effect in ("read", "idempotent", "write"):
        edit = Edit(snapshot.path, Span(end, end), f" effect {effect}")
        yield Change(f"declare `{found.declared.name}` as `effect {effect}`", (edit,))


AGENT = re.compile(r"`agent (\w+)\(")

# Names


def unused(snapshot: Snapshot, spot: Spot, diagnostic: Diagnostic) -> Iterator[Change]:
    """Drop an import, or say that a name is not meant to be used."""
    declaration = spot.nodes[0]
    if isinstance(declaration, ast.Import | ast.Use):
        yield Change("drop this line", (line_edit(snapshot, spot.item),))
    elif isinstance(spot.node, ast.Ident) and isinstance(spot.parent, ast.Step | ast.Let):
        at = diagnostic.primary.span.start
        title = f"call it `_{spot.node.name}`"
        yield Change(title, (Edit(snapshot.path, Span(at, at), "_"),))


def line_edit(snapshot: Snapshot, item: ast.Item) -> Edit:
    """Take a declaration away, with its line break."""
    end = item.offset + len(item.parsed.text)
    rest = snapshot.text[end:].partition("\n")[0]
    end += len(rest) + 1 if not rest.strip() else 0
    return Edit(snapshot.path, Span(item.offset, min(end, len(snapshot.text))), "")


def unknown_name(snapshot: Snapshot, spot: Spot, diagnostic: Diagnostic) -> Iterator[Change]:
    """Declare the agent that a call names."""
    call = spot.nearest(ast.Call)
    if call is None or not isinstance(call.callee, ast.Name) or spot.node is not call.callee:
        return
    if any(argument.name is None for argument in call.arguments):
        return
    name = call.callee.name
    params = ", ".join(
        f"{argument.name.name}: {type_text(snapshot.type_of(spot.item, argument.value))}"
        for argument in call.arguments
        if argument.name is not None
    )
    text = f"agent {name}({params}) -> {result_of(snapshot, spot)} effect read\n\n"
    at = spot.item.offset
    yield Change(f"declare the agent `{name}`", (Edit(snapshot.path, Span(at, at), text),))


def result_of(snapshot: Snapshot, spot: Spot) -> str:
    """The type that a missing agent should give: as it is written, or a string."""
    statement = spot.nearest(ast.Step, ast.Return)
    annotation = statement.annotation if isinstance(statement, ast.Step) else None
    if annotation is not None:
        span = span_of(spot.item, annotation)
        return snapshot.text[span.start : span.end]
    flow = spot.nodes[0]
    if (
        isinstance(statement, ast.Return)
        and isinstance(flow, ast.FlowDecl)
        and flow.signature.result is not None
    ):
        span = span_of(spot.item, flow.signature.result)
        return snapshot.text[span.start : span.end]
    return "string"


# Arguments and fields


def missing_argument(snapshot: Snapshot, spot: Spot, diagnostic: Diagnostic) -> Iterator[Change]:
    """The arguments that a call must be given."""
    call = spot.node
    if not isinstance(call, ast.Call):
        return
    found: object = snapshot.symbol_of(spot.item, call.callee)
    if found is None and callee_name(call.callee) in builtins.ERRORS:
        found = callee_name(call.callee)
    given = {argument.name.name for argument in call.arguments if argument.name is not None}
    left = [p for p in parameters_of(found) or () if p.required and p.name not in given]
    added = ", ".join(f"{p.name}: {value_of(p.type)}" for p in left)
    if added:
        last = span_of(spot.item, call.arguments[-1]).end if call.arguments else None
        yield Change(f"add `{added}`", (inside_edit(snapshot, span_of(spot.item, call), last, added),))


def missing_field(snapshot: Snapshot, spot: Spot, diagnostic: Diagnostic) -> Iterator[Change]:
    """The fields that a record must have."""
    literal = spot.node
    type = snapshot.type_of(spot.item, literal)
    inside = present(type) if type is not None else None
    if not isinstance(literal, ast.RecordLiteral) or not isinstance(inside, Record):
        return
    added = ", ".join(f"{name}: {value_of(wanted)}" for name, wanted in left_fields(literal, inside))
    if added:
        last = span_of(spot.item, literal.entries[-1]).end if literal.entries else None
        yield Change(f"add `{added}`", (inside_edit(snapshot, span_of(spot.item, literal), last, added),))


def left_fields(literal: ast.RecordLiteral, record: Record) -> list[tuple[str, Type]]:
    given = {entry.name.name for entry in literal.entries if isinstance(entry, ast.Entry)}
    return [(f.name, f.type) for f in record.fields if f.name not in given and not is_optional(f.type)]


def inside_edit(snapshot: Snapshot, whole: Span, last: int | None, added: str) -> Edit:
    """More of what stands between brackets, behind the last of it."""
    if last is not None:
        return Edit(snapshot.path, Span(last, last), f", {added}")
    at = whole.end - 1
    blank = " " if snapshot.text[at] == "}" else ""
    return Edit(snapshot.path, Span(at, at), f"{blank}{added}{blank}")


Writer = Function[[Snapshot, Spot, Diagnostic], Iterator[Change]]

FIXES: dict[str, Writer] = {
    codes.MAYBE_MISSING.number: missing_value,
    codes.UNHANDLED_ERROR.number: unhandled_error,
    codes.NO_DEADLINE.number: no_deadline,
    codes.JSON_USE.number: json_use,
    codes.EFFECT_UNDECLARED.number: effect_undeclared,
    codes.KEY_REQUIRED.number: key_required,
    codes.UNUSED.number: unused,
    codes.UNKNOWN_NAME.number: unknown_name,
    codes.MISSING_ARGUMENT.number: missing_argument,
    codes.MISSING_FIELD.number: missing_field,
}
