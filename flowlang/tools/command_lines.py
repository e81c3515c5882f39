"""What to type next, as messages name it: a command line of `flow` that finds the store that is meant."""

from __future__ import annotations

import shlex


def command(store: str | None, name: str, *arguments: str) -> str:
    """`flow answer 4f2a/verdict VALUE`, for a store that is named by an option, or is the user's own."""
    named = ("--store", store) if store else ()
    return shlex.join(("flow", name, *arguments, *named))
