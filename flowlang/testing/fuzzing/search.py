"""Search: Hypothesis thinks up runs of a flow, and shrinks those in which something is wrong.

Runs are thought up in rounds, each from a seed of its own that follows from the one given; so the same seed
finds the same, and a limit in time only cuts the search short. A round in which something was found is over
soon; what was found, in one place of the flow, is not looked for again.

A run of a large flow takes seconds to think up. So nothing is thought up, nor carried out, past the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Final, TypeAlias

import attrs
import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException, Unsatisfiable

from flowlang.plan.model import Plan
from flowlang.testing.faults import KINDS as FAULTS
from flowlang.testing.faults import Dies
from flowlang.testing.faults import Kind as Fault
from flowlang.testing.fuzzing.findings import LOOKED_FOR, Finding, Kind, findings, unbounded_waits
from flowlang.testing.recorded import Recorded
from flowlang.testing.runs import Run, again, runs

ROUND: Final = 250
"""Runs that are thought up from one seed."""

ORDERS: Final = 5
"""In so many orders a run is carried out in which things arrive together."""

SWEPT: Final = 16
"""Of so many runs one is carried out with a crash at each commit."""

MOST_HEARD: Final = 5_000
"""Inputs that all of those hear together, about; in a long run the crashes are further apart."""

LONGEST_SHRINKING: Final = 20.0  # seconds from the first finding of a round

Key: TypeAlias = tuple[str, str]


@attrs.frozen
class Searched:
    """`runs` counts those that were carried out, shrinking included. `unbounded` are the waits that no
    deadline ends: the step, and what it waits for."""

    findings: tuple[Finding, ...]
    runs: int
    seconds: float
    unbounded: tuple[tuple[str, str], ...]


Progress: TypeAlias = Callable[[int, int], None]
"""Told of the runs and the findings so far."""


def search(
    compiled: Plan,
    flow: str,
    *,
    examples: int,
    seed: int,
    seconds: float | None = None,
    faults: Collection[Fault] = FAULTS,
    kinds: Collection[Kind] = LOOKED_FOR,
    like: Recorded | None = None,
    tell: Progress | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Searched:
    """Think up `examples` runs of a flow, or as many as there is time for, with `faults`, perhaps `like` one
    that is stored; look for what is wrong of these `kinds`. The end has come, too, once it is `stopped`."""
    searching = _Searching(kinds, "crashes" in faults, seconds, tell or (lambda runs, found: None), stopped)
    strategy = runs(compiled, flow, kinds=faults, like=like)
    number = 0
    while searching.runs < examples and not searching.is_over():
        _round(searching, strategy, min(ROUND, examples - searching.runs), (seed << 16) + number)
        number += 1
    return searching.searched()


def _round(searching: _Searching, strategy: st.SearchStrategy[Run], examples: int, seed: int) -> None:
    @hypothesis.seed(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        print_blob=False,
    )
    @hypothesis.given(st.data())
    def look(data: st.DataObject) -> None:
        if not searching.has_ended():
            searching.look(data.draw(strategy))

    searching.found.clear()
    with suppress(_Wrong, BaseExceptionGroup, HypothesisException, Unsatisfiable):
        look()
    searching.take()


def alike(run: Run, crashes: bool) -> Iterator[Run]:
    """A run, where things arrive together the same in other orders, and every so often the same with a crash
    at each of its commits: to carry a run out is far less work than to think one up.

    What there is depends on the run alone, since it is asked for again when that is shrunk."""
    yield run
    if run.simulated.choices:
        yield from (again(run, run.faults, seed) for seed in range(run.seed + 1, run.seed + ORDERS))
    if crashes and run.seed % SWEPT == 0 and not run.faults.deaths:
        for commit in _commits(run):
            for lost in (False, True):
                yield again(run, attrs.evolve(run.faults, deaths=(Dies(commit, lost),)), run.seed)


def _commits(run: Run) -> range:
    commits = run.simulated.commits
    crashes = MOST_HEARD // (1 + len(run.simulated.heard))
    return range(1, commits + 1, 1 + commits // (1 + crashes))


class _Wrong(Exception):
    """Something is wrong with a run; of each key there is a class of its own, since Hypothesis shrinks what
    is raised by its class and place."""


@attrs.define
class _Searching:
    """`found` holds the last run with each finding of a round, which in the end is the smallest; `since` is
    when the first was found. `known` are those of earlier rounds."""

    kinds: Collection[Kind]
    crashes: bool
    seconds: float | None
    tell: Progress
    stopped: Callable[[], bool]
    began: float = attrs.field(factory=time.monotonic)
    since: float = 0.0
    runs: int = 0
    found: dict[Key, Finding] = attrs.field(factory=dict)
    known: dict[Key, Finding] = attrs.field(factory=dict)
    unbounded: dict[tuple[str, str], None] = attrs.field(factory=dict)
    _classes: dict[Key, type[_Wrong]] = attrs.field(factory=dict)

    def look(self, run: Run) -> None:
        """Raises _Wrong."""
        for each in alike(run, self.crashes):
            if self.has_ended():
                return
            self.runs += 1
            self.unbounded.update(dict.fromkeys(unbounded_waits(each)))
            for finding in findings(each):
                if finding.kind in self.kinds and finding.key not in self.known:
                    self.since = self.since if self.found else time.monotonic()
                    self.found[finding.key] = finding
                    raise self._class_of(finding.key)
            if self.runs % 50 == 0:
                self.tell(self.runs, len(self.known))

    def _class_of(self, key: Key) -> type[_Wrong]:
        if key not in self._classes:
            self._classes[key] = type("_Wrong", (_Wrong,), {})
        return self._classes[key]

    def has_ended(self) -> bool:
        """Whether there is nothing more to do in this round. Past that nothing is wrong any more, so that
        shrinking ends, too."""
        return self._has_shrunk() if self.found else self.is_over()

    def is_over(self) -> bool:
        """Whether time is up, after a run at least: nothing found in no run would tell nothing."""
        late = self.seconds is not None and time.monotonic() - self.began > self.seconds
        return (late and self.runs > 0) or self.stopped()

    def _has_shrunk(self) -> bool:
        return self.stopped() or time.monotonic() - self.since > LONGEST_SHRINKING

    def take(self) -> None:
        """A round is over: what it has found is known."""
        self.known.update(self.found)
        self.tell(self.runs, len(self.known))

    def searched(self) -> Searched:
        seconds = time.monotonic() - self.began
        return Searched(tuple(self.known.values()), self.runs, seconds, tuple(self.unbounded))
