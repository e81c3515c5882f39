"""What leaves a group of children that end together: one rule, whatever the host is made of."""

from __future__ import annotations

from collections.abc import Sequence

from flowlang.runtime.failures import FlowFailure


def news(
    raised: Sequence[BaseException], cancellation: type[BaseException], *, satisfied: bool
) -> BaseException | None:
    """What a group ends with, of what its children raised, in the order in which they ended.

    The first it is, be it a failure or a `cancellation` from outside (of a group's own cancellation nobody
    speaks); the failures after it are noted on it. A group that is `satisfied`, having had what it wanted,
    ends without. Anything else a child raised is a mistake in the runtime, which goes first."""
    if mistake := next((e for e in raised if not isinstance(e, (FlowFailure, cancellation))), None):
        return mistake
    if satisfied or not raised:
        return None
    first, *later = raised
    if isinstance(first, FlowFailure):
        for failure in later:
            if isinstance(failure, FlowFailure):
                first.note(failure.failure)
    return first
