"""Stores in temporary folders: runs to put into them, and child processes that use them too."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from flowlang.hosts.sqlite.records import NewRun
from flowlang.runtime.journal import Commit, Lease, Row

NOW = 1_767_225_600_000_000


def new_run(id: str = "run-1", flow: str = "main", plan: str = '{"plan":1}') -> NewRun:
    return NewRun(id, flow, plan, '{"x":1}', NOW, source="main.flow")


def row(seq: int, outcome: str | None = '{"value":1}') -> Row:
    return Row(seq, "call", f"step{seq}", NOW + seq, outcome, b"12345678")


def commit(lease: Lease, *seqs: int) -> Commit:
    return Commit(lease, [row(seq) for seq in seqs])


def in_a_child(work: Callable[[], object]) -> None:
    """Do something in a forked process and wait for it; what it raises fails the test."""
    with child(work) as wait:
        wait()


@contextmanager
def child(work: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """A forked process that does something; what is given waits until it has done it."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _leave(work)
    waited: list[int] = []

    def wait() -> None:
        if not waited:
            waited.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    try:
        yield wait
    finally:
        wait()
    assert waited == [0], "see the child's traceback"


def _leave(work: Callable[[], object]) -> NoReturn:
    try:
        work()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
