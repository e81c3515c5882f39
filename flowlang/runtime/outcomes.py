"""Outcomes: what an agent gave or raised -> what a journal can hold.

An agent is foreign: its reply may be no JSON, too large, or no text that can be encoded, and so may what it
puts into an error. Whatever cannot be written down becomes a failure that says so, here and not when it is
written."""

from __future__ import annotations

from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentError
from flowlang.runtime.calls import Refused, decode_reply, readable
from flowlang.runtime.failures import AGENT_FAILED
from flowlang.runtime.inputs import Raised, Replied
from flowlang.values.codec import write_json
from flowlang.values.value import MAX_BOUNDARY, Value, weight


def outcome_of_reply(compiled: plan.Plan, agent: str, reply: Value) -> Replied | Raised:
    """A reply; what is no JSON, or too much of it, is `BadOutput`."""
    if _can_be_written(reply):
        return Replied(reply)
    try:
        decode_reply(agent, compiled.agents[agent], reply)
    except Refused as refused:
        failure = refused.failure
        return Raised(failure.error, failure.message, failure.fields)
    return Raised(AGENT_FAILED, f"the reply of {agent} cannot be written down")


def outcome_of_error(agent: str, error: AgentError) -> Raised:
    name, message = readable(error.error), readable(error.message)
    cause = None if error.cause is None else readable(error.cause)
    if _can_be_written(error.fields):
        return Raised(name, message, error.fields, cause)
    return Raised(AGENT_FAILED, f"{agent} raised {name}, whose fields cannot be written down", cause=cause)


def _can_be_written(value: Value) -> bool:
    try:
        return weight(value, MAX_BOUNDARY) <= MAX_BOUNDARY and bool(write_json(value).encode())
    except (ValueError, TypeError, RecursionError):
        return False
