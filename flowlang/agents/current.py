"""What an agent may ask about the call that it is answering.

    from flowlang.agents import current_call

    def charge(amount: float) -> str:
        return bank.charge(amount, idempotency_key=current_call().idempotency_key)

The call travels in a context variable, so it reaches threads and whatever an agent starts. Imports nothing
heavy, so that a module of agents pays nothing for it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, NamedTuple


class CurrentCall(NamedTuple):
    """`idempotency_key` is the same for every attempt that should have one effect (the step's `key`, where
    it has one). `attempt` counts from 1. `timeout_seconds` is what the attempt is given; None: no limit."""

    agent: str
    idempotency_key: str
    attempt: int
    timeout_seconds: float | None


_CALL: Final[ContextVar[CurrentCall]] = ContextVar("flowlang_call")


def current_call() -> CurrentCall:
    """The call that is being answered; raises LookupError outside of one."""
    try:
        return _CALL.get()
    except LookupError:
        raise LookupError("no call of an agent is being answered here") from None


class answering:
    """Makes a call the current one for as long as a block."""

    def __init__(self, call: CurrentCall) -> None:
        self._call = call

    def __enter__(self) -> None:
        self._token = _CALL.set(self._call)

    def __exit__(self, *raised: object) -> None:
        _CALL.reset(self._token)
