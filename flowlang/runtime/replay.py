"""Replay: the rows of a journal, fed to a kernel -> the run as it stood when the last of them was written.

Nothing is carried out meanwhile: what a command asked for is either in a later row, or still outstanding in
the kernel when the rows are over. Which failure came first, who won a race, how often a loop went round is
worked out again, not read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from flowlang.runtime.events import OnEvent
from flowlang.runtime.journal import JournalMisfit, Row, digest_of, input_of
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.program import Program
from flowlang.runtime.run import Run
from flowlang.values.value import Value


@attrs.frozen
class Replayed:
    """`seq` and `at` are those of the last row, 0 where there is none. `started` are the calls that were
    announced and have not ended, by their paths."""

    seq: int = 0
    at: int = 0
    started: tuple[str, ...] = ()


def kernel_of(
    program: Program,
    flow: str,
    inputs: Mapping[str, Value],
    run_id: str,
    on_event: OnEvent | None = None,
    seed: str | None = None,
) -> Kernel:
    """A kernel that is about to carry out a run, whose arguments are plan values that fit."""
    kernel = Kernel()
    run = Run(program, flow, inputs, kernel, on_event, run_id, seed, counts=kernel.counts)
    kernel.begin(run.result(), run.cancel, run.listen)
    return kernel


def replay(kernel: Kernel, rows: Sequence[Row]) -> Replayed:
    """Bring a fresh kernel to where the rows end. Raises JournalMisfit where they are not of its run."""
    expect_progress(kernel, rows)
    return feed(kernel, rows)


def expect_progress(kernel: Kernel, rows: Iterable[Row]) -> None:
    """Tell a fresh kernel of which loops the rows will tell the progress."""
    kernel.expect(row.path for row in rows if row.kind == "scope")


def feed(kernel: Kernel, rows: Iterable[Row]) -> Replayed:
    """Let a kernel hear further rows. Raises JournalMisfit where they are not of its run."""
    last = at = 0
    started: dict[str, None] = {}
    for row in rows:
        seq, kind, path, at, _, _ = row
        if seq <= last:
            raise JournalMisfit(f"row {seq} follows row {last}")
        last = seq
        if kind == "started":
            started[path] = None
            continue
        if kind == "call":
            _compare(kernel, row)
            started.pop(path, None)
        kernel.advance(input_of(row))
    if not started.keys() <= kernel.calls.keys():
        raise JournalMisfit("calls were announced that the run does not make")
    return Replayed(last, at, tuple(started))


def _compare(kernel: Kernel, row: Row) -> None:
    """See that the call which ended is the one that the run makes."""
    pending = kernel.calls.get(row.path)
    if pending is not None and row.digest != digest_of(pending.call):
        raise JournalMisfit(f"row {row.seq} is of a call of {row.path} with other arguments")
