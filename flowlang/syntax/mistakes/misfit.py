"""A token that does not fit, with what was read before it and what could stand in its place.

All of it comes from the parser's state: the expected terminals are those that its table accepts, and
each state is reached by one symbol, so the stack of states tells what is being written."""

from __future__ import annotations

import re
from functools import cache

import attrs

from flowlang.syntax.automaton import Automaton, machine
from flowlang.syntax.tables import END
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

    def follows(self, pattern: str) -> re.Match[str] | None:
        """Whether the text from this token on matches a pattern."""
        return re.compile(pattern).match(self.source, self.start)


LAST_TOKEN = re.compile(r"(?:[A-Za-z0-9_]+|[-=<>.?]{2,3}|[^\sA-Za-z0-9_])\Z")


def end_of(automaton: Automaton, source: str, begin: int) -> Misfit:
    """The end of a stretch at which more is awaited."""
    return Misfit(automaton, source, begin, END, "", automaton.end, automaton.end)


@cache
def leading_symbols() -> dict[int, str]:
    """The symbol that leads to each state."""
    tables = machine().tables
    leading: dict[int, str] = {}
    for shifts, gotos in zip(tables.actions, tables.gotos, strict=True):
        leading.update({target: terminal for terminal, target in shifts.items() if target >= 0})
        leading.update({target: origin for origin, target in gotos.items()})
    return leading
