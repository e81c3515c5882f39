"""How a call reaches an agent: the whole of what the runtime asks of a provider.

Arguments and replies are JSON. A reply that does not fit the agent's type is the interpreter's business
(`BadOutput`); an agent only has to answer or raise. It is called in a task of the host and may be cancelled
there at any wait; it must then clean up and let the cancellation through."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from flowlang.runtime.connections import Connections
from flowlang.runtime.failures import AGENT_FAILED
from flowlang.runtime.files import Files
from flowlang.values.value import Value


class Said(NamedTuple):
    """What an agent says of a call while it answers: a line of its log, or how far it is (`done` of `of`)."""

    text: str
    level: Literal["debug", "info", "warning", "error"] = "info"
    done: float | None = None
    of: float | None = None


class Used(NamedTuple):
    """What a call has used so far of what is counted, such as `input_tokens`; the last one counts."""

    amounts: Mapping[str, int]


Tell: TypeAlias = Callable[[Said | Used], None]


class AgentCall(NamedTuple):
    """One attempt of a call.

    `agent` is the agent's name in the plan. `arguments` holds each parameter in its JSON form, but those that
    were left out and whose default only the provider knows. `timeout` is what the host gives the attempt, in
    microseconds from when it really starts; the host enforces it, the agent may pass it on.
    `idempotency_key` is the same for all attempts that should have one effect. `attempt` counts from 1.
    `shielded` asks the host to await the call, once it has begun, whatever is cancelled meanwhile, because
    what it does has to be undone. `uninterrupted` tells the agent not to walk away from work that it cannot
    stop: the call is shielded, or it writes. `once`: it must not be made again, after a crash, without
    asking, since it writes and the author gave no key.

    `secrets` names the arguments that may be shown and written down nowhere.

    The rest comes from the host: `files` is where it keeps the contents that arguments and reply refer to,
    `connections` what agents share between calls, and `tell` takes what the agent has to say meanwhile."""

    agent: str
    arguments: dict[str, Value]
    timeout: int | None = None
    idempotency_key: str = ""
    attempt: int = 1
    shielded: bool = False
    uninterrupted: bool = False
    once: bool = False
    secrets: tuple[str, ...] = ()
    files: Files | None = None
    connections: Connections | None = None
    tell: Tell | None = None


class AgentError(Exception):
    """An agent's failure with a name: a declared error, or a built-in one such as `Unavailable`.

    `error` is the error's name as the agent knows it, without a module before it. `fields` are in JSON form.
    `cause` is for the trace: what was raised, and where."""

    def __init__(
        self,
        error: str,
        message: str = "",
        *,
        fields: dict[str, Value] | None = None,
        cause: str | None = None,
    ) -> None:
        super().__init__(message or error)
        self.error, self.message, self.fields, self.cause = error, message, fields or {}, cause


class Agent(Protocol):
    """What a binding of an agent is."""

    async def call(self, call: AgentCall) -> Value:
        """The reply, as JSON. Raises `AgentError`, or anything: that is then `AgentFailed`."""


MOST_AMOUNTS: Final = 20
LARGEST_AMOUNT: Final = 1 << 53

LONGEST_MESSAGE: Final = 1_000
LONGEST_CAUSE: Final = 10_000
FRAMES: Final = 20


def amounts_of(used: Used) -> dict[str, int]:
    """What can be counted of what an agent says that it has used: names with numbers, and not too many."""
    given = list(used.amounts.items())[:MOST_AMOUNTS]
    return {str(name): n for name, n in given if str(name).isidentifier() and _is_amount(n)}


def _is_amount(number: object) -> bool:
    return type(number) is int and 0 <= number <= LARGEST_AMOUNT


def agent_failed(raised: BaseException) -> AgentError:
    """Whatever an agent raised, as `AgentFailed`; of an exception group the first exception in it."""
    cause = "".join(traceback.format_exception(raised, limit=-FRAMES))
    while isinstance(raised, BaseExceptionGroup):
        raised = raised.exceptions[0]
    message = f"{type(raised).__name__}: {_text_of(raised)}".removesuffix(": ")
    return AgentError(AGENT_FAILED, message[:LONGEST_MESSAGE], cause=cause[-LONGEST_CAUSE:])


def _text_of(raised: BaseException) -> str:
    try:
        return str(raised)
    except Exception:
        return "its message cannot be read"
