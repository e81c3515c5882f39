"""References to content: what a `file` is in JSON, and where there are some in a value.

A value of type `file` is `{"hash": "sha256:…", "size": …, "media_type": …}`; the content lies elsewhere,
under its hash. Whoever keeps or clears up contents finds them by their form, whatever the types around them
say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from flowlang.plan import model as plan
from flowlang.values.value import Value

HASH: Final = re.compile(r"sha256:([0-9a-f]{64})")
KEYS: Final = {"hash", "size", "media_type"}


def reference_to(content: bytes, media_type: str) -> dict[str, Value]:
    """The reference to a content, in JSON form."""
    return {
        "hash": f"sha256:{sha256(content).hexdigest()}",
        "size": len(content),
        "media_type": media_type,
    }


def digits_of(hash: object) -> str | None:
    """The digits of a hash that is one."""
    found = HASH.fullmatch(hash) if isinstance(hash, str) else None
    return None if found is None else found[1]


def references_in(value: Value) -> Iterator[dict[str, Value]]:
    """Every reference in plain data, in the order in which they are written."""
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, list | tuple):
            pending.extend(reversed(part))
        elif isinstance(part, dict):
            if part.keys() == KEYS and digits_of(part["hash"]):
                yield part
            else:
                pending.extend(reversed(part.values()))


def holds_files(type: plan.Type) -> bool:
    """Whether a `file`, or several in lists and fields, are part of a type. Of a union nobody is asked."""
    match type:
        case plan.ScalarType(kind=kind):
            return kind == "file"
        case plan.OptionalType(inner=inner) | plan.SecretType(inner=inner) | plan.ListType(item=inner):
            return holds_files(inner)
        case plan.MapType(value=inner):
            return holds_files(inner)
        case plan.RecordType(fields=fields):
            return any(holds_files(field.type) for field in fields)
        case plan.EnumType() | plan.UnionType():
            return False
