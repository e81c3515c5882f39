"""A token that does not fit, with what was read before it and what could stand in its place.

All of it comes from the parser's state: the expected terminals are those that its table accepts, and
each state is reached by one symbol, so the stack of states tells what is being written."""

from __future__ import annotations

import re
from functools import cache

import attrs

from flowlang.syntax.automaton import Automaton, machine
from flowlang.syntax.tables import END
from flowlang.syntax.words import DECLARATIONS
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Edit, Fix, Label
from flowlang.text.source import Span


@attrs.frozen
class Misfit:
    """The token `terminal`, written as `text`, at which a parse of a stretch from `begin` cannot go on."""

    automaton: Automaton
    source: str
    begin: int
    terminal: str
    text: str
    start: int
    stop: int

    @property
    def span(self) -> Span:
        return Span(self.start, self.stop)

    @property
    def expected(self) -> set[str]:
        return self.automaton.expected()

    @property
    def symbols(self) -> list[str]:
        """What was read and is not finished: terminals, and rules for what is complete in itself."""
        leading = leading_symbols()
        return [leading[state] for state in self.automaton.states[1:]]

    @property
    def declares(self) -> str:
        """The keyword of the declaration whose head this stands in; "" elsewhere."""
        if self.automaton.start != "declaration":
            return ""
        return next((symbol for symbol in self.symbols if symbol in DECLARATIONS), "")

    @property
    def before(self) -> str:
        """The last token before this one, as far as it is a word or an operator; "" at the beginning."""
        found = LAST_TOKEN.search(self.source, max(self.begin, self.automaton.end - 80), self.automaton.end)
        return found[0] if found and self.automaton.values else ""

    @property
    def before_span(self) -> Span:
        return Span(self.automaton.end - len(self.before), self.automaton.end)

    @property
    def is_on_new_line(self) -> bool:
        return "\n" in self.source[self.automaton.end : self.start]

    @property
    def is_first(self) -> bool:
        """Whether nothing of the stretch was read before."""
        return not self.automaton.values

    def goes_on(self, pattern: str) -> re.Match[str] | None:
        """The text from this token on, if it matches a pattern."""
        return None if self.terminal == END else re.compile(pattern).match(self.source, self.start)


def advice(span: Span, message: str, help: str | None = None, fix: Fix | None = None) -> Diagnostic:
    return Diagnostic(codes.SYNTAX, message, Label(span), help=help, fix=fix)


def rewrite(span: Span, text: str) -> Fix:
    """Put something else in place of what stands there."""
    title = f"Write `{text.strip()}`" if text.strip() else "Remove it"
    return Fix(title, (Edit(span, text),))


LAST_TOKEN = re.compile(r"(?:[A-Za-z0-9_]+|[-!=<>.?]{2,3}|[^\sA-Za-z0-9_])\Z")


def end_of(automaton: Automaton, source: str, begin: int) -> Misfit:
    """The end of a stretch at which more is awaited."""
    end = automaton.end if automaton.values else begin
    return Misfit(automaton, source, begin, END, "", end, end)


@cache
def leading_symbols() -> dict[int, str]:
    """The symbol that leads to each state."""
    tables = machine().tables
    leading: dict[int, str] = {}
    for shifts, gotos in zip(tables.actions, tables.gotos, strict=True):
        leading.update({target: terminal for terminal, target in shifts.items() if target >= 0})
        leading.update({target: origin for origin, target in gotos.items()})
    return leading
