"""How the states of runs and steps look."""

from __future__ import annotations

from typing import Final

from flowlang.plan.styled import Style

STYLES: Final[dict[str, Style]] = {
    "running": "name",
    "waiting": "careful",
    "retrying": "careful",
    "interrupted": "careful",
    "unknown": "danger",
    "done": "good",
    "failed": "danger",
    "cancelled": "quiet",
    "skipped": "quiet",
}
