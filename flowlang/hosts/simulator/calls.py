"""The calls of a simulated run: announced, in line before a protected agent, made, stopped, ended.

The world says what becomes of a call when it is really made. What a trio host does around that is done here:
limits, breaker and cache, then the engine's cap on all calls, the timeout of the attempt, the shield of a
call that has to be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

import attrs

from flowlang.hosts.simulator.agenda import Agenda, AskAgain
from flowlang.hosts.simulator.simulated import Made
from flowlang.hosts.simulator.world import STOPS, Ends, Reaction, TakeCall
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.events import Admitted, Event, Waiting
from flowlang.runtime.failures import BREAKER_OPEN, TIMEOUT
from flowlang.runtime.inputs import CallEnded, Outcome, Raised, Replied, Stopped
from flowlang.runtime.protection import COUNTED, Ending, Go, Later, Protection, Refused
from flowlang.values.times import format_datetime, format_duration


@attrs.define
class InFlight:
    """A call that the run has begun and not heard of again. `made` is its place among the calls that were
    made, None until it is; `told` counts the events until then. `due` is the number of its end on the agenda,
    and `ends_at` when that is. At `times_out`, in time that really passes, its timeout asks it to stop."""

    call: AgentCall
    made: int | None = None
    started: int = 0
    told: int = 0
    due: int | None = None
    ends_at: int = 0
    times_out: int | None = None
    asked_to_stop: Ends | None = STOPS
    go: Go | None = None


@attrs.define
class _Line:
    """Those who wait for a turn, the first in front; `told` are those of whom that is known."""

    protection: Protection
    waiting: list[str] = attrs.field(factory=list)
    told: dict[str, None] = attrs.field(factory=dict)
    again_at: int | None = None


CALLS_AT_ONCE: Final = 100
"""The cap of an engine that nobody has set otherwise."""


@attrs.define
class Calls:
    """`free` is how many calls may be made beside those under way; the `crowd` waits for that, the first in
    front."""

    agents: Mapping[str, plan.Agent]
    take_call: TakeCall
    agenda: Agenda
    order: Random | None
    told: list[Event]
    tell: Callable[[Event], None]
    at_once: int
    in_flight: dict[str, InFlight] = attrs.field(factory=dict)
    free: int = attrs.field(init=False)
    crowd: dict[str, Go | None] = attrs.field(factory=dict)
    _made: list[Made | None] = attrs.field(factory=list)
    _lines: dict[str, _Line] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.free, self._lines = self.at_once, _lines_of(self.agents)

    def all_made(self) -> tuple[Made, ...]:
        """The calls that were made, in order; none may be in flight."""
        return tuple(made for made in self._made if made is not None)

    def begin(self, path: str, call: AgentCall) -> None:
        """The run wants a call."""
        self.in_flight[path] = InFlight(call)

    def go_ahead(self, path: str) -> None:
        """Make a call that was begun, when its turn comes."""
        call = self.in_flight[path].call
        line = self._lines.get(call.agent)
        if line is None:
            return self._in_place(path, None)
        cache = line.protection.cache
        known = cache and cache.find(call.arguments, self.agenda.clock)
        if known:
            return self.end(path, Ends(Replied(known[0])))
        line.waiting.append(path)
        self.admit(call.agent)

    def admit(self, agent: str, *, again: bool = False) -> None:
        """Let the calls of an agent go that are allowed now. `again`: an `AskAgain` of it has arrived."""
        line = self._lines[agent]
        if again:
            line.again_at = None
        while line.waiting:
            verdict = line.protection.ask(self.agenda.clock)
            if isinstance(verdict, Later):
                return self._hold(agent, line, verdict.instant)
            path = line.waiting.pop(0)
            waited = path in line.told
            line.told.pop(path, None)
            if isinstance(verdict, Refused):
                self.end(path, _refused(agent, verdict.until))
                continue
            if waited:
                self.tell(Admitted(path, self.agenda.clock))
            self._in_place(path, verdict)

    def _hold(self, agent: str, line: _Line, until: int | None) -> None:
        now = self.agenda.clock
        for path in line.waiting:
            if path not in line.told:
                line.told[path] = None
                self.tell(Waiting(path, now, "limit", agent, None))
        if until is not None and until != line.again_at:
            line.again_at = until
            self.agenda.add(max(self.agenda.passed, until - self.agenda.offset), AskAgain(agent))

    def _in_place(self, path: str, go: Go | None) -> None:
        """Make a call, once there is a place for it."""
        if self.free:
            self.free -= 1
            self._make(path, go)
        else:
            self.crowd[path] = go

    def _pass_on(self) -> None:
        """A call that was made is over, and the next has its place."""
        if not self.crowd:
            self.free += 1
            return
        path = next(iter(self.crowd))
        self._make(path, self.crowd.pop(path))

    def _make(self, path: str, go: Go | None) -> None:
        flight = self.in_flight[path]
        call = flight.call
        flight.made, flight.started, flight.go = len(self._made), self.agenda.clock, go
        flight.told = len(self.told)
        flight.times_out = None if call.timeout is None else self.agenda.passed + call.timeout
        self._made.append(None)
        reaction = self.take_call(path, call, self.agenda.clock)
        flight.asked_to_stop = None if call.shielded else reaction.asked_to_stop
        if (ends := _in_time(call, reaction)) is not None:
            self.end(path, ends)

    def end(self, path: str, ends: Ends) -> None:
        """A call is to end so, whatever else was to become of it."""
        flight = self.in_flight[path]
        flight.ends_at = self.agenda.passed + ends.delay
        flight.due = self.agenda.add(flight.ends_at, CallEnded(flight.ends_at, path, ends.outcome))

    def ends_by(self, path: str, number: int) -> bool:
        """Whether the item of the agenda with this number is how a call ends."""
        flight = self.in_flight.get(path)
        return flight is not None and flight.due == number

    def stop(self, path: str) -> None:
        """The call is cancelled, perhaps once more. One that has ended is about to be recorded, one that was
        not yet made stops at once, and one that its timeout has asked to stop is at it."""
        flight = self.in_flight.get(path)
        if flight is None or self._has_timed_out(flight):
            return
        if flight.made is None:
            self._leave(path, flight.call.agent)
            self.end(path, STOPS)
        elif flight.asked_to_stop is not None and not self._has_ended(flight):
            self.end(path, flight.asked_to_stop)
            flight.asked_to_stop = None

    def _leave(self, path: str, agent: str) -> None:
        line, go = self._lines.get(agent), self.crowd.pop(path, None)
        if line is not None and path in line.waiting:
            line.waiting.remove(path)
            line.told.pop(path, None)
        elif line is not None and go is not None:
            line.protection.end(go, "cancelled", self.agenda.clock)

    def _has_timed_out(self, flight: InFlight) -> bool:
        """Whether its timeout has asked a call to stop before now."""
        return flight.times_out is not None and self.agenda.passed > flight.times_out

    def _has_ended(self, flight: InFlight) -> bool:
        """Whether a call has ended by itself when it is asked to stop; at one instant, either may be."""
        ends_now = flight.due is not None and flight.ends_at == self.agenda.passed
        return ends_now and self.order is not None and self.order.random() < 0.5

    def heard(self, end: CallEnded, *, recorded: bool) -> AgentCall:
        """A call has ended, and its end is about to be committed; `recorded`: it will be. Gives the call."""
        flight = self.in_flight.pop(end.path)
        call, outcome, now = flight.call, end.outcome, self.agenda.clock
        if flight.made is not None:
            self._made[flight.made] = Made(
                end.path, call, flight.started, now, outcome, recorded, flight.told, len(self.told)
            )
            line = self._lines.get(call.agent)
            if line is not None and flight.go is not None:
                line.protection.end(flight.go, _ending(outcome), now)
                if line.protection.cache and isinstance(outcome, Replied):
                    line.protection.cache.keep(call.arguments, outcome.value, now)
                self.admit(call.agent)
            self._pass_on()
        return call

    def forget(self) -> None:
        """The process is gone: calls under way have no end, and nobody stands in line."""
        for path, flight in self.in_flight.items():
            if flight.made is not None:
                self._made[flight.made] = Made(path, flight.call, flight.started, told_before=flight.told)
        self.in_flight.clear()
        self.crowd.clear()
        self.free, self._lines = self.at_once, _lines_of(self.agents)


def _lines_of(agents: Mapping[str, plan.Agent]) -> dict[str, _Line]:
    return {
        name: _Line(Protection.of(agent))
        for name, agent in agents.items()
        if agent.limits or agent.breaker or agent.cache
    }


def _refused(agent: str, until: int) -> Ends:
    shown = format_datetime(until)
    return Ends(Raised(BREAKER_OPEN, f"the breaker of {agent} is open until {shown}", {"until": shown}))


def _in_time(call: AgentCall, reaction: Reaction) -> Ends | None:
    """How a call ends that is asked to stop at its timeout: a late answer still is one. Whoever neither ends
    nor stops is left alone then."""
    ends, stops, timeout = reaction.ends, reaction.asked_to_stop, call.timeout
    if timeout is None or (ends is not None and (stops is None or ends.delay <= timeout)):
        return ends
    delay = timeout + (stops.delay if stops else 0)
    if stops is not None and isinstance(stops.outcome, Replied):
        return Ends(stops.outcome, delay)
    message = f"{call.agent} did not answer within {format_duration(timeout)}"
    return Ends(Raised(TIMEOUT, message), delay)


def _ending(outcome: Outcome) -> Ending:
    match outcome:
        case Replied():
            return "well"
        case Raised(error=error):
            return "unwell" if error in COUNTED else "well"
        case Stopped():
            return "cancelled"
