"""Benchmarks: figures with something to hold them against.

`python -m tests.benchmarks [NAME…]` prints one JSON line a figure. A module `bench_*.py` here has a function
`figures()` that yields them. What is compared is measured in turns, so that a busy machine slows both. Each
figure has a bound, and the command fails at twice the bound, since a shared machine is no laboratory. What
earlier benchmarks left in memory is no cost of the next: a full collection over it would fall on whoever is
measured just then."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Sequence

import attrs

TOLERANCE = 2.0


@attrs.frozen
class Figure:
    """`ratio` is how the value relates to `against`, in words; `bound` the most that it may be.

    A figure without something to compare with is its own ratio, against one of its unit."""

    name: str
    value: float
    unit: str
    ratio: float
    against: str
    bound: float

    @property
    def fails(self) -> bool:
        return self.ratio > TOLERANCE * self.bound

    def line(self) -> str:
        shown = {"name": self.name, "value": round(self.value, 3), "unit": self.unit}
        return json.dumps(
            shown | {"ratio": round(self.ratio, 3), "against": self.against, "bound": self.bound}
        )


def best_of(rounds: int, *works: Callable[[], object]) -> Sequence[float]:
    """The least time in seconds that each work took, the works taking turns."""
    best = [float("inf")] * len(works)
    forget_heap()
    for _ in range(rounds):
        for index, work in enumerate(works):
            gc.collect()
            started = time.perf_counter()
            work()
            best[index] = min(best[index], time.perf_counter() - started)
    return best


def forget_heap() -> None:
    """Let no collection from now on look at what is there."""
    gc.collect()
    gc.freeze()
