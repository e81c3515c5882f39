"""How long a server may take until it is ready.

A program that prints what is no message may be one that greets before it listens, or none that speaks MCP at
all. So it gets a moment to send a message then, and where it goes on printing it is given up at once; unless
its table says how long it may take."""

from __future__ import annotations

import math
from typing import Final

import attrs
import trio

DOUBT_SECONDS: Final = 10.0
MOST_STRANGE: Final = 200  # lines


@attrs.define(eq=False)
class Patience:
    """`seconds` is how long it may take, `fixed` that the author wants it so. `scope` ends what waits."""

    seconds: float
    fixed: bool
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _until: float = attrs.field(init=False)
    _strange: int = attrs.field(default=0, init=False)  # lines, as long as there was no message
    _spoke: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._until = self.scope.deadline = trio.current_time() + self.seconds

    @property
    def ready(self) -> bool:
        return self._until == math.inf

    def end(self) -> None:
        """It is ready: it may live as long as it wants."""
        self._until = self.scope.deadline = math.inf

    def heard(self) -> None:
        """It has sent a message."""
        self._spoke = True
        self.scope.deadline = self._until

    def wondered(self) -> None:
        """It has printed a line that is no message."""
        if self._spoke or self.ready or self.fixed:
            return
        self._strange += 1
        now = trio.current_time()
        if self._strange == 1:
            self.scope.deadline = min(self._until, now + DOUBT_SECONDS)
        elif self._strange == MOST_STRANGE:
            self.scope.deadline = now

    def why(self) -> str:
        """Why it was given up."""
        if self._strange:
            help = "if it only takes long to start, set its `start_timeout`"
            return f"the server does not seem to speak MCP; {help}"
        return f"the server was not ready after {self.seconds:g} s, its `start_timeout`"
