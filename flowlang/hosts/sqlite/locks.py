"""Which process writes to a store just now: for a message, where the system can say it.

SQLite locks one byte of the file beside the store that describes the log, and Linux lists such locks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flowlang.hosts.sqlite.owners import command_of

LOCKS = Path("/proc/locks")
NUL = "\0"

WRITE_LOCK = 120  # the byte that stands for the right to write; see "The WAL-Index File" of SQLite's manual


def who_writes(store: Path) -> str | None:
    """The process that holds the right to write to a store."""
    try:
        inode = store.with_name(store.name + "-shm").stat().st_ino
        process = next(_holders(LOCKS.read_text(encoding="ascii"), inode), None)
        if process is None:
            return None
        words = Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return f"process {process} (`{command_of(words.rstrip(NUL).split(NUL))}`)"


def _holders(locks: str, inode: int) -> Iterator[int]:
    """Processes in the text of /proc/locks: `1: POSIX  ADVISORY  WRITE 4711 fe:00:1234 120 120`."""
    for line in locks.splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[3] == "WRITE" and fields[5].endswith(f":{inode}"):
            first, last = fields[6], fields[7]
            if int(first) <= WRITE_LOCK and (last == "EOF" or int(last) >= WRITE_LOCK):
                yield int(fields[4])
