"""Types given as text: `list<{ a: int, b: string? }>` -> the type of a plan.

The front end reads them, as the type of a parameter, so a test writes them exactly as a flow does."""

from __future__ import annotations

from functools import cache

from flowlang.plan.model import Type
from flowlang.tools.frontend import NotRunnable, compile_plan


def type_of(type: Type | str) -> Type:
    """A type of a plan, itself or as text. Raises ValueError where the text is no type."""
    return _read(type) if isinstance(type, str) else type


@cache
def _read(text: str) -> Type:
    try:
        plan = compile_plan("type.flow", text=f"flow main(_value: {text}) {{}}")
    except NotRunnable as mistake:
        raise ValueError(f"`{text}` is no type: {mistake.diagnostics[0].message}") from None
    (parameter,) = plan.flows["main"].parameters
    return parameter.type
