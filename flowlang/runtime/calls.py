"""Calls: from values to what an agent gets, and from what it answers or raises back to values and failures.

An agent is foreign: its reply is decoded by the declared type, its failure by the declared errors, and
whatever fits neither becomes a failure that says so. What of a call is known before a run is worked out once,
as its `Calling`. Nothing here waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import attrs

from flowlang.plan import model as plan
from flowlang.plan.secrets import secret_names
from flowlang.runtime.agents import AgentError
from flowlang.runtime.failures import AGENT_FAILED, BAD_OUTPUT, BUILT_IN, EVALUATION_FAILED, Failure
from flowlang.values.codec import encode, is_small, reader_of, write_json
from flowlang.values.decoding import Decoder
from flowlang.values.encoding import Encoder, encoder_of
from flowlang.values.value import MAX_BOUNDARY, TOO_LARGE_HELP, Misfit, Value, weight


class Given(NamedTuple):
    """An argument of a call: the parameter's name, its value, and what makes JSON of that."""

    name: str
    value: plan.Expr
    write: Encoder


@attrs.frozen
class Calling:
    """A call of an agent as the plan has it. `arguments` are those that are known here: one that is left out
    and whose default only the provider knows is not. `small`: they cannot be too large. `read` takes the
    reply."""

    agent: plan.Agent
    secrets: tuple[str, ...]
    writes: bool
    timeout: int | None
    arguments: tuple[Given, ...]
    small: bool
    read: Decoder


def calling_of(agent: plan.Agent, task: plan.CallAgent) -> Calling:
    """What is known of a call before it is made."""
    given = [(p, task.arguments.get(p.name, p.default)) for p in agent.parameters]
    return Calling(
        agent=agent,
        secrets=secret_names(agent.parameters),
        writes=agent.effect == "write",
        timeout=agent.timeout,
        arguments=tuple(Given(p.name, value, encoder_of(p.type)) for p, value in given if value is not None),
        small=all(is_small(p.type) for p in agent.parameters),
        read=reader_of(agent.result),
    )


class Raisable(NamedTuple):
    """A built-in error, or one of the plan's; `read` takes its fields."""

    type: plan.ErrorType
    read: Decoder


def raisable_in(compiled: plan.Plan) -> Mapping[str, Raisable]:
    """All errors that a failure in a plan may have, by their names."""
    return {
        name: Raisable(error, reader_of(plan.RecordType(fields=error.fields, name=name)))
        for name, error in {**compiled.errors, **BUILT_IN}.items()
    }


class Refused(Exception):
    """A call that cannot be made or taken as it is; holds the failure, yet without its place."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


def check_size(value: Value, what: str) -> None:
    """Raises Refused where a value is too large for the boundary that it is to cross; `what` is "the result
    is" or the like."""
    if weight(value, MAX_BOUNDARY) > MAX_BOUNDARY:
        message = f"{what} larger than 1 MiB of JSON; {TOO_LARGE_HELP}"
        raise Refused(Failure(EVALUATION_FAILED, message, {"message": message}))


def decode_reply(name: str, agent: plan.Agent, reply: Value) -> Value:
    """A reply as a value of the agent's result type. Raises Refused where it does not fit."""
    return read_reply(name, reader_of(agent.result), reply)


def read_reply(name: str, read: Decoder, reply: Value) -> Value:
    """`decode_reply` with the reader of the result type."""
    try:
        return read(reply)
    except Misfit as misfit:
        fields = {"path": misfit.path, "message": misfit.message}
        message = f"the reply of {name} does not fit: {misfit.told}"
        raise Refused(Failure(BAD_OUTPUT, message, fields)) from None


def failure_of(name: str, agent: plan.Agent, errors: Mapping[str, Raisable], error: AgentError) -> Failure:
    """What an agent raised, as the failure that flows can catch; its place is yet unknown."""
    known = _declared(agent, error.error)
    message = readable(error.message)
    if known is None:
        told = f": {message}" if message else ""
        return _agent_failed(f"{name} raised {error.error}, which it does not declare{told}", error)
    declared = errors[known]
    try:
        fields = declared.read({"message": message, **error.fields})
    except Misfit as misfit:
        return _agent_failed(f"{name} raised {known}, but its fields do not fit: {misfit}", error)
    return Failure(known, message or described(known, declared.type, fields), fields, cause=error.cause)


def described(name: str, declared: plan.ErrorType, fields: Mapping[str, Value]) -> str:
    """A declared error as one line: its message, or its fields as the flow would write them."""
    if isinstance(message := fields.get("message"), str):
        return message
    shown = [f"{f.name}: {write_json(encode(fields[f.name], f.type))}" for f in declared.fields]
    return f"{name}({', '.join(shown)})" if shown else name


def _declared(agent: plan.Agent, raised: str) -> str | None:
    """The name in the plan of an error as the agent knows it: without the module that declares it."""
    if raised in BUILT_IN or raised in agent.raises:
        return raised
    return next((name for name in agent.raises if name.rpartition(".")[2] == raised), None)


def readable(text: str) -> str:
    """A text that can be written anywhere: with no half of a surrogate pair in it."""
    return text.encode("utf-8", "backslashreplace").decode()


def _agent_failed(message: str, error: AgentError) -> Failure:
    return Failure(AGENT_FAILED, message, {"message": message}, cause=error.cause)
