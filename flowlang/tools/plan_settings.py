"""What whoever checks or runs a plan says about it: which agents there are, and how much it may do.

It stands apart from `plan_files`, so that the command line can speak of it without loading that."""

from __future__ import annotations

from typing import NamedTuple

SUFFIXES = (".yaml", ".yml", ".json")


class PlanSettings(NamedTuple):
    """`use` are files with agents; `allow` the only ones that may be called, None for all. `max_calls` bounds
    the calls of one run, `max_time` its time in microseconds."""

    use: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None
    max_calls: int | None = None
    max_time: int | None = None

    def over(self, other: PlanSettings) -> PlanSettings:
        """These settings, and those of `other` where nothing is said here. Limits only ever get tighter."""
        allow = self.allow if other.allow is None or self.allow is None else _both(self.allow, other.allow)
        return PlanSettings(
            self.use or other.use,
            other.allow if allow is None else allow,
            _least(self.max_calls, other.max_calls),
            _least(self.max_time, other.max_time),
        )


def is_plan(path: str) -> bool:
    return path.endswith(SUFFIXES)


def _both(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in left if name in right)


def _least(left: int | None, right: int | None) -> int | None:
    return right if left is None else left if right is None else min(left, right)
