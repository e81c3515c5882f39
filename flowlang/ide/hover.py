"""What is known of the word at a cursor: its type or signature, its documentation, what may come of it.

A hover is a line of the language and Markdown below it. Names are explained by what the checker found them to
be; words of the language by one line of the reference; and in a statement that does not parse, names by what
they would be if it did (`half.py`). What a diagnostic says is the editor's to show beside it; `code_at` gives
the code to explain."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from flowlang.ide import keywords
from flowlang.ide.half import checked_half, half_at, symbol_in_half, word_around
from flowlang.ide.meaning import Mention, Part, declared, mentions_at
from flowlang.ide.snapshot import Snapshot, Spot
from flowlang.ide.wording import headline, local_line, shown_parameter, written_in
from flowlang.semantics import builtins, functions
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    EventName,
    Interface,
    Local,
    Namespace,
    Parameter,
    Poisoned,
    StepFacts,
    Symbol,
    TypeName,
)
from flowlang.semantics.reach import in_order
from flowlang.semantics.types import Enum, Record, RecordField, Type, is_optional, present, show
from flowlang.syntax import ast
from flowlang.syntax.printer import print_expression
from flowlang.text.codes import Code
from flowlang.text.source import Span


@attrs.frozen
class Hover:
    """`code` is a line (or a few) of the language, `text` Markdown, either may be empty; `span` is the
    word."""

    span: Span
    code: str = ""
    text: str = ""


def hover(snapshot: Snapshot, offset: int) -> Hover | None:
    """What is known of what stands at an offset; None where there is nothing to say."""
    spot = snapshot.spot_at(offset)
    span = word_around(snapshot.text, offset) if spot else Span(0, 0)
    if spot is None or span.start == span.end or in_comment(snapshot, spot, offset):
        return None
    if isinstance(spot.node, ast.Broken | ast.BrokenDecl | ast.BrokenExpr):
        return of_half(snapshot, span)
    word = snapshot.text[span.start : span.end]
    return of_name(snapshot, spot, span) or of_literal(snapshot, spot) or of_word(word, span, spot)


def code_at(snapshot: Snapshot, offset: int) -> Code | None:
    """The code of the diagnostic at an offset, the narrowest one."""
    found = [d for d in snapshot.diagnostics if d.primary.span.start <= offset <= d.primary.span.end]
    narrow = min(found, key=lambda d: d.primary.span.end - d.primary.span.start, default=None)
    return None if narrow is None else narrow.code


def in_comment(snapshot: Snapshot, spot: Spot, offset: int) -> bool:
    at = offset - spot.item.offset
    return any(comment.span.start <= at <= comment.span.end for comment in spot.item.parsed.comments)


# Names


def of_name(snapshot: Snapshot, spot: Spot, span: Span) -> Hover | None:
    """A name by what it refers to; a field or a parameter by where it is declared."""
    names = Names(snapshot, spot, span)
    match spot.node, spot.parent:
        case ast.Ident() as name, ast.Member() as member if name is member.name:
            return names.member(member)
        case ast.Ident() as name, ast.Argument() as argument if name is argument.name:
            return names.argument(name)
        case ast.Ident(), ast.Effect(name=ast.Ident(name=effect)):
            return Hover(span, f"effect {effect}", keywords.EFFECTS.get(effect, ""))
        case (ast.Ident() as name, (ast.QualifiedName() as qualified)) if name is qualified.name:
            return names.qualified(qualified)
        case ast.Name() | ast.Ident() as node, _:
            return names.symbol(node) or names.declared(node) or names.part()
    return None


@attrs.frozen(eq=False, repr=False)
class Names:
    snapshot: Snapshot
    spot: Spot
    span: Span

    def symbol(self, node: ast.Node) -> Hover | None:
        found = self.snapshot.symbol_of(self.spot.item, node)
        if found is None:
            return None
        type = self.snapshot.type_of(self.spot.item, node)
        return self.shown(found, type)

    def shown(self, found: Symbol, type: Type | None) -> Hover:
        if isinstance(found, Local):
            return self.local(found, type)
        return self.interface(found)

    def declared(self, node: ast.Node) -> Hover | None:
        """The name of the declaration itself."""
        if node is not self.spot.item.declaration.name:
            return None
        found = self.snapshot.facts(self.spot.item).interface
        return None if found is None else self.interface(found)

    def interface(self, found: Interface) -> Hover:
        found = self.snapshot.current(found)
        written = written_in(self.snapshot.path, self.snapshot.module.namespace.items())
        parts = [found.declared.doc or "", *_of_callable(found)]
        if isinstance(found, Namespace):
            parts.append(_of_module(found))
        if isinstance(found, Poisoned):
            parts.append("Its declaration has a mistake, so its meaning is not known.")
        return Hover(self.span, headline(found, written), _joined(parts))

    def local(self, found: Local, type: Type | None) -> Hover:
        text = keywords.AMBIENT.get(found.name, "") if found.kind == "ambient" else ""
        statement = self.statement_of(found)
        if statement is not None:
            facts = self.snapshot.facts(self.spot.item).statements.get(statement.id)
            text = _joined([getattr(statement, "doc", None) or "", *self.of_statement(statement, facts)])
        elif found.kind == "param":
            text = self.param_doc(found)
        return Hover(self.span, local_line(found, type), text)

    def statement_of(self, found: Local) -> ast.Step | ast.Let | None:
        if found.kind not in ("step", "let"):
            return None
        nodes = ast.walk(self.spot.item.declaration)
        steps = (n for n in nodes if isinstance(n, ast.Step | ast.Let))
        return next((step for step in steps if step.name.id == found.node), None)

    def param_doc(self, found: Local) -> str:
        signature = getattr(self.spot.item.declaration, "signature", None)
        params = signature.params if isinstance(signature, ast.Signature) else ()
        return next((p.doc or "" for p in params if p.name.id == found.node), "")

    def of_statement(self, statement: ast.Step | ast.Let, facts: StepFacts | None) -> list[str]:
        """What may come of a step: why it may be missing, how it may fail, what it does."""
        if facts is None or isinstance(statement, ast.Let):
            return []
        lines = why_missing(statement, facts)
        if facts.errors:
            written = written_in(self.snapshot.path, self.snapshot.module.namespace.items())
            lines.append("May fail with " + _listed(map(written, in_order(facts.errors))) + ".")
        if facts.effect not in ("pure", None):
            lines.append(f"Effect: `{facts.effect}`.")
        return lines

    def member(self, member: ast.Member) -> Hover | None:
        found = self.snapshot.symbol_of(self.spot.item, member)
        if found is not None:
            return self.shown(found, None)
        target = self.snapshot.type_of(self.spot.item, member.target)
        if target is None:
            return None
        return self.function(member, target) or self.part() or self.field(member, target)

    def function(self, member: ast.Member, target: Type) -> Hover | None:
        call = next((n for n in self.spot.nodes if isinstance(n, ast.Call) and n.callee is member), None)
        signature = functions.signature(present(target), member.name.name) if call else None
        return Hover(self.span, signature.show(), signature.doc) if signature else None

    def field(self, member: ast.Member, target: Type) -> Hover | None:
        type = self.snapshot.type_of(self.spot.item, member)
        return None if type is None else Hover(self.span, f"(field) {member.name.name}: {show(type)}")

    def argument(self, name: ast.Ident) -> Hover | None:
        """The parameter that an argument is for."""
        call = self.spot.nearest(ast.Call)
        found = self.snapshot.symbol_of(self.spot.item, call.callee) if call else None
        found = self.snapshot.current(found) if isinstance(found, Callable) else found
        if isinstance(found, Callable):
            parameter = found.parameter(name.name)
            return None if parameter is None else self.parameter(parameter)
        return self.part()

    def parameter(self, found: Parameter) -> Hover:
        return Hover(self.span, f"(parameter) {shown_parameter(found)}", found.doc or "")

    def qualified(self, name: ast.QualifiedName) -> Hover | None:
        found = self.snapshot.symbol_of(self.spot.item, name)
        if found is not None:
            return self.shown(found, None)
        word = name.name.name
        return of_type(word, self.span) or of_error(word, self.span)

    def part(self) -> Hover | None:
        """A field or a parameter by its declaration."""
        for mention in mentions_at(self.snapshot, self.span.start):
            if isinstance(mention.meaning, Part):
                found = self.declared_part(mention)
                if found is not None:
                    return found
        return None

    def declared_part(self, mention: Mention) -> Hover | None:
        assert isinstance(mention.meaning, Part)
        at = declared(self.snapshot, mention.meaning)
        module = self.snapshot.checked.modules[mention.meaning.owner.module] if at else None
        owner = module.namespace.get(mention.meaning.owner.name) if module else None
        if isinstance(owner, Callable):
            parameter = owner.parameter(mention.meaning.name)
            return None if parameter is None else self.parameter(parameter)
        for field in _fields(owner):
            if field.name == mention.meaning.name:
                owned = f"{mention.meaning.owner.name}.{field.name}"
                return Hover(self.span, f"(field) {owned}: {show(field.type)}", field.doc or "")
        return None


def why_missing(step: ast.Step, facts: StepFacts) -> list[str]:
    """Why the value of a step may be missing, in words."""
    if not is_optional(facts.value):
        return []
    lines = []
    for clause in step.clauses:
        match clause:
            case ast.When(condition=condition, otherwise=None):
                lines.append(f"May be skipped: `when {print_expression(condition)}`.")
            case ast.Catch(errors=errors, handler=ast.NullLiteral()):
                named = _listed(error.text for error in errors) if errors else "any failure"
                lines.append(f"Null after {named}.")
    return lines


def _fields(owner: Interface | None) -> tuple[RecordField, ...]:
    match owner:
        case Constructor(fields=fields) | ErrorName(fields=fields) | EventName(fields=fields):
            return fields
        case TypeName(type=Record(fields=fields)):
            return fields
    return ()


def _of_callable(found: Interface) -> list[str]:
    if not isinstance(found, Callable):
        return []
    lines = [f"- `{p.name}`: {p.doc}" for p in found.parameters if p.doc]
    parts = ["\n".join(lines)] if lines else []
    if found.waits and found.kind == "flow":
        parts.append("It may wait for an answer, an event or a time.")
    if found.provider is not None:
        parts.append(f'From `use {found.provider[0]} … = "{found.provider[1]}"`.')
    if found.effect is None:
        parts.append("It declares no effect.")
    return parts


def _of_module(found: Namespace) -> str:
    names = [name for name, each in found.members.items() if not isinstance(each, Namespace)]
    return _listed(names[:20]) + (", …" if len(names) > 20 else "")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part)


# Words and literals


def of_literal(snapshot: Snapshot, spot: Spot) -> Hover | None:
    """A literal of an enum by the enum that it is one of."""
    if not isinstance(spot.node, ast.StringLiteral | ast.Interpolation):
        return None
    type = snapshot.facts(spot.item).coercions.get(spot.node.id) or snapshot.type_of(spot.item, spot.node)
    if type is None or (isinstance(type, Enum) and len(type.values) == 1):
        return None
    return Hover(spot.span, show(type))


def of_word(word: str, span: Span, spot: Spot) -> Hover | None:
    """A word of the language, where it stands as one."""
    if isinstance(spot.node, ast.StringLiteral | ast.Text | ast.Interpolation):
        return None
    known = keywords.KEYWORDS.get(word)
    return Hover(span, word, known.doc) if known else of_type(word, span)


def of_type(word: str, span: Span) -> Hover | None:
    doc = keywords.TYPES.get(word)
    return Hover(span, word, doc) if doc else None


def of_error(word: str, span: Span) -> Hover | None:
    doc = keywords.ERRORS.get(word)
    if doc is None:
        return None
    fields = ", ".join(f"{field.name}: {show(field.type)}" for field in builtins.ERRORS[word])
    return Hover(span, f"error {word}({fields})" if fields else f"error {word}", f"{doc} Built in.")


# What does not parse


def of_half(snapshot: Snapshot, span: Span) -> Hover | None:
    """A name in a broken statement by what it would be there; else a word by its line."""
    word = snapshot.text[span.start : span.end]
    half = half_at(snapshot, span.end)
    if half.prefix.in_comment or half.in_string:
        return None
    if word in (*half.prefix.words, *half.prefix.beginnings) and word in keywords.KEYWORDS:
        return Hover(span, word, keywords.KEYWORDS[word].doc)
    found = symbol_in_half(snapshot, checked_half(snapshot, half), word)
    if found is None:
        return of_type(word, span) or of_error(word, span)
    symbol, type = found
    if isinstance(symbol, Local):
        return Hover(span, local_line(symbol, type))
    written = written_in(snapshot.path, snapshot.module.namespace.items())
    return Hover(span, headline(symbol, written), symbol.declared.doc or "")
