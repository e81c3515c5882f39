"""Scopes: the tree of what a kernel carries out, and what of it is cancelled as one.

Plain state, with what can be said of it alone. It is the kernel that enters scopes and wakes tasks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import attrs

from flowlang.runtime.agents import AgentCall
from flowlang.runtime.commands import Command, StopCall
from flowlang.runtime.timers import Timer

HearEnd: TypeAlias = Callable[[BaseException | None], None]
"""Hears that a task has ended, and what it raised, if it did."""


@attrs.define(eq=False)
class Scope:
    """A part of the run that is cancelled as one. `tasks` are those whose innermost scope it is. `reached`:
    a wait in it is cancelled, since it is `cancelled` itself or a scope around it is."""

    parent: Scope | None
    shield: bool = False
    deadline: Timer | None = None
    cancelled: bool = False
    reached: bool = False
    tasks: dict[Task, None] = attrs.field(factory=dict)
    inner: dict[Scope, None] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Task:
    """`abort` gives up what the task waits for, and says whether it could; None while it cannot be cancelled.
    `ended` is how the group whose child it is hears of its end; None: it is the run itself."""

    coroutine: Coroutine[None, Any, object]
    scope: Scope
    ended: HearEnd | None
    abort: Callable[[], bool] | None = None


@attrs.define(eq=False)
class PendingCall:
    """A call that was started and has not ended. `commands` is where it is asked to stop, `stopping` says
    that it was."""

    path: str
    call: AgentCall
    task: Task
    commands: list[Command]
    stopping: bool = False

    def stop(self) -> bool:
        """Ask it to stop. Gives False: it is awaited."""
        self.stopping = True
        self.commands.append(StopCall(self.path))
        return False

    @property
    def given_up(self) -> bool:
        """Whether nobody wants it any longer. A shielded one is wanted to its end, to be undone."""
        return self.stopping and not self.call.shielded


def deadline_of(scope: Scope | None) -> int | None:
    """When the scopes around a wait cancel it at the latest."""
    instants = []
    while scope is not None:
        if scope.deadline is not None:
            instants.append(scope.deadline.instant)
        scope = None if scope.shield else scope.parent
    return min(instants, default=None)
