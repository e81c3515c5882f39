"""Names that servers give -> names that flows can write.

`read-file` becomes `read_file`, `maxResults` stays as it is, `GET /items/{id}` becomes `GET_items_id`.
Accents are dropped; whatever else a name of the language cannot hold is one `_`. A word that cannot name a
value gets a `_` behind it, and where two names become the same, the later ones get a number, so that the
same names in the same order always give the same result."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from flowlang.syntax.words import RESERVED, TYPES

MAX_NAME: Final = 100
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OTHER: Final = re.compile(r"[^A-Za-z0-9_]+")


def flow_name(name: str) -> str:
    """A name that a flow can give to an agent or a parameter."""
    word = field_name(name)
    return f"{word}_" if word in RESERVED else word


def field_name(name: str) -> str:
    """A name that a flow can give to a field, where any word will do."""
    if is_name(name):
        return name
    plain = unicodedata.normalize("NFKD", name[: 4 * MAX_NAME]).encode("ascii", "ignore").decode()
    word = _OTHER.sub("_", _OTHER.sub("_", plain).strip("_") or "unnamed")[:MAX_NAME]
    return f"_{word}" if word[0].isdigit() else word


def is_name(text: str) -> bool:
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def is_type_name(text: str) -> bool:
    """Whether a type can be called this."""
    return is_name(text) and text not in RESERVED and text not in TYPES


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The names in their order, with a number behind each that stands there already: `a`, `a_2`, `a_3`."""
    given: dict[str, int] = {}
    for name in names:
        number, found = 1, name
        while found in given:
            number = given[name] = given[name] + 1
            found = f"{name}_{number}"
        given[found] = 1
    return tuple(given)
