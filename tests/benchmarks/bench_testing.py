"""What property tests cost: making a plan up, and simulating a run of it, against compiling that plan."""

from __future__ import annotations

import time
from collections.abc import Iterator

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import flowlang.testing as ft
from flowlang.testing.plans import compiled, well_typed
from tests.benchmarks import Figure

EXAMPLES = 150
MAKING, RUNNING = 2.0, 2.0
"""How many times the compiling each may take."""


def figures() -> Iterator[Figure]:
    making, compiling, running = seconds()
    against = "compiling it"
    yield Figure("plans made up", EXAMPLES / making, "per second", making / compiling, against, MAKING)
    yield Figure(
        "runs drawn and simulated", EXAMPLES / running, "per second", running / compiling, against, RUNNING
    )


def seconds() -> tuple[float, float, float]:
    """How long it took to make plans up, as text; to compile them; and to draw and simulate a run of each."""
    spent = [0.0, 0.0, 0.0]

    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def measure(data: st.DataObject) -> None:
        moments = [time.process_time()]
        text = data.draw(well_typed())
        moments.append(time.process_time())
        made = compiled(text)
        moments.append(time.process_time())
        data.draw(ft.runs(made))
        moments.append(time.process_time())
        for part in range(3):
            spent[part] += moments[part + 1] - moments[part]

    measure()
    making, compiling, running = spent
    return making, compiling, running
