"""Ids of a plan -> names of the language.

An id may be any text, a name may not. An id that is a name stays; of any other the characters that a name
cannot have become `_`. Two ids never share a name: the later one gets a number."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flowlang.syntax.words import RESERVED

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LONGEST = 60
OWN = frozenset(("results", "inputs", "metadata", "run", "attempt", "result"))
"""What expressions of a plan mean by these is settled."""


def is_name(id: str) -> bool:
    return NAME.fullmatch(id) is not None and id not in RESERVED and id not in OWN and len(id) <= 200


def as_name(id: str, otherwise: str) -> str:
    """A name as near to an id as possible."""
    if is_name(id):
        return id
    name = re.sub(r"[^A-Za-z0-9_]+", "_", id).strip("_")[:LONGEST]
    if not name:
        name = otherwise
    if name[0].isdigit():
        name = f"{otherwise}_{name}"
    return name if is_name(name) else f"{name}_"


def unique(name: str, taken: Iterable[str]) -> str:
    """The name, with a number behind it where it is taken."""
    known = frozenset(taken)
    if name not in known:
        return name
    number = next(n for n in range(2, len(known) + 3) if f"{name}_{n}" not in known)
    return f"{name}_{number}"
