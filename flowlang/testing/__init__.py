"""Hypothesis for flows: property tests over values, inputs, faults, runs and whole programs.

    from hypothesis import given
    import flowlang.testing as ft

    @given(ft.runs("orders.flow"))                     # odd inputs, broken agents, crashes, any order
    def test_nobody_pays_twice(run: ft.Run) -> None:
        assert len(run.calls("charge")) <= 1

    @given(ft.inputs("orders.flow"))                   # what fits the parameters of a flow
    @given(ft.values("list<{ id: string, paid: datetime? }>"))   # what fits a type
    @given(ft.misfits("list<int>"))                    # what does not
    @given(ft.faults("orders.flow", kinds={"errors", "crashes"}))
    @given(ft.plans())                                 # programs, well typed by construction
    @given(ft.expressions())                           # … that are one expression of their parameters
    @given(ft.projects())                              # … in one file, and the same in two
    @given(ft.sources())                               # texts of flows, right and wrong

What is drawn is data in JSON form that prints as it is written, and shrinks: a run that fails is shown with
the least that makes it fail, and `ft.run_of` makes it again. A flow is named by its file or is a compiled
plan, with the name of the flow where it is not the main one. flowlang's own properties are tested with these
(`tests/test_proof_*.py`).

Needs the extra: `pip install flowlang[testing]`."""

from flowlang.testing.faults import ClockSet, Comes, Dies, Faults, Kind, Raises, Replies, Silent, faults
from flowlang.testing.inputs import inputs
from flowlang.testing.misfits import fits, misfits
from flowlang.testing.plans import Written, expressions, plans, projects
from flowlang.testing.recorded import Recorded, recorded
from flowlang.testing.runs import Run, run_of, runs
from flowlang.testing.sources import sources
from flowlang.testing.values import values

__all__ = [
    "ClockSet",
    "Comes",
    "Dies",
    "Faults",
    "Kind",
    "Raises",
    "Recorded",
    "Replies",
    "Run",
    "Silent",
    "Written",
    "expressions",
    "faults",
    "fits",
    "inputs",
    "misfits",
    "plans",
    "projects",
    "recorded",
    "run_of",
    "runs",
    "sources",
    "values",
]
