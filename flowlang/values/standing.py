"""Stand-ins: for each type the plainest value that fits.

They stand where a value is not known and makes no difference, such as a secret of a run that is only looked
at."""

from __future__ import annotations

from typing import Final

from flowlang.plan import model as plan
from flowlang.values.value import Value

_SCALARS: Final[dict[str, Value]] = {
    "string": "",
    "int": 0,
    "float": 0.0,
    "bool": False,
    "null": None,
    "duration": 0,
    "datetime": 0,
    "json": None,
    "file": {"hash": f"sha256:{'0' * 64}", "size": 0, "media_type": "application/octet-stream"},
}


def stand_in(type: plan.Type) -> Value:
    """A plan value of the type."""
    match type:
        case plan.ScalarType(kind=kind):
            return _SCALARS[kind]
        case plan.SecretType(inner=inner):
            return stand_in(inner)
        case plan.EnumType(values=values):
            return values[0]
        case plan.ListType():
            return []
        case plan.MapType():
            return {}
        case plan.RecordType(fields=fields):
            return {field.name: stand_in(field.type) for field in fields}
        case plan.UnionType(cases=cases):
            first = cases[0]
            return {"case": first.name, **{field.name: stand_in(field.type) for field in first.fields}}
        case _:
            return None
