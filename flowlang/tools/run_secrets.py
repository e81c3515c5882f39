"""Arguments as they may be shown: what a parameter of a secret type was given is out of sight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from flowlang.plan import model as plan
from flowlang.plan.secrets import secret_names
from flowlang.values.value import Value

HIDDEN: Final = "(secret)"


def shown_arguments(arguments: Mapping[str, Value], parameters: Iterable[plan.Parameter]) -> dict[str, Value]:
    """Arguments by the names of parameters; those that are secret are `HIDDEN`."""
    secret = secret_names(parameters)
    return {name: HIDDEN if name in secret else value for name, value in arguments.items()}
