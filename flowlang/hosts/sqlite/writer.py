"""The commits of all runs of an engine -> transactions, without keeping its event loop waiting (R19).

Commits that come while one is being written go together into the next: what syncs the disk once for one run
syncs it once for two hundred. A commit is written at once, on the loop, exactly when nothing else is under
way in the process, since then nobody is kept waiting and a thread would only cost time; else by one thread
that has a connection of its own. What finds the store busy goes there too, since a thread may sleep.

The log is copied into the store by the thread too, never on the loop, where one commit would pay for a
thousand others. It counts as under way meanwhile, so that the log can begin anew each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Final, TypeVar

import attrs
import trio

from flowlang.hosts.sqlite.locks import who_writes
from flowlang.hosts.sqlite.opening import LONGEST_DELAY, SHORTEST_DELAY, Database, open_database
from flowlang.hosts.sqlite.owners import Owner
from flowlang.hosts.sqlite.problems import Busy, NotStored, StoreProblem, explained
from flowlang.hosts.sqlite.records import NewRun
from flowlang.hosts.sqlite.store import Store
from flowlang.hosts.sqlite.writing import Creation, Order, write_all
from flowlang.runtime.journal import Commit, Lease, NotWritten, Row

T = TypeVar("T")

PATIENCE: Final = 30.0  # seconds that a commit waits for other processes
PAGES_IN_LOG: Final = 1_000  # after about so many the log is copied into the store; SQLite's own limit
PAGE: Final = 4_096  # bytes


class Writer:
    """A Keeper, made and used inside one event loop, as an async context manager.

    `idle` says that nothing is under way in the process but the one who asks to write. The store's
    `patience` has to be 0."""

    def __init__(self, store: Store, *, idle: Callable[[], bool] = lambda: False) -> None:
        self.idle = idle
        self._store = store
        self._under_way = 0
        self._in_log = 0
        self._gathered: list[_Ticket] = []
        self._queue: SimpleQueue[list[_Ticket] | None] = SimpleQueue()
        self._thread: Thread | None = None

    async def __aenter__(self) -> Writer:
        assert self._store.database.patience == 0, "an event loop must not sleep"
        self._token = trio.lowlevel.current_trio_token()
        self._store.database.connection.execute("PRAGMA wal_autocheckpoint = 0")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._hand_over()
            self._queue.put(None)
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._thread.join)

    async def write(self, commit: Commit) -> None:
        """Write a commit. It is durable when this returns, and nothing of it is written if this raises
        NotWritten; no cancellation comes in between."""
        await self._carry_out(commit)

    async def create(self, new: NewRun, owner: Owner, rows: Sequence[Row] = ()) -> Lease:
        """Make a run with its first rows, and get the right to write its journal. Raises NotWritten."""
        if self.idle():
            await trio.lowlevel.checkpoint()  # it may be the first of many that begin at once
        return await self._carry_out(Creation(new, owner.name, rows))

    async def patiently(self, work: Callable[[], T]) -> T:
        """What a method of the store gives, tried again while other processes write, for a while."""
        until = trio.current_time() + PATIENCE
        delay = SHORTEST_DELAY
        while True:
            try:
                return work()
            except Busy:
                if trio.current_time() >= until:
                    raise _still_busy(self._store.database) from None
            await trio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def _carry_out(self, order: Order) -> Lease:
        result: Lease | BaseException | None = None
        if self._under_way == 0 and self.idle():
            result = self._write_here(order)
        if result is None:
            result = await self._write_there(order)
        if isinstance(result, Lease):
            return result
        raise result

    def _write_here(self, order: Order) -> Lease | NotWritten | None:
        """Write on the loop; None if the store is busy."""
        try:
            [result] = write_all(self._store.database, [order])
        except Busy:
            return None
        self._in_log += _pages(order)
        if self._in_log >= PAGES_IN_LOG:
            self._in_log = 0
            self._send(_Ticket(None, None))
        return result

    async def _write_there(self, order: Order) -> Lease | BaseException:
        ticket = _Ticket(order, trio.lowlevel.current_task())
        self._send(ticket)
        await trio.lowlevel.wait_task_rescheduled(_not_now)
        return ticket.result

    def _send(self, ticket: _Ticket) -> None:
        """What comes in one turn of the loop is handed over together, since to wake a thread costs as much as
        the rest of a commit."""
        if self._thread is None:
            work = (self._store, self._queue, self._send_back)
            self._thread = Thread(target=_serve, args=work, name="flowlang writer", daemon=True)
            self._thread.start()
        self._under_way += 1
        if not self._gathered:
            self._token.run_sync_soon(self._hand_over)
        self._gathered.append(ticket)

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        if gathered:
            self._queue.put(gathered)

    def _send_back(self, tickets: Sequence[_Ticket]) -> None:
        """From the thread. Nobody waits any longer once the loop is over."""
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._settle, tickets)

    def _settle(self, tickets: Sequence[_Ticket]) -> None:
        self._under_way -= len(tickets)
        for ticket in tickets:
            if ticket.task is not None:
                trio.lowlevel.reschedule(ticket.task)


@attrs.define(eq=False)
class _Ticket:
    """An order on its way through the thread, and who waits for it; without them it stands for copying the
    log."""

    order: Order | None
    task: trio.lowlevel.Task | None
    result: Lease | BaseException = attrs.field(factory=RuntimeError)


def _not_now(raise_cancel: object) -> trio.lowlevel.Abort:
    """What a cancellation hears that comes while a commit is written: it is delivered at the next wait."""
    return trio.lowlevel.Abort.FAILED


def _pages(order: Order) -> int:
    """About how many pages of the log an order takes."""
    return 1 + sum(len(row.outcome) for row in order.rows if row.outcome is not None) // PAGE


def _serve(
    store: Store, queue: SimpleQueue[list[_Ticket] | None], send_back: Callable[[Sequence[_Ticket]], None]
) -> None:
    """The thread."""
    database: Database | None = None
    for tickets in _batches(queue):
        try:
            database = database or open_database(store.path, store.durability, PATIENCE)
            _carry_out(database, tickets)
        except StoreProblem as problem:
            _refuse(tickets, problem)
        except BaseException as bug:
            for ticket in tickets:
                ticket.result = bug
        send_back(tickets)
    if database is not None:
        database.close()


def _batches(queue: SimpleQueue[list[_Ticket] | None]) -> Iterator[list[_Ticket]]:
    """All that has come since the last time, again and again until None comes."""
    while (more := queue.get()) is not None:
        tickets = more
        with suppress(Empty):
            while (more := queue.get_nowait()) is not None:
                tickets += more
        yield tickets
        if more is None:
            return


def _carry_out(database: Database, tickets: Sequence[_Ticket]) -> None:
    try:
        results = write_all(database, [ticket.order for ticket in tickets if ticket.order is not None])
    except Busy:
        _refuse(tickets, _still_busy(database))
    else:
        for ticket, result in zip((t for t in tickets if t.order is not None), results, strict=True):
            ticket.result = result
    if any(ticket.order is None for ticket in tickets):
        _copy_log(database)


def _refuse(tickets: Sequence[_Ticket], problem: StoreProblem) -> None:
    for ticket in tickets:
        ticket.result = NotStored.because(problem)


def _copy_log(database: Database) -> None:
    """What cannot be copied now is copied the next time; nothing depends on it."""
    with suppress(StoreProblem), explained(database.path):
        database.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _still_busy(database: Database) -> Busy:
    who = who_writes(database.path) or "another process"
    return Busy(f"{who} has kept others from writing to the store for {PATIENCE:.0f} s")
