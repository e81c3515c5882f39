"""A declaration that does not parse -> the tree of all of it that does.

The parser is driven as for a sound text, but for its blocks: a block is cut into statements where its
statements begin (see `brackets.py`), each is parsed alone, and the block is put together again. So a
broken statement is one `Broken` node and one diagnostic; its neighbours, and the statements of a block
inside of it or around it, keep their meaning. A declaration whose head is broken is a `BrokenDecl`.

Lark's stock recovery, which drops tokens until one fits, loses whole steps and is not used."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

import attrs

from flowlang.syntax import ast
from flowlang.syntax.automaton import Automaton, machine
from flowlang.syntax.brackets import OPENERS, Brackets
from flowlang.syntax.lexer import UNCLOSED, Lexer
from flowlang.syntax.literals import has_open_hole
from flowlang.syntax.mistakes.diagnosis import diagnose
from flowlang.syntax.mistakes.misfit import Misfit, end_of
from flowlang.syntax.nodes.base import Nodes
from flowlang.syntax.scanner import begins_another
from flowlang.syntax.sizes import MAX_NESTING
from flowlang.syntax.tables import END
from flowlang.syntax.words import DECLARATIONS, STATEMENTS, TEST_STATEMENTS
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Span

BLOCKS = {"block": "statement", "test_block": "test_statement"}  # the rule of a block -> of what is in it


@attrs.define(eq=False, repr=False)
class Recovery:
    """Parses one declaration, as much of it as it can."""

    text: str
    lexer: Lexer
    builder: Nodes
    brackets: Brackets
    found: list[Diagnostic]
    unclosed: list[int] = attrs.field(init=False)  # in the order of the text
    missing: set[int] = attrs.field(init=False, factory=set)  # where a closing bracket was missed already

    def __attrs_post_init__(self) -> None:
        self.unclosed = sorted(self.brackets.unclosed)

    def declaration(self) -> tuple[ast.Declaration, int]:
        """The declaration at the start of the text, and where it ends: there may be more behind it.

        A broken one ends before a paragraph that begins behind the mistake, since that may be another."""
        automaton = Automaton(machine(), self.builder, "declaration")
        misfit = self.drive(automaton, 0, len(self.text))
        is_complete = automaton.accepts(END)
        if misfit and is_complete and begins_another(self.text, misfit.start, misfit.text):
            return automaton.finish(), automaton.end
        if misfit or not is_complete:
            misfit = misfit or end_of(automaton, self.text, 0)
            self.report(misfit, 0, 0)
        if is_complete:
            return automaton.finish(), len(self.text)
        end = end_of_paragraph(self.text, misfit.start if misfit else 0)
        return ast.BrokenDecl(*self.remains(0, end, MISSPELT)), end

    def drive(self, automaton: Automaton, start: int, end: int) -> Misfit | None:
        """Feed a stretch of the text; None if all of it fits, though more may be awaited."""
        begin = start
        while True:
            for token in self.lexer.tokens(start, end, automaton.states):
                terminal, _, at, _ = token
                rule = awaited_block(automaton) if terminal == "{" and at in self.brackets.ends else None
                if at in self.brackets.too_deep or not (rule or automaton.accepts(terminal)):
                    return Misfit(automaton, self.text, begin, *token)
                if rule:
                    start = self.block(automaton, rule, at, end)
                    break
                automaton.feed(*token)
            else:
                return None

    def block(self, automaton: Automaton, rule: str, start: int, end: int) -> int:
        """Parse the block that begins here, give it to the automaton, and return where it ends."""
        close = min(self.brackets.ends[start], end)
        is_closed = start not in self.brackets.unclosed
        if not is_closed:
            self.report_unclosed(start)
        stop = close + 1 if is_closed else close
        cuts = [start + 1, *self.brackets.statements.get(start, ()), close]
        statements = [
            statement
            for first, last in pairwise(cuts)
            for statement in self.statements(BLOCKS[rule], first, last)
        ]
        value = getattr(self.builder, rule)(Span(start, stop), *statements)
        automaton.place(rule, "{", value, start, stop)
        return stop

    def statements(self, rule: str, start: int, end: int) -> Iterator[ast.Statement | ast.TestStatement]:
        """The statements of a stretch that begins with one: nearly always exactly one."""
        while True:
            automaton = Automaton(machine(), self.builder, rule)
            known = len(self.found)
            misfit = self.drive(automaton, start, end)
            is_waste = misfit is not None and self.is_waste(misfit)
            is_complete = automaton.accepts(END)
            if misfit and is_waste and (is_complete or not automaton.values):
                self.report(misfit, start, known)
            if is_complete and (not misfit or is_waste or is_apart(misfit, rule)):
                yield automaton.finish()
            elif automaton.values or (misfit and not is_waste):
                self.report(misfit or end_of(automaton, self.text, start), start, known)
                yield ast.Broken(*self.remains(start, end, ASSIGNED))
                return
            if misfit is None:
                return
            start = misfit.stop if is_waste else misfit.start

    def is_waste(self, misfit: Misfit) -> bool:
        """Whether a token stands for nothing and may be left out."""
        return misfit.text == ";" or misfit.start in self.brackets.stray

    def remains(
        self, start: int, end: int, unknown: re.Pattern[str]
    ) -> tuple[int, Span, str, ast.Ident | None]:
        """What is left of something broken: an id, its span, its keyword and the name that it declares."""
        head = HEAD.match(self.text, start, end)
        assert head, "each part of a head may be absent"
        named = NAMES.get(head["kind"], unknown).match(self.text, head.end(), end)
        name = self.builder.ident(Span(*named.span("name")), named["name"]) if named else None
        span = Span(head.start("kind"), last_before(self.text, end))
        return self.builder.next_id(), span, head["kind"], name

    def report(self, misfit: Misfit, start: int, known: int) -> None:
        """Say what is wrong with a stretch, unless that follows from what was said since `known`."""
        if any(diagnostic.code in DERAILING for diagnostic in self.found[known:]):
            return
        last = misfit.automaton.values[-1] if misfit.automaton.values else None
        if isinstance(last, str) and has_open_hole(last):
            self.builder.pieces(Span(misfit.automaton.starts[-1], misfit.automaton.end), last)
            return
        openers = self.unclosed[bisect_left(self.unclosed, start) : bisect_left(self.unclosed, misfit.start)]
        if misfit.start in self.brackets.too_deep:
            self.found.append(too_deep(misfit))
        elif openers and misfit.terminal != UNCLOSED:
            self.report_unclosed(openers[0])
        else:
            self.found.append(diagnose(misfit))

    def report_unclosed(self, position: int) -> None:
        """Report a bracket that is not closed, unless one around it should be closed at the same place."""
        if self.brackets.ends[position] in self.missing:
            return
        self.missing.add(self.brackets.ends[position])
        bracket, closer = self.text[position], CLOSERS[self.text[position]]
        end = last_before(self.text, self.brackets.ends[position])
        self.found.append(
            Diagnostic(
                codes.UNCLOSED,
                f"this `{bracket}` is never closed",
                Label(Span(position, position + 1), "opened here"),
                related=(Label(Span(end, end), f"`{closer}` should stand before here"),),
                help=f"close it with `{closer}`",
            )
        )


CLOSERS = {opener: closer for closer, opener in OPENERS.items()}
DERAILING = (codes.BAD_HOLE, codes.UNCLOSED, codes.TOO_DEEP)  # what does not fit after these is no news

KEYWORDS = "|".join(DECLARATIONS + STATEMENTS + TEST_STATEMENTS)
HEAD = re.compile(rf"(?:\s+|//[^\n]*)*+(?P<kind>(?:{KEYWORDS})\b|)")

# Where the name stands behind the keyword of what declares one.
NAME = r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
PARAGRAPH = re.compile(r"(?<=\S)\s*?\n[ \t\r]*\n(?=[A-Za-z_/])")  # where something else seems to begin
ASSIGNED = re.compile(rf"{NAME}\s*=(?![=>])")
MISSPELT = re.compile(rf"[A-Za-z_]\w*[ \t]+{NAME}\s*[(={{]")
BEHIND_KEYWORD = re.compile(rf"[ \t]+{NAME}")
NAMES = {
    kind: BEHIND_KEYWORD for kind in ("step", "let", "run", "type", "error", "event", "agent", "ask", "flow")
}
NAMES["import"] = re.compile(rf"[^\n]*[ \t]as[ \t]+{NAME}")
NAMES["use"] = re.compile(rf"[ \t]+[A-Za-z_]\w*[ \t]+{NAME}")


def end_of_paragraph(text: str, start: int = 0) -> int:
    """Where a paragraph ends that an unindented one follows; comments at its start belong to it."""
    head = HEAD.match(text, start)
    assert head, "each part of a head may be absent"
    found = PARAGRAPH.search(text, head.end())
    return found.start() if found else len(text)


def awaited_block(automaton: Automaton) -> str | None:
    return next((rule for rule in BLOCKS if automaton.awaits(rule, "{")), None)


def is_apart(misfit: Misfit, rule: str) -> bool:
    """Whether what does not fit is no part of the complete statement before it."""
    begins_one = Automaton(machine(), misfit.automaton.builder, rule).accepts(misfit.text)
    return begins_one or misfit.is_on_new_line


def too_deep(misfit: Misfit) -> Diagnostic:
    return Diagnostic(
        codes.TOO_DEEP,
        f"brackets nest more than {MAX_NESTING} deep here",
        Label(Span(misfit.start, misfit.stop)),
        help="give a part of it a name with `let`, or a step or a flow of its own",
    )


def last_before(text: str, end: int) -> int:
    """Where the last character before an offset ends that is not blank."""
    while end and text[end - 1].isspace():
        end -= 1
    return end
