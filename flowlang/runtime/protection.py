"""Protection: the limits, the breaker and the cache of an agent, as plain state that is told the time.

A host asks before a call is really made, and reports how it ended; so what a hit of the cache answers counts
for nothing, and waiting for a turn is no part of an attempt. One `Protection` serves all runs of a process;
it starts closed, with every place free, and knows nothing of before, but for what a cache has `behind` it.

Limits are of two kinds: so many at once, and so many starts in any window (the instants of the last starts
are kept, and nothing rounded to a clock's minute). The breaker is Nygard's ("Release It!", 2007): it opens
after so many failures within a time, refuses for a while, and then lets one probe through, whose end decides.
An agent that answers with a declared error has answered."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from hashlib import sha256
from typing import Final, Literal, Protocol, TypeAlias

import attrs

from flowlang.plan import model as plan
from flowlang.runtime.failures import AGENT_FAILED, TIMEOUT, UNAVAILABLE
from flowlang.values.codec import decode, write_json
from flowlang.values.value import Misfit, Value, weight

COUNTED: Final = (AGENT_FAILED, UNAVAILABLE, TIMEOUT)
"""The failures that say that an agent is unwell."""

CACHED_TEXT: Final = 64 << 20  # characters of JSON that the cache of an agent holds


@attrs.frozen
class Go:
    """The call may be made; `probe` says that it is to find out whether the agent is well again."""

    probe: bool = False


@attrs.frozen
class Later:
    """Ask again at `instant`, or (None) when a call has ended."""

    instant: int | None


@attrs.frozen
class Refused:
    """The breaker is open until then."""

    until: int


Verdict: TypeAlias = Go | Later | Refused
Ending: TypeAlias = Literal["well", "unwell", "cancelled"]


@attrs.define
class Protection:
    """The protection of one agent."""

    places: int | None
    rates: list[Rate]
    breaker: Breaker | None
    cache: Cache | None

    @classmethod
    def of(cls, agent: plan.Agent, behind: Behind | None = None) -> Protection:
        """The protection that the plan says; `behind` keeps what is cached for longer than this process."""
        return cls(
            places=min((q.count for q in agent.limits if q.window is None), default=None),
            rates=[Rate(q.count, q.window) for q in agent.limits if q.window is not None],
            breaker=Breaker(agent.breaker) if agent.breaker else None,
            cache=Cache(agent.result, agent.cache, behind) if agent.cache else None,
        )

    def ask(self, now: int) -> Verdict:
        """May a call start now? With Go it has: a place is taken and the start is counted."""
        if self.breaker and (until := self.breaker.closed_until(now)) is not None:
            return Refused(until)
        if self.places == 0:
            return Later(None)
        if (free := max((rate.free_at() for rate in self.rates), default=now)) > now:
            return Later(free)
        if self.places is not None:
            self.places -= 1
        for rate in self.rates:
            rate.start(now)
        return Go(probe=self.breaker is not None and self.breaker.enter())

    def end(self, go: Go, ending: Ending, now: int) -> None:
        """A call that got Go has ended."""
        if self.places is not None:
            self.places += 1
        if self.breaker:
            self.breaker.end(go.probe, ending, now)


@attrs.define
class Rate:
    """So many starts in any window of microseconds."""

    count: int
    window: int
    starts: deque[int] = attrs.field(factory=deque)

    def free_at(self) -> int:
        """When the next start is allowed."""
        return self.starts[0] + self.window if len(self.starts) == self.count else 0

    def start(self, now: int) -> None:
        if len(self.starts) == self.count:
            self.starts.popleft()
        self.starts.append(now)


@attrs.define
class Breaker:
    """`opened` holds until when it refuses; None: it is closed."""

    policy: plan.Breaker
    failures: deque[int] = attrs.field(factory=deque)
    opened: int | None = None
    probing: bool = False

    def state(self, now: int) -> Literal["closed", "open", "probing"]:
        """`probing`: it is to be found out whether the agent is well again."""
        if self.opened is None:
            return "closed"
        return "probing" if self.probing or now >= self.opened else "open"

    def closed_until(self, now: int) -> int | None:
        """Until when it refuses, or None. While a probe is out nobody can say, so it is `reset` from now."""
        if self.opened is None:
            return None
        if self.probing:
            return now + self.policy.reset
        return self.opened if now < self.opened else None

    def enter(self) -> bool:
        """A call starts; whether it is the probe."""
        self.probing = self.opened is not None
        return self.probing

    def end(self, probe: bool, ending: Ending, now: int) -> None:
        if probe:
            self.probing = False
            if ending == "well":
                self.opened = None
            elif ending == "unwell":
                self._open(now)
        elif ending == "unwell" and self.opened is None:
            self._count(now)

    def _count(self, now: int) -> None:
        self.failures.append(now)
        while self.failures[0] <= now - self.policy.within:
            self.failures.popleft()
        if len(self.failures) >= self.policy.failures:
            self._open(now)

    def _open(self, now: int) -> None:
        self.opened = now + self.policy.reset
        self.failures.clear()


class Behind(Protocol):
    """Keeps replies when they are no longer in memory, by a key of the arguments."""

    def find(self, key: bytes) -> tuple[int, Value] | None:
        """Until when a reply holds, and the reply."""

    def keep(self, key: bytes, expires: int, reply: Value) -> None: ...


@attrs.define
class Cache:
    """Replies that fit, by arguments, for so many microseconds. The one used longest ago goes first."""

    type: plan.Type
    lifetime: int
    behind: Behind | None = None
    room: int = CACHED_TEXT
    replies: OrderedDict[bytes, tuple[int, int, Value]] = attrs.field(factory=OrderedDict)

    def find(self, arguments: Mapping[str, Value], now: int) -> tuple[Value] | None:
        """The reply to a call with these arguments, in a tuple of its own, since null is a reply too."""
        key = _key(arguments)
        found = self.replies.get(key) or self._found_behind(key, now)
        if found is None:
            return None
        expires, _, reply = found
        if now >= expires:
            self._drop(key)
            return None
        self.replies.move_to_end(key)
        return (reply,)

    def keep(self, arguments: Mapping[str, Value], reply: Value, now: int) -> None:
        if not self._fits(reply):
            return
        key, expires = _key(arguments), now + self.lifetime
        self._put(key, expires, reply)
        if self.behind is not None:
            self.behind.keep(key, expires, reply)

    def _fits(self, reply: Value) -> bool:
        try:
            decode(reply, self.type)
        except Misfit:
            return False
        return True

    def _found_behind(self, key: bytes, now: int) -> tuple[int, int, Value] | None:
        known = None if self.behind is None else self.behind.find(key)
        if known is None or now >= known[0] or not self._fits(known[1]):
            return None
        self._put(key, *known)
        return self.replies.get(key)

    def _put(self, key: bytes, expires: int, reply: Value) -> None:
        if key in self.replies:
            self._drop(key)
        size = weight(reply, CACHED_TEXT)
        self.replies[key] = (expires, size, reply)
        self.room -= size
        while self.room < 0:
            self._drop(next(iter(self.replies)))

    def _drop(self, key: bytes) -> None:
        _, size, _ = self.replies.pop(key)
        self.room += size


def _key(arguments: Mapping[str, Value]) -> bytes:
    """Arguments are hashed, so that the cache holds no secret."""
    return sha256(write_json(dict(arguments), canonical=True).encode()).digest()
