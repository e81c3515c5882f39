"""What a journaled run has under way: calls of agents, and questions that somebody answers.

Each is withheld until a row is written, then ready, then begun: in tasks of a nursery, some in a turn, so
that other runs have theirs. What it comes to is handed back as the text of an outcome, for a journal."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import attrs
import trio

from flowlang.hosts.call_scopes import CallScope
from flowlang.hosts.withheld import Withheld
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.runtime.host import Question
from flowlang.runtime.journal import with_used
from flowlang.runtime.outcomes import error_text, reply_text
from flowlang.values.value import Value

MakeCall: TypeAlias = Callable[[str, AgentCall, CallScope], Awaitable[Value]]
"""Carries out one attempt of a call, given its path, and the scope in which it is made. Raises AgentError."""

FindUsed: TypeAlias = Callable[[str], Mapping[str, int] | None]
"""What a call that has ended has used, given its path; see `Host.used`."""

FindAnswer: TypeAlias = Callable[[str, Question], Callable[[], Awaitable[Value]] | None]
"""What answers a question, given its address; None where it waits for somebody. That raises AgentError."""

CallEnded: TypeAlias = Callable[[str, AgentCall, str | None], None]
"""Hears how the call of a path has ended: the text of its outcome, None where it was stopped."""

IN_A_TURN: Final = 100  # inputs heard, or calls begun, before other runs have their turn


@attrs.define
class Activity:
    """What is under way in a process, so that a commit holds nobody up."""

    runs: int = 0
    calls: int = 0

    def idle(self) -> bool:
        """Whether nothing is under way but the one run that asks."""
        return self.calls == 0 and self.runs <= 1


class Calls:
    """The calls of a run. A task that is done with one goes on with the next that is ready, so that of calls
    in a row not each costs a task and a scope of its own."""

    def __init__(
        self, compiled: plan.Plan, make: MakeCall, used: FindUsed, activity: Activity, ended: CallEnded
    ) -> None:
        self._plan, self._make, self._used = compiled, make, used
        self._activity, self._ended = activity, ended
        self._withheld = Withheld[AgentCall]()
        self._ready: OrderedDict[str, AgentCall] = OrderedDict()
        self._scopes: dict[str, CallScope] = {}
        self._awaited = 0  # tasks that were begun and have not taken a call yet
        self._left = False

    @property
    def under_way(self) -> bool:
        return bool(self._scopes)

    @property
    def may_begin(self) -> int:
        """How many are ready, and nobody is there to make them."""
        return len(self._ready) - self._awaited

    def hold(self, path: str, call: AgentCall, row: int) -> None:
        """Make a call once this row is written."""
        self._withheld.hold(path, call, row)

    def let_go(self, written: int) -> None:
        """All rows up to this one are written."""
        for path, call in self._withheld.let_go(written):
            self.make(path, call)

    def make(self, path: str, call: AgentCall) -> None:
        """Make a call at the next opportunity."""
        if not self._left:
            self._ready[path] = call
            self._activity.calls += 1

    def begin(self, nursery: trio.Nursery, *, taken: int = 0) -> None:
        """Begin what is ready, but for so many calls that somebody is about to take."""
        for _ in range(min(self.may_begin - taken, IN_A_TURN)):
            self._awaited += 1
            nursery.start_soon(self._make_what_is_ready)

    def stop(self, path: str) -> bool:
        """Ask a call to stop. Whether it had not begun, and so has ended now; else it is told how it ends,
        unless it has ended already."""
        if scope := self._scopes.get(path):
            scope.stop()
            return False
        return self._withheld.drop(path) or self._drop_ready(path)

    def leave(self) -> None:
        """Begin nothing more."""
        self._left = True
        self._activity.calls -= len(self._ready)
        self._ready.clear()

    def _drop_ready(self, path: str) -> bool:
        if self._ready.pop(path, None) is None:
            return False
        self._activity.calls -= 1
        return True

    async def _make_what_is_ready(self) -> None:
        self._awaited -= 1
        while self._ready:
            with trio.CancelScope() as opened:
                scope = CallScope(opened)
                while self._ready and not scope.used_up:
                    await self._make_next(scope)

    async def _make_next(self, scope: CallScope) -> None:
        path, call = self._ready.popitem(last=False)
        self._scopes[path] = scope
        outcome: str | None = None
        try:
            outcome = await self._outcome(path, call, scope)
        finally:
            del self._scopes[path]
            self._activity.calls -= 1
            used = self._used(path)
            if outcome is not None or scope.stopped:  # else the run was left
                self._ended(path, call, with_used(outcome, used))

    async def _outcome(self, path: str, call: AgentCall, scope: CallScope) -> str:
        try:
            reply = await self._make(path, call, scope)
        except AgentError as error:
            return error_text(call.agent, error)
        return reply_text(self._plan, call.agent, reply)


class Answers:
    """The questions of a run, and whoever answers them by himself. What is withheld is not asked yet."""

    def __init__(self, compiled: plan.Plan, find: FindAnswer, answered: Callable[[str, str], None]) -> None:
        self._plan, self._find, self._answered = compiled, find, answered
        self._withheld = Withheld[Question]()
        self._ready: OrderedDict[str, Question] = OrderedDict()
        self._scopes: dict[str, trio.CancelScope] = {}

    def withholds(self, path: str) -> bool:
        """Whether nobody may know of a question yet."""
        return path in self._withheld

    @property
    def may_begin(self) -> int:
        return len(self._ready)

    def hold(self, path: str, question: Question, row: int) -> None:
        """Ask a question once this row is written."""
        self._withheld.hold(path, question, row)

    def let_go(self, written: int) -> None:
        """All rows up to this one are written."""
        self._ready.update(self._withheld.let_go(written))

    def begin(self, nursery: trio.Nursery) -> None:
        for _ in range(min(len(self._ready), IN_A_TURN)):
            path, question = self._ready.popitem(last=False)
            if answer := self._find(path, question):
                self._scopes[path] = scope = trio.CancelScope()
                nursery.start_soon(self._answer, path, question.ask, answer, scope)

    def close(self, path: str) -> None:
        """Nobody waits for an answer any longer."""
        self._withheld.drop(path)
        self._ready.pop(path, None)
        if scope := self._scopes.pop(path, None):
            scope.cancel()

    async def _answer(
        self, path: str, ask: str, answer: Callable[[], Awaitable[Value]], scope: trio.CancelScope
    ) -> None:
        with scope:
            try:
                outcome = reply_text(self._plan, ask, await answer())
            except AgentError as error:
                outcome = error_text(ask, error)
            self._answered(path, outcome)
