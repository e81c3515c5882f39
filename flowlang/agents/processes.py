"""A program run to its end: its output within a limit, and nothing left behind.

The program leads a process group of its own. However the call ends, by itself, by too much output or by a
cancellation, the whole group is gone afterwards: asked first (SIGTERM), and killed where it does not listen
within `GRACE_SECONDS`. What a program leaves running when it ends is killed. A process that has left the
group is out of reach, but cannot hold the call up: the output is read only a moment longer than the program
lives. POSIX only, like process groups."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import attrs
import trio

GRACE_SECONDS: Final = 5.0
LAST_WORDS_SECONDS: Final = 1.0
MAX_ERROR_BYTES: Final = 16 * 1024
INHERITED: Final = (
    "HOME", "LANG", "LANGUAGE", "LC_*", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER", "XDG_*",
)  # fmt: skip
"""What every program sees of our environment. The rest may hold secrets, which are not its business."""

READ_BYTES: Final = 64 * 1024

_under_way: Final[dict[int, trio.Process]] = {}
"""The programs that are not ended yet, by their ids: as in the system, one table for the whole process."""


@attrs.frozen
class Finished:
    """How a program ended: its exit status (negative: the signal that ended it), all it wrote to its
    standard output, and the end of what it wrote to its standard error."""

    status: int
    output: bytes
    errors: bytes
    overflowed: bool


@attrs.define
class _Collected:
    """What was read of a stream: all of it up to a limit, or (`tail`) the last bytes of it."""

    limit: int
    tail: bool = False
    content: bytearray = attrs.field(factory=bytearray)
    overflowed: bool = False

    def add(self, chunk: bytes | bytearray) -> None:
        self.content += chunk
        self.overflowed |= len(self.content) > self.limit
        if self.tail:
            del self.content[: -self.limit]


def inherited(also: Iterable[str] = ()) -> dict[str, str]:
    """What a program sees of our environment: `INHERITED`, and what is named besides; `*` stands for any
    characters."""
    patterns = (*INHERITED, *also)
    return {
        name: value
        for name, value in os.environ.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }


async def run_program(
    argv: list[str], *, stdin: bytes | None, cwd: Path | None, env: dict[str, str], max_output_bytes: int
) -> Finished:
    """Run a program with this environment; raises OSError or ValueError where it cannot be started."""
    process = await start(argv, has_input=stdin is not None, cwd=cwd, env=env)
    output, errors = _Collected(max_output_bytes), _Collected(MAX_ERROR_BYTES, tail=True)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_feed, process, stdin)
            nursery.start_soon(_read, process.stderr, errors)
            nursery.start_soon(_end, process, nursery.cancel_scope)
            await _read(process.stdout, output)
            if output.overflowed:
                nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await stop(process, grace_seconds=GRACE_SECONDS)
    assert process.returncode is not None, "the program has ended"
    return Finished(process.returncode, bytes(output.content), bytes(errors.content), output.overflowed)


async def start(
    argv: Sequence[str], *, has_input: bool, cwd: Path | None, env: Mapping[str, str]
) -> trio.Process:
    """Start a program as the leader of a group, which `stop` ends. Raises OSError or ValueError."""
    process = await trio.lowlevel.open_process(
        argv,
        stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    _under_way[process.pid] = process
    return process


async def _feed(process: trio.Process, content: bytes | None) -> None:
    """Write the input; a program need not read it."""
    if process.stdin is None or content is None:
        return
    with suppress(trio.BrokenResourceError):
        await process.stdin.send_all(content)
    await process.stdin.aclose()


async def _read(stream: trio.abc.ReceiveStream | None, into: _Collected) -> None:
    """Read to the end, or until there is too much."""
    assert stream is not None
    while chunk := await stream.receive_some(READ_BYTES):
        into.add(chunk)
        if into.overflowed and not into.tail:
            return


async def _end(process: trio.Process, reading: trio.CancelScope) -> None:
    """When the program has ended, give its output a moment to arrive, whoever still holds it open."""
    await process.wait()
    reading.deadline = trio.current_time() + LAST_WORDS_SECONDS


async def stop(process: trio.Process, *, grace_seconds: float) -> None:
    """End the group of a program, and wait for the program. To be called with a shield."""
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            await stream.aclose()
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        with trio.move_on_after(grace_seconds):
            await process.wait()
    _signal(process, signal.SIGKILL)
    await process.wait()
    _under_way.pop(process.pid, None)


def kill_all() -> None:
    """Kill all programs that are under way, where flow is about to end without cleaning up."""
    for process in [*_under_way.values()]:
        _signal(process, signal.SIGKILL)


def _signal(process: trio.Process, number: signal.Signals) -> None:
    """Signal every process of the group. The group's number is not reused while one of them lives."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass  # all of them are gone
    except PermissionError:
        process.send_signal(number)  # a member of the group belongs to someone else; reach at least our own


def ending(status: int) -> str:
    """How a program ended, in words that go on from its name."""
    if status >= 0:
        return f"ended with exit code {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
