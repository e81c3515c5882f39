"""What the makers of all nodes share: ids, problems, names and constant strings."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TypeAlias

import attrs

from flowlang.syntax import ast, literals
from flowlang.syntax.words import RESERVED
from flowlang.text import codes
from flowlang.text.diagnostics import Problems
from flowlang.text.source import Span

MAX_DEPTH = 128  # levels of one expression; brackets have a limit of their own

HoleParser: TypeAlias = Callable[["Nodes", int, int], ast.Expr]


@attrs.define(eq=False, repr=False)
class Nodes:
    """Makes the nodes of one declaration. Their ids grow in source order, children before parents."""

    problems: Problems
    parse_hole: HoleParser
    next_id: Callable[[], int] = attrs.field(factory=lambda: count().__next__)
    least_int: ast.IntLiteral | None = None  # 2**63 that waits for its minus sign
    is_too_deep: bool = False

    def ident(self, span: Span, name: str) -> ast.Ident:
        return ast.Ident(self.next_id(), span, name)

    def qualified_name(self, span: Span, first: ast.Ident, second: ast.Ident | None) -> ast.QualifiedName:
        return ast.QualifiedName(self.next_id(), span, first if second else None, second or first)

    def text(self, span: Span, token: str) -> ast.Text:
        pieces = self.pieces(span, token)
        if not all(isinstance(piece, str) for piece in pieces):
            self.problems.report(
                codes.SYNTAX,
                span,
                "this text must be constant",
                label="has a `${…}` hole",
                help="write it out; `\\${` stands for the characters themselves",
            )
        value = "".join(piece for piece in pieces if isinstance(piece, str))
        return ast.Text(self.next_id(), span, value, token)

    def doc(self, span: Span, *lines: str) -> str:
        return "\n".join(line.removeprefix("///").removeprefix(" ").rstrip() for line in lines)

    def named(self, ident: ast.Ident, what: str) -> ast.Ident:
        """The name of something, after a look at whether it may have that name."""
        if ident.name in RESERVED:
            self.problems.report(
                codes.RESERVED_NAME,
                ident.span,
                f"`{ident.name}` is a word of the language and cannot name {what}",
                help=f"choose another name, such as `{ident.name}_` or one that says what it holds",
            )
        return ident

    def pieces(self, span: Span, token: str) -> list[str | ast.Expr]:
        """The constant pieces and the parsed holes of a string, in order; its mistakes are reported."""
        if literals.is_plain(token):
            return [token[1:-1]]
        pieces: list[str | ast.Expr] = []
        for piece in literals.string_pieces(token):
            match piece:
                case str():
                    pieces.append(piece)
                case literals.Hole(start, end, closed):
                    pieces.append(self.hole(Span(start, end).shifted(span.start), closed))
                case literals.BadEscape(start, end):
                    self.bad_escape(Span(start, end).shifted(span.start), token[start:end])
        return pieces

    def hole(self, span: Span, closed: bool) -> ast.Expr:
        if closed:
            return self.parse_hole(self, span.start, span.end)
        opener = Span(span.start - 2, span.start)
        self.problems.report(
            codes.BAD_HOLE,
            opener,
            "this hole has no end",
            label="opened here",
            help="close it with `}` before the closing quote; `\\${` stands for the characters themselves",
        )
        return ast.BrokenExpr(self.next_id(), span)

    def bad_escape(self, span: Span, escape: str) -> None:
        self.problems.report(
            codes.BAD_ESCAPE,
            span,
            f"`{escape}` is not an escape",
            help="escapes are \\n \\t \\r \\\\ \\\" \\' \\$ and \\u{1F600}; a backslash itself is `\\\\`",
        )

    def too_deep(self, span: Span, action: str) -> ast.BrokenExpr | ast.BrokenType:
        """What stands in place of a node that is too deep. One report is enough."""
        if not self.is_too_deep:
            self.problems.report(
                codes.TOO_DEEP,
                span,
                f"this nests more than {MAX_DEPTH} levels deep",
                help="give a part of it a name with `let`",
            )
        self.is_too_deep = True
        broken = ast.BrokenType if action.endswith("_type") else ast.BrokenExpr
        return broken(self.next_id(), span)
