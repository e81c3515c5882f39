"""Calls: from values to what an agent gets, and from what it answers or raises back to values and failures.

An agent is foreign: its reply is decoded by the declared type, its failure by the declared errors, and
whatever fits neither becomes a failure that says so. Nothing here waits."""

from __future__ import annotations

from collections.abc import Mapping

from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentError
from flowlang.runtime.failures import AGENT_FAILED, BAD_OUTPUT, BUILT_IN, EVALUATION_FAILED, Failure
from flowlang.values.codec import decode, encode, write_json
from flowlang.values.value import MAX_BOUNDARY, TOO_LARGE_HELP, Misfit, Value, weight


class Refused(Exception):
    """A call that cannot be made or taken as it is; holds the failure, yet without its place."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


def encode_arguments(agent: plan.Agent, values: Mapping[str, Value]) -> dict[str, Value]:
    """Arguments in their JSON form. Raises Refused where they are too large."""
    arguments = {p.name: encode(values[p.name], p.type) for p in agent.parameters if p.name in values}
    if weight(arguments, MAX_BOUNDARY) > MAX_BOUNDARY:
        message = f"the arguments are larger than 1 MiB of JSON; {TOO_LARGE_HELP}"
        raise Refused(Failure(EVALUATION_FAILED, message, {"message": message}))
    return arguments


def decode_reply(name: str, agent: plan.Agent, reply: Value) -> Value:
    """A reply as a value of the agent's result type. Raises Refused where it does not fit."""
    try:
        return decode(reply, agent.result)
    except Misfit as misfit:
        fields = {"path": misfit.path, "message": misfit.message}
        message = f"the reply of {name} does not fit: {misfit.told}"
        raise Refused(Failure(BAD_OUTPUT, message, fields)) from None


def failure_of(compiled: plan.Plan, name: str, error: AgentError) -> Failure:
    """What an agent raised, as the failure that flows can catch; its place is yet unknown."""
    known = _declared(compiled.agents[name], error.error)
    message = _readable(error.message)
    if known is None:
        told = f": {message}" if message else ""
        return _agent_failed(f"{name} raised {error.error}, which it does not declare{told}", error)
    declared = BUILT_IN.get(known) or compiled.errors[known]
    given = {"message": message, **error.fields}
    record = plan.RecordType(fields=declared.fields, name=known)
    try:
        fields = decode(given, record)
    except Misfit as misfit:
        return _agent_failed(f"{name} raised {known}, but its fields do not fit: {misfit}", error)
    return Failure(known, message or described(known, declared, fields), fields, cause=error.cause)


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


def _readable(text: str) -> str:
    """A text that can be written anywhere: with no half of a surrogate pair in it."""
    return text.encode("utf-8", "backslashreplace").decode()


def _agent_failed(message: str, error: AgentError) -> Failure:
    return Failure(AGENT_FAILED, message, {"message": message}, cause=error.cause)
