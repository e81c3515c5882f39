"""Any graph of steps runs as its arrows say: each starts when what it waits for has settled, and not later.

A model of a few lines says when each step starts and how it ends, in seconds of virtual time. Durations are
different powers of two, so that no two instants are equal but where one step waits for another."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from support.runs import EPOCH, play

SECOND = 1_000_000
Fate: TypeAlias = Literal["done", "fails", "skipped"]


@attrs.frozen
class Node:
    waits_for: tuple[int, ...]
    takes: int
    fate: Fate


@attrs.frozen
class Graph:
    """`barrier`: an early return below so many nodes, which waits for some of them and holds or not."""

    nodes: tuple[Node, ...]
    barrier: tuple[int, tuple[int, ...], bool]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(1, 7))
    fates = st.sampled_from(["done", "done", "done", "done", "fails", "skipped"])
    exponents = draw(st.permutations(range(size)))
    nodes = tuple(
        Node(draw(_some_of(position)), 1 << exponents[position], draw(fates)) for position in range(size)
    )
    below = draw(st.integers(0, size))
    return Graph(nodes, (below, draw(_some_of(below)), draw(st.booleans())))


def _some_of(count: int) -> st.SearchStrategy[tuple[int, ...]]:
    if not count:
        return st.just(())
    return st.lists(st.integers(0, count - 1), max_size=3, unique=True).map(tuple)


def text_of(graph: Graph) -> str:
    lines = [_step(position, node) for position, node in enumerate(graph.nodes)]
    below, waits_for, holds = graph.barrier
    mentions = "${run.id}" + "".join(f'${{n{other} ?? ""}}' for other in waits_for)
    lines.insert(below, f'  return "early" when "{mentions}" {"!=" if holds else "=="} "never"')
    return "\n".join(["flow main() -> string {", *lines, '  return "late"', "}"])


def _step(position: int, node: Node) -> str:
    fails = ', fails: "Oops"' if node.fate == "fails" else ""
    guard = ' when run.id == "nobody"' if node.fate == "skipped" else ""
    after = f" after {', '.join(f'n{other}' for other in node.waits_for)}" if node.waits_for else ""
    return f'  step n{position} = work(name: "n{position}", takes: {node.takes}s{fails}){guard}{after}'


@attrs.define
class Expected:
    """By the model: who was called from when to when, when the run ended, and how."""

    calls: dict[str, tuple[int, int, str]]
    ended: int
    status: str
    value: str | None


def expected(graph: Graph) -> Expected:
    below, waits_for, holds = graph.barrier
    settled: dict[int, int] = {}
    cut: set[int] = set()
    calls = {}
    returned_at = 0
    for position, node in enumerate(graph.nodes):
        if position == below:
            returned_at = max((settled[n] for n in waits_for), default=0)
        waits = [settled[n] for n in node.waits_for if n not in cut]
        starts = max([*waits, returned_at if position >= below else 0], default=0)
        settled[position] = starts
        if (holds and position >= below) or cut.intersection(node.waits_for):
            cut.add(position)
        elif node.fate != "skipped":
            settled[position] = starts + node.takes
            calls[f"n{position}"] = (starts, settled[position], "Oops" if node.fate == "fails" else "done")
    return _until_the_first_failure(calls, "early" if holds else "late")


def _until_the_first_failure(calls: dict[str, tuple[int, int, str]], value: str) -> Expected:
    ends = max((end for _, end, _ in calls.values()), default=0)
    failed = min((end for _, end, how in calls.values() if how == "Oops"), default=None)
    if failed is None:
        return Expected(calls, ends, "done", value)
    seen = {
        name: (start, end, how) if end <= failed else (start, failed, "cancelled")
        for name, (start, end, how) in calls.items()
        if start < failed
    }
    return Expected(seen, failed, "failed", None)


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_a_graph_runs_as_its_arrows_say(graph: Graph) -> None:
    played = play(text_of(graph))
    model = expected(graph)
    calls = {c.name: (round(c.started), round(c.ended), c.outcome) for c in played.calls}
    ended = (played.result.ended - EPOCH) // SECOND
    assert (calls, ended, played.result.status, played.result.value) == (
        model.calls,
        model.ended,
        model.status,
        model.value,
    )
