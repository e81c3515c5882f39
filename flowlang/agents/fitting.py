"""Whether a reply is what its target said, when it was asked what it offers.

Whoever carries out a run looks at that too, but cannot know what to do about it."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import Field

from flowlang.runtime.agent_errors import bad_output
from flowlang.values.decoding import Decoder
from flowlang.values.value import Misfit, Value

Offset: TypeAlias = Annotated[str, Field(pattern=r"^(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$")]
"""A setting: what times mean that come without an offset."""

LOCAL_TIME: Final = " has no offset"
OFFSET_HELP: Final = (
    'say in flow.toml what its times mean: `offset = "Z"` for UTC, or "+02:00", below its target'
)


def check_fits(reply: Value, read: Decoder, what: str, help: str) -> None:
    """Raises AgentError where a reply cannot be read; `what` says that it does not fit, `help` what to do."""
    try:
        read(reply)
    except Misfit as misfit:
        wrong, is_local, _ = str(misfit).partition(LOCAL_TIME)
        message = f"{what}: {wrong}{is_local}"
        raise bad_output(message, OFFSET_HELP if is_local else help, misfit.path) from None
