"""Commands: what a kernel wants done outside, in the order in which it wants it. None is ever changed."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from flowlang.runtime.agents import AgentCall
from flowlang.runtime.host import Awaited, Question
from flowlang.values.value import Value


@attrs.define
class StartCall:
    path: str
    call: AgentCall


@attrs.frozen
class StopCall:
    """The call is cancelled: it is to end soon, however it does. Whether it may be interrupted is its own
    affair (`AgentCall.shielded`)."""

    path: str


@attrs.frozen
class OpenWait:
    """Nobody has to do anything but look. `deadline`: when it is cancelled at the latest."""

    path: str
    awaited: Question | Awaited
    since: int
    deadline: int | None


@attrs.frozen
class CloseWait:
    path: str


@attrs.frozen
class KeepProgress:
    """The loop of this path has come so far, by the input at hand; what led there need not be kept."""

    path: str
    progress: Value


Command: TypeAlias = StartCall | StopCall | OpenWait | CloseWait | KeepProgress
