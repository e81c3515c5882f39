"""The environment whose tables of `flow.toml` hold: the one that is named, else that of FLOW_ENV."""

from __future__ import annotations

import os
from typing import Final

ENVIRONMENT_VARIABLE: Final = "FLOW_ENV"
NO_ENVIRONMENT: Final = ""
"""What names none at all, whatever FLOW_ENV says."""


def environment_of(named: str | None) -> str | None:
    """The name of the environment; None where there is none."""
    return (os.environ.get(ENVIRONMENT_VARIABLE) if named is None else named) or None
