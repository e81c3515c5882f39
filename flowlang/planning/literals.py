"""Constants of a document -> literals of the language, and strings -> the tokens that mean them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from flowlang.planning.document import Mapping, Scalar
from flowlang.planning.names import NAME
from flowlang.planning.trees import Maker
from flowlang.syntax import ast
from flowlang.syntax.mistakes.characters import REFUSED
from flowlang.syntax.printer import print_expression
from flowlang.text.source import Span

ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
ESCAPED = re.compile(rf'[\\"\n\t\r]|\$(?=\{{)|{REFUSED.pattern}')


def quoted(value: str) -> str:
    """The token of a string."""
    return f'"{escaped(value)}"'


def escaped(value: str) -> str:
    """What stands between the quotes of a string."""

    def escape(found: re.Match[str]) -> str:
        character = found[0]
        if character == "$":
            return "\\$"
        return ESCAPES.get(character) or f"\\u{{{ord(character):X}}}"

    return ESCAPED.sub(escape, value)


def interpolation_text(parts: Iterable[str | ast.Expr]) -> str:
    """The token of a string with holes. Nobody reads that of one with a mistake in it."""
    written = (escaped(part) if isinstance(part, str) else f"${{{_printed(part)}}}" for part in parts)
    return f'"{"".join(written)}"'


def _printed(part: ast.Expr) -> str:
    is_broken = any(isinstance(node, ast.BrokenExpr | ast.BrokenType) for node in ast.walk(part))
    return "…" if is_broken else print_expression(part)


def text_literal(make: Maker, span: Span, value: str) -> ast.StringLiteral:
    return make(ast.StringLiteral, span, value, quoted(value))


def literal(make: Maker, node: Scalar) -> ast.Expr:
    """A scalar as a literal; a negative number is a minus sign and a number."""
    match node.value:
        case None:
            return make(ast.NullLiteral, node.span)
        case bool(value):
            return make(ast.BoolLiteral, node.span, value)
        case str(value):
            return text_literal(make, node.span, value)
        case int(value):
            number: ast.Expr = make(ast.IntLiteral, node.span, abs(value), str(abs(value)))
        case float(value):
            number = make(ast.FloatLiteral, node.span, abs(value), float_text(abs(value)))
    is_negative = node.value < 0 or str(node.value).startswith("-")
    return make(ast.Unary, node.span, "-", number) if is_negative else number


def float_text(value: float) -> str:
    """The token of a float, which has a point or an exponent."""
    return repr(value).replace("e+", "e")


def object_literal(
    make: Maker, node: Mapping, values: Sequence[ast.Expr], *, as_map: bool
) -> ast.RecordLiteral:
    """An object with these values: a map where that is wanted or its keys are no names."""
    as_map = as_map or not all(NAME.fullmatch(entry.name) for entry in node.entries)
    entries: list[ast.Node] = []
    for entry, value in zip(node.entries, values, strict=True):
        span = entry.key.span
        if as_map:
            key = text_literal(make, span, entry.name)
            entries.append(make(ast.KeyEntry, span.to(value.span), key, value))
        else:
            entries.append(
                make(ast.Entry, span.to(value.span), make.ident(entry.key.inside, entry.name), value, False)
            )
    return make(ast.RecordLiteral, node.span, tuple(entries))
