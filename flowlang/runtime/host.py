"""The `Host` protocol: all that the interpreter needs from the world.

The interpreter is a set of coroutines that wait for nothing but what stands here, so whoever implements
this protocol decides what a run is: tasks of trio, or a deterministic kernel with a journal. Race, timeout,
retry, first-n and paced for-each are derived from `group`, so they are the same everywhere.

Cancellation is whatever `BaseException` the host throws into a wait. The interpreter never catches it but to
clean up and raise it again, and never asks what it is. It arrives only at a wait: `sleep_until`, `call`,
`wait`, or the end of a group whose children were cancelled.

Instants are microseconds since 1970 UTC, durations microseconds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias, TypeVar

import attrs

from flowlang.runtime.agents import AgentCall
from flowlang.values.value import Value

T = TypeVar("T")

Work: TypeAlias = Callable[..., Coroutine[None, Value, None]]


class Group(Protocol):
    """Children that end together. The body of the group only starts them; its end awaits them all.

    The first failure of a child cancels the others, and leaves the group bare once they have ended; what they
    raise after that is noted on it. A group whose children all ended by themselves ends so, even if a
    cancellation from outside is under way: that is delivered at the next wait."""

    def start(self, work: Work, *arguments: object) -> None:
        """Start a child; also from within a child."""

    def cancel(self) -> None:
        """The group has what it wanted: cancel the children. Its end awaits them, and is then quiet, whatever
        they raise and whatever is cancelled around it."""


@attrs.frozen
class Question:
    """A call of an `ask`, answered from outside. Arguments in JSON form; the host gives the answer as JSON
    that fits the ask's result type."""

    ask: str
    arguments: dict[str, Value]


@attrs.frozen
class Awaited:
    """An event that a step waits for. `matches` takes the event's fields as a plan value; it may raise
    `FlowFailure`, which then is raised in the waiting step."""

    event: str
    matches: Callable[[Value], bool]


class Host(Protocol):
    def now(self) -> int:
        """The present instant, never before an earlier one."""

    def sleep_until(self, instant: int) -> Awaitable[None]:
        """Wait until then. A wait, and so a point of cancellation, even if the instant has passed."""

    def group(
        self, deadline: int | None = None, *, running_time: bool = False
    ) -> AbstractAsyncContextManager[Group]:
        """A new group. At its deadline, an instant, its children are cancelled, and then it ends quietly.

        A deadline in `running_time` moves on by as long as nobody carries the run out."""

    def shielded(self, work: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        """Run to the end, whatever is cancelled meanwhile; that is delivered at the next wait."""

    def call(self, path: str, call: AgentCall) -> Awaitable[Value]:
        """One attempt of a call of an agent; gives its reply as JSON that is not yet checked.

        It may have to wait for its turn. Nothing begins once it is cancelled; what is `shielded` ends before
        a cancellation is delivered, which it then is at the next wait.

        Raises `AgentError` or a cancellation, nothing else: whatever an agent raised was made one."""

    def used(self, path: str) -> Mapping[str, int] | None:
        """What the call of this path has used, as its agent told; None where it did not. Asked once, when the
        call has ended, however it did."""

    def wait(self, path: str, awaited: Question | Awaited) -> Awaitable[Value]:
        """The answer to a question, as JSON, or the fields of an event, as a plan value.

        A question's address is `path`. Raises `AgentError` where nobody can answer it."""

    def recall(self, path: str) -> Awaitable[Value]:
        """How far the loop of this path had come when the run was left, as `keep` was told; None where that
        is not known, and the loop begins."""

    def keep(self, path: str, progress: Value) -> None:
        """The loop of this path has come so far, and nothing outside of it depends on how. A host may forget
        what happened in it before. `progress` is a plan value, not null."""
