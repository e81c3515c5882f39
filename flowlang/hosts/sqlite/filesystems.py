"""Which file systems a store must not lie on: those that reach over a network (R20).

Locks there are slow, optional or pretended, and SQLite's WAL needs memory that all processes share. On Linux
the kernel's table of mounts says what a folder lies on; elsewhere nobody is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

NETWORK = frozenset(
    """9p afs beegfs ceph cifs coda davfs davfs2 gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs
    pvfs2 smb2 smb3 smbfs fuse.ceph fuse.curlftpfs fuse.davfs2 fuse.gcsfuse fuse.glusterfs fuse.goofys
    fuse.juicefs fuse.rclone fuse.s3fs fuse.sshfs""".split()  # noqa: SIM905
)


def network_filesystem(path: Path, mounts: str) -> str | None:
    """The type of the network file system that an absolute path lies on, if it is one. `mounts` is the text
    of `mountinfo`, see proc(5)."""
    type = None
    longest = -1
    for point, found in _mounts(mounts):
        # Of several mounts at one point, the last covers the others.
        if path.is_relative_to(point) and len(point) >= longest:
            type, longest = found, len(point)
    return type if type in NETWORK else None


def known_mounts() -> str:
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _mounts(text: str) -> Iterator[tuple[str, str]]:
    """The mount points and their types."""
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        fields, kinds = left.split(" "), right.split(" ")
        if separator and len(fields) > 4:
            yield re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]), kinds[0]
