"""The types that made-up plans are about, and what can be asked of them."""

from __future__ import annotations

from functools import cache
from typing import Final

from flowlang.plan import model as plan
from flowlang.plan.text import type_text

STRING: Final = plan.ScalarType(kind="string")
INT: Final = plan.ScalarType(kind="int")
FLOAT: Final = plan.ScalarType(kind="float")
BOOL: Final = plan.ScalarType(kind="bool")
NULL: Final = plan.ScalarType(kind="null")
DURATION: Final = plan.ScalarType(kind="duration")
DATETIME: Final = plan.ScalarType(kind="datetime")
JSON: Final = plan.ScalarType(kind="json")
FILE: Final = plan.ScalarType(kind="file")
STRINGS: Final = plan.ListType(item=STRING)
INTS: Final = plan.ListType(item=INT)

PLAIN: Final = (STRING, INT, BOOL, FLOAT, DURATION, DATETIME)
ORDERED: Final = (INT, STRING, FLOAT, DURATION, DATETIME)
SHOWN: Final = (STRING, INT, FLOAT, BOOL, DURATION, DATETIME)
"""What a hole takes."""


@cache
def written(type: plan.Type) -> str:
    """A type as flows write it; two types are one where this is the same."""
    return type_text(type)


def list_of(item: plan.Type) -> plan.ListType:
    return plan.ListType(item=item)


def map_of(value: plan.Type) -> plan.MapType:
    return plan.MapType(value=value)


def optional(type: plan.Type) -> plan.Type:
    """A type or null; optional types do not nest."""
    return type if type.kind in ("optional", "null") else plan.OptionalType(inner=type)


def without_null(type: plan.Type) -> plan.Type:
    return type.inner if isinstance(type, plan.OptionalType) else type


def record_of(**fields: plan.Type) -> plan.RecordType:
    return plan.RecordType(
        fields=tuple(plan.FieldType(name=name, type=type) for name, type in fields.items())
    )
