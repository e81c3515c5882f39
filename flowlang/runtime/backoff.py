"""How long to wait before another attempt: plain arithmetic, the same on every host.

Exponential backoff has full jitter: a time between nothing and the doubled delay, so that many who failed
together do not come back together (Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog,
2015). The jitter is a hash of the run, the path and the attempt, so there is nothing to record and a run that
is resumed waits as it would have. Constant and linear backoff mean what they say and have none."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, Literal

import attrs

DOUBLINGS: Final = 62  # further ones would only make the number longer


@attrs.frozen
class Delays:
    """Times in microseconds. `maximum` None: no upper bound."""

    shape: Literal["constant", "linear", "exponential"]
    initial: int
    maximum: int | None = None

    def before(self, attempt: int, run: str, path: str) -> int:
        """The time to wait before an attempt, which counts from 1: so the first further one is 2."""
        failed = attempt - 1
        match self.shape:
            case "constant":
                return self._capped(self.initial)
            case "linear":
                return self._capped(self.initial * failed)
            case "exponential":
                longest = self._capped(self.initial << min(failed - 1, DOUBLINGS))
                return longest * _jitter(run, path, attempt) >> 64

    def _capped(self, delay: int) -> int:
        return delay if self.maximum is None else min(delay, self.maximum)


NO_DELAY: Final = Delays("constant", 0)


def _jitter(run: str, path: str, attempt: int) -> int:
    """A number of 64 bits, evenly spread."""
    return int.from_bytes(blake2b(f"{run}\0{path}\0{attempt}".encode(), digest_size=8).digest())
