"""The live tree of a run on a terminal, drawn with rich.

It is redrawn a few times a second from the run's own task, so the tree is never read while it changes, and
takes at most the height of the window. When the run has ended, the steps of the flow itself stay."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal, TextIO

import trio
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from flowlang.runtime import events
from flowlang.text.display import clean
from flowlang.tools.run_progress import Line, Progress, elapsed_text

FRAMES_PER_SECOND: Final = 8
LINES_LEFT_FREE: Final = 3
LINES_THAT_STAY: Final = 40

SIGNS: Final = {
    "running": ("●", "cyan"),
    "waiting": ("○", "yellow"),
    "retrying": ("↻", "yellow"),
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("-", "dim"),
    "cancelled": ("×", "dim"),
}


class _Console(Console):
    """Goes silent where the terminal has gone; rich would end the process."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class LiveTree:
    """A `Display`; see there."""

    def __init__(self, stream: TextIO, *, color: bool) -> None:
        styles: Literal["auto"] | None = "auto" if color else None
        self.console = _Console(file=stream, color_system=styles, highlight=False, emoji=False, markup=False)
        self.progress = Progress()
        self.live = Live(console=self.console, auto_refresh=False, transient=True)
        self.clock_ahead = 0.0
        self.past = False

    def go_on(self, created: int) -> None:
        self.past = False
        self.progress.begin(created)

    def tell(self, event: events.Event) -> None:
        """Take an event in; its time says how far the run's clock is ahead of ours, unless it is past."""
        self.progress.tell(event)
        now = time.time() if self.past else event.at / 1e6
        self.clock_ahead = now - time.monotonic()

    async def keep_fresh(self) -> None:
        with suppress(OSError, ValueError):
            self.live.start()
        while True:
            self._draw(max(self.console.height - LINES_LEFT_FREE, 3))
            await trio.sleep(1 / FRAMES_PER_SECOND)

    @contextmanager
    def paused(self) -> Iterator[None]:
        with suppress(OSError, ValueError):
            self.live.stop()
        try:
            yield
        finally:
            with suppress(OSError, ValueError):
                self.live.start()

    def end(self) -> None:
        with suppress(OSError, ValueError):
            self.live.stop()
            self.console.print(self._tree(LINES_THAT_STAY))

    def _draw(self, limit: int) -> None:
        if self.live.is_started:
            self.progress.now = max(self.progress.now, round((time.monotonic() + self.clock_ahead) * 1e6))
            with suppress(OSError, ValueError):
                self.live.update(self._tree(limit), refresh=True)

    def _tree(self, limit: int) -> Group:
        lines = self.progress.lines(limit)
        width = max((2 * line.depth + len(line.name) for line in lines), default=0)
        return Group(*(self._line(line, min(width, self.console.width // 2)) for line in lines))

    def _line(self, line: Line, width: int) -> Text:
        sign, style = SIGNS[line.state]
        name = f"{'  ' * line.depth}{sign} {clean(line.name)}"
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{name:<{width + 4}}", style if line.state != "done" else "")
        text.append(f"{elapsed_text(line.elapsed):>8}", "dim")
        if line.note:
            text.append("  " + clean(" ".join(line.note.split())), "dim" if line.state != "failed" else style)
        return text
