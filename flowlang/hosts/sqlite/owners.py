"""Owners: who holds runs, told by a lock that the system takes back when its process ends (R20).

An owner is one engine in one process. It has a file of its own in a folder beside the store and locks it
for as long as it lives; the file says who it is. A run names its owner; whoever wants the run tries that
file. So nothing has to be renewed, nothing expires while a process is suspended, and one lock serves a
thousand runs.

- The lock is `flock`: it belongs to the open file, not to the process, so two engines in one process see
  each other. A forked child would share it, so the child closes its copy at once.
- Those who look take a shared lock, so that they never stand in each other's way; only an owner keeps
  them out.
- Names are never used again, so a file that is gone means for ever that its owner is.
- What an owner wants to be seen of it, its notice, is a file beside its own, and goes with that: no part of
  any run, so nothing of it is synced to the disk.
- Between making its file and locking it an owner looks dead and its file may be cleared away. So it looks
  again once it has the lock, and begins anew if the file is gone."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType

import attrs

SUFFIX = ".owner"
NOTICE, NEW_NOTICE = ".notice", ".new"


@attrs.frozen
class Holder:
    """Who an owner is, for people; `pid` 0 where it could not say. `since` is in microseconds since 1970
    UTC."""

    pid: int
    host: str
    command: str
    since: int

    def __str__(self) -> str:
        if self.pid == 0:
            return self.process
        since = datetime.fromtimestamp(self.since / 1e6).strftime("%Y-%m-%d %H:%M:%S")
        return f"{self.process} since {since}"

    @property
    def process(self) -> str:
        if self.pid == 0:
            return "another process"
        where = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"process {self.pid}{where} (`{self.command}`)"


UNKNOWN = Holder(0, "", "", 0)


class Owner:
    """Holds runs until it is closed or its process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        clear_away_the_dead(folder)
        self.name, self._file = _locked_file(folder)
        self._path = folder / (self.name + SUFFIX)
        _living.add(self)
        with suppress(OSError):  # a full disk must not keep anybody from owning
            os.write(self._file, json.dumps(attrs.asdict(_this_process())).encode())

    def post(self, notice: str) -> None:
        """Show a text to whoever looks, in the place of the one before; one that cannot be written is not
        shown."""
        new = self._path.with_suffix(NEW_NOTICE)
        with suppress(OSError):
            new.write_text(notice, encoding="utf-8")
            new.replace(self._path.with_suffix(NOTICE))

    def close(self) -> None:
        """Nobody's runs are held by it any longer."""
        if self._file >= 0:
            _remove(self._path)
            self._forget()

    def _forget(self) -> None:
        _living.discard(self)
        os.close(self._file)
        self._file = -1

    def __enter__(self) -> Owner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def owners_of(store: Path) -> Path:
    """The folder of the owners of a store."""
    return store.with_name(store.name + "-owners")


def notices(folder: Path) -> list[tuple[Holder, str]]:
    """What the owners that live have to show, each with who it is."""
    found = []
    for path in sorted(folder.glob(f"*{NOTICE}")):
        holder = holder_of(folder, path.stem)
        with suppress(OSError, ValueError):
            if holder is not None:
                found.append((holder, path.read_text(encoding="utf-8")))
    return found


def holder_of(folder: Path, name: str) -> Holder | None:
    """Who the owner of that name is, if it lives."""
    with _opened(folder / (name + SUFFIX)) as file:
        if file is None or _is_dead(file):
            return None
        with suppress(ValueError, TypeError):
            return Holder(**json.loads(os.read(file, 10_000)))
        return UNKNOWN


def clear_away_the_dead(folder: Path) -> None:
    """Remove the files of owners that have died."""
    for path in folder.glob(f"*{SUFFIX}"):
        with _opened(path) as file:
            if file is not None and _is_dead(file):
                _remove(path)


def _remove(path: Path) -> None:
    """Remove the file of an owner, and first what would be nobody's without it."""
    for file in (path.with_suffix(NEW_NOTICE), path.with_suffix(NOTICE), path):
        file.unlink(missing_ok=True)


def _locked_file(folder: Path) -> tuple[str, int]:
    """A new name and its file, which is locked and still there."""
    while True:
        name = secrets.token_hex(8)
        path = folder / (name + SUFFIX)
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists():
            return name, file
        os.close(file)


def command_of(arguments: Sequence[str]) -> str:
    """A command line to be shown to others: without inputs, which may be secret, and not too long."""
    program, *rest = arguments or ["unknown"]
    shown = [os.path.basename(program), *(word for word in rest if "=" not in word)]
    return " ".join(shown)[:100]


def _this_process() -> Holder:
    return Holder(os.getpid(), socket.gethostname(), command_of(sys.argv), time.time_ns() // 1000)


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ValueError):
        yield None
        return
    try:
        yield file
    finally:
        os.close(file)


def _is_dead(file: int) -> bool:
    """Whether nobody owns the file. If so, nobody will until it is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_living: set[Owner] = set()


def _leave_to_the_parent() -> None:
    """In a forked child: closing its copy of the file leaves the lock with the parent."""
    for owner in list(_living):
        owner._forget()


os.register_at_fork(after_in_child=_leave_to_the_parent)
