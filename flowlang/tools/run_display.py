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
)

MAX_LINE: Final = 300


class Display(Protocol):
    """Shows a run: `tell` takes its events, `keep_fresh` draws until it is cancelled, `end` leaves what is to
    stay. While it is `paused`, the terminal belongs to someone else. Of what it is told while it is `past`,
    only what it led to is shown."""

    past: bool

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


@attrs.define
class Silent:
    """Shows nothing."""

    past: bool = attrs.field(default=False, kw_only=True)

    def tell(self, event: events.Event) -> None:
        pass

    async def keep_fresh(self) -> None:
        await trio.sleep_forever()

    @contextmanager
    def paused(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        pass


@attrs.define
class Lines(Silent):
    """One line an event, with the seconds since the run began: `  1.2s  pages[3]/page  done in 0.4s`. `head`
    stands before each."""

    stream: TextIO
    head: str = ""
    began: int = 0
    started: dict[str, int] = attrs.field(factory=dict)

    def tell(self, event: events.Event) -> None:
        if isinstance(event, events.RunStarted):
            self.began = event.at
        said = self.words(event)
        if said is None or self.past:
            return
        said = " ".join(said.split())
        line = f"{self.head}{(event.at - self.began) / 1e6:7.1f}s  {event.path or 'run'}  {said}"
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
