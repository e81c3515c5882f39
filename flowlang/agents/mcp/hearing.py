"""What a server says beside its replies: lines of its log, and of its standard error.

It does not say which call a line is about, so the call that has waited longest is told. The last lines are
kept, since they tell best why a server is gone. Everything is bounded: what a line may hold, how many a call
is told, how many are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias

import attrs

from flowlang.runtime.agents import Said, Tell

LONGEST_LINE: Final = 1_000
MOST_TOLD: Final = 1_000  # of one call
LINES_KEPT: Final = 3

Level: TypeAlias = Literal["debug", "info", "warning", "error"]


@attrs.define(eq=False)
class Hearing:
    """`scrub` takes secrets out of what was said."""

    scrub: Callable[[str], str]
    _calls: list[Caller] = attrs.field(factory=list, init=False)
    _last: deque[str] = attrs.field(factory=lambda: deque(maxlen=LINES_KEPT), init=False)

    @contextmanager
    def during(self, tell: Tell | None) -> Iterator[Caller]:
        """A call is under way; what is said of it later is not told."""
        caller = Caller(self.scrub, tell)
        self._calls.append(caller)
        try:
            yield caller
        finally:
            self._calls.remove(caller)
            caller.tell = None

    def line(self, text: str, level: Level) -> None:
        text = self.scrub(text.strip())[:LONGEST_LINE]
        if text:
            self._last.append(text)
            self.log(text, level)

    def log(self, text: str, level: Level) -> None:
        """Like a line, but none that says why a server is gone."""
        if self._calls:
            self._calls[0].say(Said(text, level))

    def anew(self) -> None:
        """Forget what was said: the server is started again."""
        self._last.clear()

    def last_words(self) -> str:
        """The last lines, behind a colon; nothing where nothing was said."""
        return f": {' / '.join(self._last)}" if self._last else ""


@attrs.define(eq=False)
class Caller:
    """Who waits for a reply, and is told what is said meanwhile."""

    scrub: Callable[[str], str]
    tell: Tell | None
    told: int = 0

    def say(self, said: Said) -> None:
        if self.tell is None or self.told > MOST_TOLD:
            return
        self.told += 1
        if self.told > MOST_TOLD:
            said = Said("the server says more, which is left out", "warning")
        self.tell(said._replace(text=self.scrub(said.text)[:LONGEST_LINE]))
