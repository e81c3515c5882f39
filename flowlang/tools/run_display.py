"""A run on the screen: a live tree on a terminal, one line an event elsewhere. All of it on stderr.

Both are told the run's events and nothing else, and neither may harm the run: what the stream refuses is
dropped. Text that comes from outside (messages, keys of maps) cannot steer the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib import import_module
from typing import Final, Protocol, TextIO, cast

import attrs
import trio

from flowlang.runtime import events
from flowlang.runtime.failures import Failure
from flowlang.text.display import clean
from flowlang.tools.run_progress import (
    elapsed_text,
    failure_text,
    loop_text,
    retry_text,
    said_text,
    skip_text,
    wait_text,
    without_arms,
)

MAX_LINE: Final = 300
MOST_OPEN: Final = 20  # lines about what a run that is taken up was at


class Display(Protocol):
    """Shows a run: `tell` takes its events, `keep_fresh` draws until it is cancelled, `end` leaves what is to
    stay. While it is `paused`, the terminal belongs to someone else. Of what it is told while it is `past`,
    up to `go_on`, only what it led to is shown; it counts from when the run was `created`, also in a fork,
    whose past is older."""

    past: bool

    def go_on(self, created: int) -> None: ...
    def tell(self, event: events.Event) -> None: ...
    async def keep_fresh(self) -> None: ...
    def paused(self) -> AbstractContextManager[None]: ...
    def end(self) -> None: ...


def open_display(stream: TextIO, *, quiet: bool, color: bool) -> Display:
    """The display for a stream, or none where it is to be quiet. Only a terminal costs loading rich."""
    if quiet:
        return Silent()
    if stream.isatty():
        return cast(Display, import_module("flowlang.tools.run_tree").LiveTree(stream, color=color))
    return Lines(stream)


@attrs.define(eq=False, repr=False)
class Silent:
    """Shows nothing."""

    past: bool = attrs.field(default=False, kw_only=True)

    def go_on(self, created: int) -> None:
        self.past = False

    def tell(self, event: events.Event) -> None:
        pass

    async def keep_fresh(self) -> None:
        await trio.sleep_forever()

    @contextmanager
    def paused(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        pass


@attrs.define(eq=False, repr=False)
class Lines(Silent):
    """One line an event, with the seconds since the run began: `  1.2s  pages[3]/page  done in 0.4s`. `head`
    stands before each. `open` is what was last said of what its past has left to do."""

    stream: TextIO
    head: str = ""
    began: int = 0
    at: int = 0
    started: dict[str, int] = attrs.field(factory=dict)
    open: dict[str, str] = attrs.field(factory=dict)

    def tell(self, event: events.Event) -> None:
        if isinstance(event, events.RunStarted):
            self.began = event.at
        said, self.at = self.words(event), event.at
        if self.past:
            self._remember(event, said)
        elif said is not None:
            self._write(event.path or "run", said)

    def go_on(self, created: int) -> None:
        """Say what is open: of a run that only waits, nothing else would be told."""
        self.past = False
        self.begin(created)
        going_on = [path for path in self.open if path in self.started or without_arms(path) in self.started]
        self._write("run", "taken up")
        for path in going_on[:MOST_OPEN]:
            self._write(path, self.open[path])
        if (more := len(going_on) - MOST_OPEN) > 0:
            self._write("run", f"and {more:,} more are under way")
        self.open.clear()

    def begin(self, created: int) -> None:
        """Count from an instant on, also what began before it and goes on."""
        self.began, self.at = max(self.began, created), max(self.at, created)
        self.started = {path: max(at, created) for path, at in self.started.items()}

    def _remember(self, event: events.Event, said: str | None) -> None:
        match event:
            case events.StepStarted(target=None):
                pass
            case events.StepStarted() | events.Waiting() | events.AttemptFailed() if said is not None:
                self.open[event.path] = said
            case events.StepDone() | events.StepFailed() | events.StepCancelled():
                self.open.pop(event.path, None)

    def _write(self, where: str, said: str) -> None:
        said = " ".join(said.split())
        line = f"{self.head}{(self.at - self.began) / 1e6:7.1f}s  {where}  {said}"
        with suppress(OSError, ValueError):  # a stream that is closed or full does not concern the run
            self.stream.write(clean(line)[:MAX_LINE] + "\n")
            self.stream.flush()

    def words(self, event: events.Event) -> str | None:
        """What to say about an event; None for nothing."""
        match event:
            case events.RunStarted():
                return f"{event.flow} started as {event.run}"
            case events.RunEnded():
                return f"{event.status} after {elapsed_text(event.at - self.began)}"
            case events.StepStarted(path=path, at=at):
                self.started[path] = at
                return "started" if event.target is None else f"started: {event.target}"
            case events.StepDone():
                return f"done in {self.took(event)}"
            case events.StepFailed(failure=failure):
                return f"failed after {self.took(event)}: {failure_text(failure)}"
            case events.StepCancelled():
                return f"cancelled after {self.took(event)}"
            case events.StepSkipped():
                return skip_text(event)
            case events.AttemptFailed():
                return retry_text(event)
            case events.Caught(failure=failure):
                return f"caught {failure_text(failure)}"
            case events.Waiting():
                return wait_text(event)
            case events.AgentSaid():
                return f"{event.agent} says: {said_text(event)}"
            case events.LoopStopped(rounds=rounds):
                return loop_text(rounds)
            case events.Undone(failure=None):
                return "undone"
            case events.Undone(failure=Failure() as failure):
                return f"could not be undone: {failure_text(failure)}"
            case events.CleanupFailed(failure=failure):
                return f"its finally failed: {failure_text(failure)}"
            case _:
                return None  # progress and turns show in the lines that follow

    def took(self, event: events.Event) -> str:
        return elapsed_text(event.at - self.started.pop(event.path, event.at))
