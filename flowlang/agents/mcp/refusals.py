"""What goes wrong in a call of a server -> the failure that a flow sees.

JSON-RPC numbers its errors; the status of an HTTP reply stands for itself among them (`http.py`). Arguments
that a server does not take are an error of the call, a reply that cannot be used is `BadOutput`, and where
nobody is there any longer the connection is lost."""

from __future__ import annotations

from typing import Final

from mcp.client import InputRequiredRoundsExceededError
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, INVALID_PARAMS, METHOD_NOT_FOUND, PARSE_ERROR
from pydantic import ValidationError

from flowlang.agents.providers import ConnectionLost
from flowlang.runtime.agent_errors import bad_output, failed, unavailable
from flowlang.runtime.agents import AgentError, agent_failed

LONGEST_MESSAGE: Final = 2_000

BROKEN_STREAM: Final = "SSE stream failed"  # what it makes of an event that is too large, or no event

GONE: Final = (404, 410)  # a session that the server has forgotten, so that it has not begun with the call
NOT_NOW: Final = (408, 425, 429, 500, 502, 503, 504)
NOT_ALLOWED: Final = (401, 403, 407)


def refusal(problem: Exception) -> AgentError | ConnectionLost:
    """The failure of a call that the SDK raised for."""
    match problem:
        case MCPError():
            return _of_server(problem.code, problem.message)
        case ValidationError():
            first = problem.errors(include_url=False, include_context=False)[0]
            place = ".".join(map(str, first["loc"]))
            return bad_output(f"the reply is not what MCP says it is: {place}: {first['msg']}")
        case InputRequiredRoundsExceededError():
            return failed("the server asked back, again and again")
        case RuntimeError():  # the reply does not fit the schema that the server itself gave
            return bad_output(str(problem).partition("\n")[0])
    return agent_failed(problem)


def _of_server(code: int, message: str) -> AgentError | ConnectionLost:
    message = message[:LONGEST_MESSAGE]
    if code == PARSE_ERROR or message.startswith(BROKEN_STREAM):
        return bad_output(message)
    if code == CONNECTION_CLOSED or code in GONE:
        return ConnectionLost(message, begun=code not in GONE)
    if code == INVALID_PARAMS:
        return failed(f"it does not take these arguments: {message}")
    if code == METHOD_NOT_FOUND:
        return failed(f"it cannot do that: {message}")
    if code in NOT_ALLOWED:
        return failed(f"it lets nobody in without other `headers`: {message}")
    return unavailable(message) if code in NOT_NOW else failed(message)
