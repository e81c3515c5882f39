"""What a server writes -> its messages, one a line, none larger than a limit.

A line that is too long is not kept, only its two ends: the number of the request that it answers stands in
one of them, so that this one call can be told, and the others go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import attrs

END_BYTES: Final = 256

_FIRST: Final = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,18})\s*,')
_LAST: Final = re.compile(rb'"id"\s*:\s*(\d{1,18})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*\Z')


@attrs.frozen
class TooLong:
    """A line that is over the limit: how it begins and ends."""

    head: bytes
    tail: bytes

    @property
    def answers(self) -> int | None:
        return request_answered(self.head) or request_answered(self.tail)


@attrs.define
class Lines:
    """Puts pieces together to lines, and holds no more than `limit` bytes and a piece."""

    limit: int
    _rest: bytearray = attrs.field(factory=bytearray, init=False)
    _searched: int = attrs.field(default=0, init=False)
    _head: bytes | None = attrs.field(default=None, init=False)  # of a line that is too long

    def add(self, piece: bytes | bytearray) -> Iterator[bytes | TooLong]:
        """The lines that end in this piece, without their line breaks."""
        self._rest += piece
        while (end := self._rest.find(b"\n", self._searched)) >= 0:
            line = bytes(self._rest[:end])
            del self._rest[: end + 1]
            self._searched = 0
            yield self._whole(line)
        self._searched = len(self._rest)
        if self._searched > self.limit:
            self._head = self._head or bytes(self._rest[:END_BYTES])
            del self._rest[:-END_BYTES]
            self._searched = len(self._rest)

    def _whole(self, line: bytes) -> bytes | TooLong:
        if self._head is None and len(line) <= self.limit:
            return line
        too_long = TooLong(self._head or line[:END_BYTES], line[-END_BYTES:])
        self._head = None
        return too_long


def request_answered(text: bytes) -> int | None:
    """The number of the request that a message answers, read from how it begins or ends; None where neither
    shows it. Servers write it first or last, and nothing nested in a message begins or ends like it."""
    found = _FIRST.match(text) or _LAST.search(text)
    return int(found[1]) if found else None
