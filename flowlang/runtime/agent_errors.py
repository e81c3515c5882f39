"""The errors of calls that all agents have, with the fields that flows know of them.

What an agent raised by itself, whatever it is, is made one by `agents.agent_failed`."""

from __future__ import annotations

from flowlang.runtime.agents import AgentError
from flowlang.runtime.failures import AGENT_FAILED, BAD_OUTPUT, UNAVAILABLE


def failed(message: str, cause: str | None = None) -> AgentError:
    """It was tried, or could not be, and trying again will not help."""
    return AgentError(AGENT_FAILED, message, fields={"message": message}, cause=cause)


def unavailable(message: str) -> AgentError:
    """Nobody is there, or not now."""
    return AgentError(UNAVAILABLE, message, fields={"message": message})


def bad_output(message: str, help: str | None = None, path: str = "") -> AgentError:
    """The reply is not what it should be."""
    told = f"{message}; {help}" if help else message
    return AgentError(BAD_OUTPUT, told, fields={"path": path, "message": told})
