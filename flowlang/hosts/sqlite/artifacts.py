"""Artifacts: the contents of `file` values, in a folder beside the store, each under its hash (R18).

    runs.db-artifacts/ab/cdef…       the content whose sha256 is abcdef…, never changed
    runs.db-artifacts/new/           contents that are being written
    runs.db-artifacts/pins/          what an owner has put and not yet seen committed: a hash a line
    runs.db-artifacts/lock           shared by those who put, alone for whoever sweeps

A content is written under a temporary name, synced and renamed, and only then may a row mention it: a crash
in between leaves a content that nothing refers to, never a row without its content.

To sweep is to remove what nothing refers to, while others write. So whoever puts a content pins it first, in
a file that bears the name of its owner, and takes the pin back when the run is left: by then the row is
committed, or never will be. Who sweeps keeps others from pinning, reads the pins of the living *before* the
rows, and removes what neither of them mentions. A pin that was taken back before it looked belongs to a row
that it then sees."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import attrs
import trio

from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.runtime.files import FileProblem
from flowlang.values.references import digits_of
from flowlang.values.value import Value

PIECE: Final = 1 << 20  # bytes that are copied at once


class ArtifactProblem(StoreProblem, FileProblem):
    """A content that cannot be kept, or is not what it should be."""


def artifacts_of(store: Path) -> Path:
    """The folder beside a store."""
    return store.with_name(store.name + "-artifacts")


@attrs.frozen
class Artifacts:
    """The contents in a folder, which is made when it is needed. `synced`: a content is on the disk before
    `put` returns."""

    folder: Path
    synced: bool = True

    def path(self, hash: object) -> Path:
        """Where the content with a hash lies, if it is there. Raises ArtifactProblem for what is no hash."""
        digits = digits_of(hash)
        if digits is None:
            raise ArtifactProblem("artifact", "a file refers to what is no hash", "`sha256:` and 64 digits")
        return self.folder / digits[:2] / digits[2:]

    def find(self, reference: Mapping[str, Value]) -> Path:
        """The path of a content. Raises ArtifactProblem where it is missing, or has another size."""
        path = self.path(reference["hash"])
        try:
            size = path.stat().st_size
        except OSError as error:
            raise _missing(reference["hash"], error) from None
        if size != reference["size"]:
            raise _damaged(reference["hash"], f"it has {size:,} bytes and should have {reference['size']:,}")
        return path

    def check(self, hash: str) -> None:
        """Read a whole content. Raises ArtifactProblem where it is not what was put."""
        try:
            with self.path(hash).open("rb") as content:
                digest = _copied(content.read, lambda piece: None)
        except OSError as error:
            raise _missing(hash, error) from None
        if digest != digits_of(hash):
            raise _damaged(hash, "its content has another hash")

    def hashes(self) -> Iterator[str]:
        """Of all contents that are there."""
        for folder in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            for path in sorted(folder.iterdir()):
                if digits_of(hash := f"sha256:{folder.name}{path.name}"):
                    yield hash

    def put(self, hash: str, source: Path | bytes, pin: str) -> None:
        """Keep a content under its hash, pinned under a name until `unpin`. Raises ArtifactProblem."""
        target = self.path(hash)
        try:
            for folder in (self.folder, self.folder / "new", self.folder / "pins"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked(fcntl.LOCK_SH), (self.folder / "pins" / pin).open("a") as pins:
                pins.write(hash + "\n")
            if not _is_there(target, source):
                self._write(target, source, pin)
        except OSError as error:
            message = f"a file cannot be kept in {self.folder}: {error.strerror or error}"
            raise ArtifactProblem("artifact", message, "make room or make it writable") from None

    def unpin(self, pin: str) -> None:
        """Let go of what was pinned under a name."""
        with suppress(OSError):
            (self.folder / "pins" / pin).unlink()

    def sweep(self, lives: Callable[[str], bool], mentioned: Callable[[], set[str]]) -> list[tuple[str, int]]:
        """Remove every content that nobody alive has pinned and that is not `mentioned`; gives their hashes
        and sizes. `lives` says whether the owner of that name does. Raises ArtifactProblem."""
        return self._swept(lives, mentioned, remove=True)

    def unneeded(
        self, lives: Callable[[str], bool], mentioned: Callable[[], set[str]]
    ) -> list[tuple[str, int]]:
        """What `sweep` would remove."""
        return self._swept(lives, mentioned, remove=False)

    def _swept(
        self, lives: Callable[[str], bool], mentioned: Callable[[], set[str]], *, remove: bool
    ) -> list[tuple[str, int]]:
        if not self.folder.is_dir():
            return []
        try:
            with self._locked(fcntl.LOCK_EX):
                self._clear_up_after_the_dead(lives)
                kept = self._pinned() | mentioned()
                found = [(hash, self.path(hash)) for hash in self.hashes() if hash not in kept]
                swept = [(hash, path.stat().st_size) for hash, path in found]
                if remove:
                    for _, path in found:
                        path.unlink()
                return swept
        except OSError as error:
            message = f"files in {self.folder} cannot be removed: {error.strerror or error}"
            raise ArtifactProblem("artifact", message, "make the folder writable") from None

    def _write(self, target: Path, source: Path | bytes, pin: str) -> None:
        made = self.folder / "new" / f"{pin}.{secrets.token_hex(4)}"
        try:
            with made.open("xb") as new:
                if isinstance(source, bytes):
                    digest = _copied(_reader(source), new.write)
                else:
                    with source.open("rb") as old:
                        digest = _copied(old.read, new.write)
                if digest != target.parent.name + target.name:
                    raise ArtifactProblem(
                        "artifact", f"{source!s:.200} changed while it was read", "try again"
                    )
                new.flush()
                os.fchmod(new.fileno(), 0o400)
                if self.synced:
                    os.fsync(new.fileno())
            target.parent.mkdir(mode=0o700, exist_ok=True)
            made.rename(target)
            if self.synced:
                _sync_folders(target.parent, self.folder)
        finally:
            made.unlink(missing_ok=True)

    def _pinned(self) -> set[str]:
        pins = (self.folder / "pins").glob("*")
        return {hash for pin in pins for hash in pin.read_text(encoding="ascii").split()}

    def _clear_up_after_the_dead(self, lives: Callable[[str], bool]) -> None:
        for left in [*(self.folder / "pins").glob("*"), *(self.folder / "new").glob("*")]:
            if not lives(left.name.partition(".")[0]):
                left.unlink(missing_ok=True)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)


@attrs.frozen(eq=False)
class RunFiles:
    """The `Files` of one run: what it puts is pinned until it is closed. `kept` are the references."""

    artifacts: Artifacts
    pin: str
    kept: list[Mapping[str, Value]] = attrs.field(factory=list)

    async def keep(self, reference: Mapping[str, Value], source: str | bytes) -> None:
        content = Path(source) if isinstance(source, str) else source
        with trio.CancelScope(shield=True):  # what an agent has done must not be lost on the way
            await trio.to_thread.run_sync(self.artifacts.put, reference["hash"], content, self.pin)
        self.kept.append(reference)

    def find(self, reference: Mapping[str, Value]) -> str:
        return str(self.artifacts.find(reference))

    def close(self) -> None:
        if self.kept:
            self.artifacts.unpin(self.pin)


def _is_there(target: Path, source: Path | bytes) -> bool:
    """Whether a content has been put already. What has lost its size is put anew."""
    try:
        size = target.stat().st_size
    except FileNotFoundError:
        return False
    return size == (len(source) if isinstance(source, bytes) else source.stat().st_size)


def _reader(content: bytes) -> Callable[[int], bytes]:
    """Reads bytes as a file is read."""
    pieces = iter((content,))
    return lambda size: next(pieces, b"")


def _copied(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> str:
    """The digits of the hash of what was copied."""
    digest = sha256()
    while piece := read(PIECE):
        digest.update(piece)
        write(piece)
    return digest.hexdigest()


def _sync_folders(*folders: Path) -> None:
    """So that the new names outlast a loss of power; not all file systems can do that."""
    for folder in folders:
        with suppress(OSError):
            opened = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)


def _missing(hash: str, error: OSError) -> ArtifactProblem:
    message = f"the content of the file {hash[:19]}… cannot be read: {error.strerror or error}"
    return ArtifactProblem("missing_artifact", message, "restore it beside the store from a backup")


def _damaged(hash: str, why: str) -> ArtifactProblem:
    message = f"the content of the file {hash[:19]}… is damaged: {why}"
    return ArtifactProblem("damaged_artifact", message, "restore it beside the store from a backup")
