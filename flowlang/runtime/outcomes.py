"""Outcomes: what an agent gave or raised -> JSON text, as a journal holds it.

An agent is foreign: its reply may be no JSON, too large, or no text that can be encoded, and so may what it
puts into an error. Whatever cannot be written down becomes a failure that says so, here and not when it is
written."""

from __future__ import annotations

from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentError
from flowlang.runtime.calls import Refused, decode_reply, readable
from flowlang.runtime.failures import AGENT_FAILED
from flowlang.runtime.inputs import Outcome, Raised, Replied
from flowlang.runtime.journal import outcome_text
from flowlang.values.value import MAX_BOUNDARY, Value, is_text, weight


def reply_text(compiled: plan.Plan, agent: str, reply: Value) -> str:
    """A reply; what is no JSON, or too much of it, is `BadOutput`."""
    return _written(Replied(reply), reply) or _text(_unfit(compiled, agent, reply))


def error_text(agent: str, error: AgentError) -> str:
    name, message = readable(error.error), readable(error.message)
    cause = None if error.cause is None else readable(error.cause)
    told = f"{agent} raised {name}, whose fields cannot be written down"
    text = _written(Raised(name, message, error.fields, cause), error.fields)
    return text or _text(Raised(AGENT_FAILED, told, cause=cause))


def _unfit(compiled: plan.Plan, agent: str, reply: Value) -> Raised:
    try:
        decode_reply(agent, compiled.agents[agent], reply)
    except Refused as refused:
        failure = refused.failure
        return Raised(failure.error, failure.message, failure.fields)
    return Raised(AGENT_FAILED, f"the reply of {agent} cannot be written down")


def _written(outcome: Outcome, foreign: Value) -> str | None:
    """An outcome, None where what is foreign of it cannot be written down."""
    try:
        if weight(foreign, MAX_BOUNDARY) > MAX_BOUNDARY:
            return None
        text = _text(outcome)
    except (ValueError, TypeError, RecursionError):
        return None
    return text if is_text(text) else None


def _text(outcome: Outcome) -> str:
    text = outcome_text(outcome)
    assert text is not None, "it was not stopped"
    return text
