"""Runs the benchmarks, all or those named; fails where a figure is over twice its bound, twice in a row.

The second time is for machines that had something else to do just then; both figures are printed. Processes
that are started may keep the bytecode of what they import, whatever the environment says: that of the
packages that we are held against came with them."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from tests.benchmarks import forget_heap


def main(wanted: list[str]) -> int:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    held = [holds(name) or holds(name) for name in wanted or names]
    return int(not all(held))


def holds(name: str) -> bool:
    forget_heap()
    figures = []
    for figure in import_module(f"tests.benchmarks.bench_{name}").figures():
        print(figure.line(), flush=True)
        figures.append(figure)
    return not any(figure.fails for figure in figures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
