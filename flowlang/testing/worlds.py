"""Faults as data -> the world that the simulator carries a run out in."""

from __future__ import annotations

from zlib import crc32

import attrs

from flowlang.hosts.simulator.world import (
    STOPS,
    Answer,
    Crash,
    Ends,
    Jump,
    Reaction,
    Sent,
    World,
)
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.calls import Refused, decode_reply
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import Raised, Replied
from flowlang.testing.faults import Behaviour, Faults, Raises, Replies, Silent
from flowlang.testing.values import least
from flowlang.values.codec import decode
from flowlang.values.times import parse_duration
from flowlang.values.value import Misfit, Value, normalise


def world_of(faults: Faults, compiled: plan.Plan) -> World:
    """A world in which these faults happen to runs of a plan."""
    people = _Cast(compiled, faults)
    return World(
        call=people.called,
        answer=people.asked,
        sent=[
            Sent(parse_duration(came.after), came.event, _event(compiled, came.event, came.fields))
            for came in faults.events
        ],
        cancelled=None if faults.cancelled is None else parse_duration(faults.cancelled),
        jumps=[Jump(parse_duration(clock.after), parse_duration(clock.by)) for clock in faults.clocks],
        crashes=[Crash(death.commit, not death.lost, parse_duration(death.away)) for death in faults.deaths],
    )


def _event(compiled: plan.Plan, name: str, fields: dict[str, Value]) -> Value:
    return decode(fields, plan.RecordType(fields=compiled.events[name].fields))


@attrs.frozen
class _Cast:
    """Agents and people."""

    compiled: plan.Plan
    faults: Faults

    def called(self, path: str, call: AgentCall, now: int) -> Reaction:
        behaviour = self._behaviour(call.agent, path)
        if isinstance(behaviour, Silent):
            return Reaction(None, None if behaviour.deaf else STOPS)
        outcome = self._outcome(call.agent, behaviour)
        ends = Ends(outcome, parse_duration(behaviour.after))
        late = isinstance(behaviour, Replies) and behaviour.late
        return Reaction(ends, Ends(outcome, 1_000_000) if late else STOPS)

    def asked(self, path: str, question: Question, now: int) -> Answer | None:
        behaviour = self._behaviour(question.ask, path)
        if isinstance(behaviour, Silent):
            return None
        return Answer(self._outcome(question.ask, behaviour), parse_duration(behaviour.after))

    def _behaviour(self, agent: str, path: str) -> Behaviour:
        behaviours = self.faults.agents.get(agent)
        if not behaviours:
            return self.faults.calls.get(path) or Replies(least(self.compiled.agents[agent].result))
        return behaviours[crc32(path.encode()) % len(behaviours)]

    def _outcome(self, agent: str, behaviour: Replies | Raises) -> Replied | Raised:
        if isinstance(behaviour, Raises):
            fields = dict(behaviour.fields)
            message = fields.pop("message", "") if behaviour.error not in self.compiled.errors else ""
            return Raised(behaviour.error, str(message), fields)
        return self._reply(agent, behaviour.value)

    def _reply(self, agent: str, value: Value) -> Replied | Raised:
        """A reply; what cannot be written down as JSON becomes a failure where it arrives."""
        try:
            return Replied(normalise(value))
        except Misfit:
            return self._refused(agent, value)

    def _refused(self, agent: str, value: Value) -> Raised:
        try:
            decode_reply(agent, self.compiled.agents[agent], value)
        except Refused as refused:
            failure = refused.failure
            return Raised(failure.error, failure.message, dict(failure.fields))
        raise AssertionError("what is no value fits no type")
