"""Values of a plan -> expressions: literals, with what stands in their `${…}`.

A string that is one hole is the value of its expression; in any other, holes put text into text. Where the
type that is wanted is known, a value is read as it: an object as a map, "30s" as a duration, anything as
`json`. So a plan needs no syntax of its own for what JSON cannot say.

What type an expression has, only the checker knows; where that matters, it has looked before: `Hints`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import attrs

from flowlang.planning.document import Mapping, Node, Scalar, Sequence
from flowlang.planning.expressions import Expressions, Scope
from flowlang.planning.literals import interpolation_text, literal, object_literal, text_literal
from flowlang.planning.names import NAME
from flowlang.planning.places import Placed, placed
from flowlang.semantics import types
from flowlang.semantics.facts import Constructor
from flowlang.semantics.types import Type
from flowlang.syntax import ast
from flowlang.syntax.literals import HOLE_BODY, duration
from flowlang.text import codes
from flowlang.text.source import Span

OPENING = re.compile(r"(\\*)\$\{")
DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+")


@attrs.frozen
class Hints:
    """What the checker has found out of expressions that are the whole of a string, by their spans: which are
    no strings where a string is wanted, and which are `json` already."""

    unlike: frozenset[Span] = frozenset()
    json: frozenset[Span] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.unlike or self.json)


@attrs.frozen(eq=False)
class Values:
    source: str
    expressions: Expressions
    hints: Hints = Hints()

    def value(self, node: Node, scope: Scope, wanted: Type | None = None) -> ast.Expr:
        """A value, read as what is wanted."""
        wanted = _inside(wanted)
        if wanted == types.JSON:
            return self.json(node, scope)
        match node:
            case Scalar(value=str()):
                return self.text(node, scope, wanted)
            case Scalar():
                return literal(self.expressions.make, node)
            case Sequence(items=items):
                inner = wanted.item if isinstance(wanted, types.ListOf) else None
                values = tuple(self.value(item, scope, inner) for item in items)
                return self.expressions.make(ast.ListLiteral, node.span, values)
            case Mapping():
                return self.object(node, scope, wanted)

    def expression(self, node: Node, scope: Scope) -> ast.Expr:
        """A condition or another expression; one in `${…}` is the same without."""
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return self.value(node, scope)
        text = placed(node, self.source)
        return self.expressions.parse(_sole_hole(text) or text, scope)

    def time(self, node: Node) -> ast.Expr:
        """A length of time: "30s", or a number of seconds."""
        make = self.expressions.make
        assert isinstance(node, Scalar)
        text = node.value if isinstance(node.value, str) else f"{node.value}s"
        microseconds = duration(text) if DURATION.fullmatch(text) else None
        if microseconds is None:
            message = f"`{text}` is no length of time"
            help = 'write it like "30s", "1h30m" or "250ms", or as a number of seconds'
            self.expressions.problems.report(codes.BAD_PLAN, node.span, message, help=help)
            return make(ast.BrokenExpr, node.span)
        return make(ast.DurationLiteral, node.span, microseconds, text)

    # Strings

    def text(self, node: Scalar, scope: Scope, wanted: Type | None) -> ast.Expr:
        text = placed(node, self.source)
        if hole := _sole_hole(text):
            found = self.expressions.parse(hole, scope)
            is_unlike = wanted == types.STRING and found.span in self.hints.unlike
            return self.as_text(found) if is_unlike else found
        if "${" in text.text:
            return self.template(node, text, scope)
        if wanted == types.DURATION and DURATION.fullmatch(text.text) and duration(text.text) is not None:
            return self.time(node)
        make = self.expressions.make
        if wanted == types.DATETIME:
            whole = make(ast.Cast, node.span, literal(make, node), self.type(node.span, "json"))
            return make(ast.Cast, node.span, whole, self.type(node.span, "datetime"))
        return literal(make, node)

    def as_text(self, expr: ast.Expr) -> ast.Expr:
        """A number, a bool or a time as the text that a string has of it."""
        return self.expressions.make(ast.Interpolation, expr.span, (expr,), interpolation_text([expr]))

    def template(self, node: Scalar, text: Placed, scope: Scope) -> ast.Expr:
        """Text with holes. What is constant in it is joined to one piece."""
        make = self.expressions.make
        if self.expressions.is_too_large(text):
            return make(ast.BrokenExpr, node.span)
        parts: list[str | ast.Expr] = []
        for piece in _pieces(text):
            if isinstance(piece, Placed):
                found = self.hole(piece, scope)
                parts.append(found.value if isinstance(found, ast.StringLiteral) else found)
            elif isinstance(piece, Span):
                where = text.span(piece.start, piece.end)
                help = "close it with `}`; `\\${` stands for the characters themselves"
                self.expressions.problems.report(codes.BAD_HOLE, where, "this hole has no end", help=help)
                return make(ast.BrokenExpr, node.span)
            else:
                parts.append(piece)
        joined = list(_joined(parts))
        if all(isinstance(part, str) for part in joined):
            return text_literal(make, node.span, "".join(map(str, joined)))
        return make(ast.Interpolation, node.span, tuple(joined), interpolation_text(joined))

    def hole(self, text: Placed, scope: Scope) -> ast.Expr:
        if text.text.strip():
            return self.expressions.parse(text, scope)
        help = "a value stands in it, such as `${results.a}`; `\\${` stands for the characters themselves"
        self.expressions.problems.report(codes.BAD_HOLE, text.whole, "this hole is empty", help=help)
        return self.expressions.make(ast.BrokenExpr, text.whole)

    # Objects, and what is wanted as json

    def object(self, node: Mapping, scope: Scope, wanted: Type | None) -> ast.Expr:
        make = self.expressions.make
        if isinstance(wanted, types.Union) and (made := self.case(node, scope, wanted)):
            return made
        values: list[ast.Expr] = []
        for entry in node.entries:
            inner = wanted.value if isinstance(wanted, types.MapOf) else None
            if isinstance(wanted, types.Record):
                inner = wanted.field(entry.name)
            values.append(self.value(entry.value, scope, inner))
        return object_literal(make, node, values, as_map=isinstance(wanted, types.MapOf))

    def case(self, node: Mapping, scope: Scope, wanted: types.Union) -> ast.Expr | None:
        """`{"case": "Found", "url": …}`, as JSON writes a case of a tagged union."""
        named = node.get("case")
        if not isinstance(named, Scalar) or not isinstance(named.value, str):
            return None
        library = self.expressions.agents.holder(named.value, Constructor)
        case = wanted.case(named.value)
        if library is None or case is None:
            return None
        make = self.expressions.make
        arguments = tuple(
            make(
                ast.Argument,
                entry.key.span.to(entry.value.span),
                make.ident(entry.key.inside, entry.name),
                self.value(entry.value, scope, case.field(entry.name)),
            )
            for entry in node.entries
            if entry.name != "case"
        )
        callee = make.member(named.span, make.name(named.span, library.alias), case.name)
        return make(ast.Call, node.span, callee, arguments)

    def json(self, node: Node, scope: Scope) -> ast.Expr:
        """A value as `json`."""
        text = placed(node, self.source) if isinstance(node, Scalar) and isinstance(node.value, str) else None
        if text is not None and (hole := _sole_hole(text)):
            found = self.expressions.parse(hole, scope)
            return found if found.span in self.hints.json else self.cast(found, found.span)
        return self.cast(self.part_of_json(node, scope), node.span)

    def cast(self, expr: ast.Expr, span: Span) -> ast.Expr:
        return self.expressions.make(ast.Cast, span, expr, self.type(span, "json"))

    def part_of_json(self, node: Node, scope: Scope) -> ast.Expr:
        """A value that becomes `json` with what it stands in. Items of a list, and values of a map, become
        so one by one, since they need not be alike."""
        make = self.expressions.make
        if isinstance(node, Scalar):
            return self.value(node, scope)
        if isinstance(node, Sequence):
            return make(ast.ListLiteral, node.span, tuple(self.json(item, scope) for item in node.items))
        is_record = all(NAME.fullmatch(entry.name) for entry in node.entries)
        part = self.part_of_json if is_record else self.json
        values = [part(entry.value, scope) for entry in node.entries]
        return object_literal(make, node, values, as_map=not is_record)

    def type(self, span: Span, name: str) -> ast.NamedType:
        make = self.expressions.make
        return make(ast.NamedType, span, make.qualified(span, None, name))


def template_text(pieces: Iterable[str | tuple[str]]) -> str:
    """The text of a string as a plan writes it: constant pieces, and the texts of holes in tuples."""
    written = ""
    for piece in pieces:
        if isinstance(piece, str):
            written += OPENING.sub(lambda found: found[1] * 2 + "\\${", piece)
            continue
        backslashes = len(written) - len(written.rstrip("\\"))
        written += "\\" * backslashes + f"${{{piece[0]}}}"
    return written


def has_one_hole(text: str) -> bool:
    """Whether a text is read as one hole."""
    length = len(text)
    return _sole_hole(Placed(text, Span(0, length), range(length), range(1, length + 1))) is not None


def _inside(wanted: Type | None) -> Type | None:
    while isinstance(wanted, types.Optional | types.Secret):
        wanted = wanted.inner
    return wanted


def _sole_hole(text: Placed) -> Placed | None:
    """The expression of a text that is one hole."""
    stripped = text.text.strip()
    if not (stripped.startswith("${") and stripped.endswith("}")):
        return None
    start = text.text.index("${") + 2
    body = HOLE_BODY.match(text.text, start)
    assert body is not None, "it matches the empty text"
    is_whole = text.text[body.end() :].strip() == "}" and text.text[start : body.end()].strip()
    return text.part(start, body.end()) if is_whole else None


def _pieces(text: Placed) -> Iterator[str | Placed | Span]:
    """Constant text, the texts of holes, and where a hole begins that does not end.

    A backslash before `${` takes its meaning away; before that, two stand for one."""
    start = 0
    while found := OPENING.search(text.text, start):
        yield text.text[start : found.start()] + "\\" * (len(found[1]) // 2)
        if len(found[1]) % 2:
            yield "${"
            start = found.end()
            continue
        body = HOLE_BODY.match(text.text, found.end())
        assert body is not None, "it matches the empty text"
        if not text.text.startswith("}", body.end()):
            yield Span(found.end() - 2, found.end())
            return
        yield text.part(found.end(), body.end())
        start = body.end() + 1
    yield text.text[start:]


def _joined(parts: list[str | ast.Expr]) -> Iterator[str | ast.Expr]:
    """The parts with neighbouring texts as one, and without empty ones."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        yield part
        text = ""
    if text:
        yield text
