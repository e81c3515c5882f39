"""The text of a declaration -> `Parsed`: its tree, its comments and what was found in it.

A sound declaration, which nearly every one is, is parsed in one go. Only where that fails is it looked
at more closely (`recovery.py`); the same lexer, builder and tables do the work, so the trees are alike.
What only a broken text needs is imported for the first of them."""

from __future__ import annotations

import attrs

from flowlang.syntax import ast
from flowlang.syntax.automaton import Automaton, machine
from flowlang.syntax.lexer import Lexer, Token
from flowlang.syntax.mistakes.characters import refused_character
from flowlang.syntax.nodes import Builder
from flowlang.syntax.nodes.base import Nodes
from flowlang.syntax.scanner import begins_another, comment
from flowlang.syntax.sizes import MAX_EXPRESSION, MAX_NESTING, report_large_expressions
from flowlang.syntax.tables import END
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Edit, Fix, Problems
from flowlang.text.source import Span

HOLE = "a value stands in it: `${name}`; `\\${` stands for the characters themselves"

NESTING = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def parse_declaration(text: str) -> ast.Parsed:
    """The declaration that a text begins with. `Parsed.text` ends where it ends; there may be more."""
    reading = Reading(text)
    declaration = reading.straight()
    if declaration is not None:
        return reading.parsed(declaration)
    return mend(text, reading.has_begun)


def mend(text: str, has_begun: bool) -> ast.Parsed:
    """A declaration that does not parse in one go; `has_begun`: though the text begins as one does."""
    from flowlang.syntax.recovery import end_of_paragraph

    if not has_begun:
        text = text[: end_of_paragraph(text)]
    while True:
        reading = Reading(text)
        declaration = reading.mended()
        if not isinstance(declaration, ast.BrokenDecl) or reading.end == len(text):
            return reading.parsed(declaration)
        text = text[: reading.end]  # what stands behind it shall not tell on it


def parse_expression(text: str) -> tuple[ast.Expr, tuple[Diagnostic, ...]]:
    """The tree of a text that is one expression, and what was found in it; spans count from its start."""
    reading = Reading(text)
    tree = reading.expression(0, len(text))
    reading.builder.report_least_int()
    report_refused(text, reading.problems)
    if len(text) > MAX_EXPRESSION:
        report_large_expressions(tree, reading.problems)
    return tree, tuple(reading.problems.found)


@attrs.define(eq=False, repr=False)
class Reading:
    """One go at a text."""

    text: str
    end: int = 0  # where the declaration ends
    has_begun: bool = False  # whether the text begins as a declaration does
    problems: Problems = attrs.field(factory=Problems)
    lexer: Lexer = attrs.field(init=False)
    builder: Builder = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.lexer = Lexer(self.text, machine().tables)
        self.builder = Builder(self.problems, self.hole)

    def straight(self) -> ast.Declaration | None:
        """The declaration if it parses, with nothing behind it but another one, and is not too deep."""
        automaton = Automaton(machine(), self.builder, "declaration")
        depth = 0
        for token in self.lexer.tokens(0, len(self.text), automaton.states):
            depth += NESTING.get(token[0], 0)
            if depth > MAX_NESTING:
                return None
            self.has_begun = bool(automaton.values)
            if not automaton.feed(*token):
                _, word, start, _ = token
                if not begins_another(self.text, start, word):
                    return None
                break
        self.end = automaton.end
        whole: ast.Declaration | None = automaton.finish()
        return whole

    def mended(self) -> ast.Declaration:
        """As much of the declaration as makes sense."""
        from flowlang.syntax.brackets import find_brackets
        from flowlang.syntax.recovery import Recovery

        brackets = find_brackets(self.text)
        recovery = Recovery(self.text, self.lexer, self.builder, brackets, self.problems.found)
        declaration, self.end = recovery.declaration()
        return declaration

    def hole(self, builder: Nodes, start: int, end: int) -> ast.Expr:
        """The expression in a hole of a string, which lies in the same text."""
        if not self.text[start:end].strip():
            self.problems.report(codes.BAD_HOLE, Span(start - 2, end + 1), "this hole is empty", help=HOLE)
            return ast.BrokenExpr(builder.next_id(), Span(start, end))
        known = len(self.problems.found)
        tree = self.expression(start, end)
        self.problems.found[known:] = [
            attrs.evolve(found, code=codes.BAD_HOLE) if found.code is codes.SYNTAX else found
            for found in self.problems.found[known:]
        ]
        return tree

    def expression(self, start: int, end: int) -> ast.Expr:
        """The expression that a stretch of the text is."""
        automaton = Automaton(machine(), self.builder, "expression")
        for token in self.lexer.tokens(start, end, automaton.states):
            if not automaton.accepts(token[0]):
                misfit: Token | None = token
                break
            automaton.feed(*token)
        else:
            if automaton.accepts(END):
                whole: ast.Expr = automaton.finish()
                return whole
            misfit = None
        self.problems.found.append(unfitting(automaton, self.text, start, misfit))
        return ast.BrokenExpr(self.builder.next_id(), Span(start, end))

    def parsed(self, declaration: ast.Declaration) -> ast.Parsed:
        """The declaration with all that is to be said of its text."""
        text = self.text[: self.end]
        self.builder.report_least_int()
        report_refused(text, self.problems)
        if self.end > MAX_EXPRESSION:
            report_large_expressions(declaration, self.problems)
        comments = [Span(*place) for place in sorted(self.lexer.comments.items()) if place[1] <= self.end]
        for span in comments:
            if span.start in self.lexer.dangling:
                report_dangling_doc(span, self.problems)
        found = sorted(self.problems.found, key=lambda diagnostic: diagnostic.primary.span)
        return ast.Parsed(declaration, tuple(comment(text, span) for span in comments), tuple(found), text)


def unfitting(automaton: Automaton, text: str, begin: int, token: Token | None) -> Diagnostic:
    """What is wrong with a stretch from `begin` at a token that does not fit; None: at its end."""
    from flowlang.syntax.mistakes.diagnosis import diagnose
    from flowlang.syntax.mistakes.misfit import Misfit, end_of

    return diagnose(Misfit(automaton, text, begin, *token) if token else end_of(automaton, text, begin))


def report_refused(text: str, problems: Problems) -> None:
    """Report the first character that may stand nowhere, unless it was met as a token."""
    refused = refused_character(text)
    if refused and all(known.primary.span != refused.primary.span for known in problems.found):
        problems.found.append(refused)


def report_dangling_doc(span: Span, problems: Problems) -> None:
    problems.report(
        codes.DANGLING_DOC,
        span,
        "this doc comment documents nothing",
        help="`///` stands before a declaration, a step, a field or a parameter; elsewhere write `//`",
        fix=Fix("Make it a plain comment", (Edit(Span(span.start, span.start + 3), "//"),)),
    )
