"""Arguments as they may be shown: what a parameter of a secret type was given is out of sight.

A secret is passed on whole and never becomes part of anything else, so parameters are the only places where
one can stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from flowlang.plan import model as plan
from flowlang.values.value import Value

HIDDEN: Final = "(secret)"


def shown_arguments(arguments: Mapping[str, Value], parameters: Iterable[plan.Parameter]) -> dict[str, Value]:
    """Arguments by the names of parameters; those that are secret are `HIDDEN`."""
    secret = {parameter.name for parameter in parameters if is_secret(parameter.type)}
    return {name: HIDDEN if name in secret else value for name, value in arguments.items()}


def is_secret(type: plan.Type) -> bool:
    match type:
        case plan.SecretType():
            return True
        case plan.OptionalType(inner=inner) | plan.ListType(item=inner) | plan.MapType(value=inner):
            return is_secret(inner)
        case plan.RecordType(fields=fields):
            return any(is_secret(field.type) for field in fields)
        case _:
            return False
