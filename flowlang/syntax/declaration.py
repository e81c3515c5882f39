"""The text of one declaration -> `Parsed`: its tree, its comments and what was found in it."""

from __future__ import annotations

from flowlang.syntax import ast
from flowlang.syntax.automaton import Automaton, machine
from flowlang.syntax.build import Builder
from flowlang.syntax.lexer import Lexer
from flowlang.syntax.scanner import comment
from flowlang.text import codes
from flowlang.text.diagnostics import Problems
from flowlang.text.source import Span


def parse_declaration(text: str) -> ast.Parsed:
    problems = Problems()
    lexer = Lexer(text, machine().tables)

    def parse_hole(builder: Builder, start: int, end: int) -> ast.Expr:
        automaton = Automaton(machine(), builder, "expression")
        for token in lexer.tokens(start, end, automaton.states):
            if not automaton.feed(*token):
                break
        else:
            whole: ast.Expr | None = automaton.finish()
            if whole is not None:
                return whole
        problems.report(codes.BAD_HOLE, Span(start, end), "this is not an expression")
        return ast.BrokenExpr(builder.next_id(), Span(start, end))

    builder = Builder(problems, parse_hole)
    automaton = Automaton(machine(), builder, "declaration")
    declaration: ast.Declaration | None = None
    for token in lexer.tokens(0, len(text), automaton.states):
        if not automaton.feed(*token):
            problems.report(codes.SYNTAX, Span(token[2], token[3]), f"`{token[1]}` does not fit here")
            break
    else:
        declaration = automaton.finish()
        if declaration is None:
            problems.report(codes.SYNTAX, Span(len(text), len(text)), "this declaration has no end")
    if declaration is None:
        declaration = ast.BrokenDecl(builder.next_id(), Span(0, len(text)), "", None)
    comments = tuple(comment(text, Span(*place)) for place in sorted(lexer.comments.items()))
    return ast.Parsed(declaration, comments, tuple(problems.found), text)
