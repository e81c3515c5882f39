"""Where secrets stand in a plan.

A secret is passed on whole, as an argument, and never becomes part of anything else. So parameters are the
only places of secrets."""

from __future__ import annotations

from collections.abc import Iterable

from flowlang.plan import model as plan


def secret_names(parameters: Iterable[plan.Parameter]) -> tuple[str, ...]:
    """The parameters that take secrets."""
    return tuple(parameter.name for parameter in parameters if is_secret(parameter.type))


def is_secret(type: plan.Type) -> bool:
    """Whether a value of this type is a secret, or holds one."""
    match type:
        case plan.SecretType():
            return True
        case plan.OptionalType(inner=inner) | plan.ListType(item=inner) | plan.MapType(value=inner):
            return is_secret(inner)
        case plan.RecordType(fields=fields):
            return any(is_secret(field.type) for field in fields)
        case _:
            return False
