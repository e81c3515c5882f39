"""Agents behind providers: what a call of one costs over a bare client of the same library, in the same run,
and how many connections are made.

Each provider measures itself in a module `provider_NAME.py` beside this one, whose `figures()` are told here;
`calls` is how all of them do it: a flow that makes many calls one after the other, against a function that
does the same without us, the agent's server being a process of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import chdir
from importlib import import_module
from pathlib import Path
from typing import Final

import trio

import flowlang
from flowlang.tools.engine import Prepared
from tests.benchmarks import Figure, best_of

CALLS: Final = 100
ROUNDS: Final = 9
BOUND: Final = 1.3

MAIN: Final = """
flow main(calls: int) -> int {
  step all = for each n in 0..calls, in order { step one = TASK yield one }
  return all.size()
}
"""


def figures() -> Iterator[Figure]:
    for path in sorted(Path(__file__).parent.glob("provider_*.py")):
        yield from import_module(f"tests.benchmarks.{path.stem}").figures()


def prepared(declarations: str, task: str, toml: str) -> Prepared:
    """A flow that calls an agent again and again: `task` is the call, for the number `n`."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("flow.toml").write_text(toml)
        Path("main.flow").write_text(declarations + MAIN.replace("TASK", task))
        return flowlang.prepare(flowlang.compile("main.flow"), folder=Path(os.getcwd()))


def calls(
    name: str,
    flow: Prepared,
    bare: Callable[[int], Awaitable[None]],
    against: str,
    *,
    most: int = CALLS,
    rounds: int = ROUNDS,
) -> Figure:
    """A call of ours against one of `bare`, which makes as many calls as it is told, the best of some rounds
    with `most` calls; what either takes to connect is taken off."""

    def ours(count: int) -> None:
        assert trio.run(flow.run, {"calls": count}).data == count

    many, one, bare_many, bare_one = best_of(
        rounds,
        lambda: ours(most),
        lambda: ours(1),
        lambda: trio.run(bare, most),
        lambda: trio.run(bare, 1),
    )
    took, takes = (many - one) / (most - 1), (bare_many - bare_one) / (most - 1)
    return Figure(f"{name}: a call", took * 1e3, "ms", took / takes, against, BOUND)
