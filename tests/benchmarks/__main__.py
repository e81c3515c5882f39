"""Runs the benchmarks, all or those named; fails where a figure is over twice its bound."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def main(wanted: list[str]) -> int:
    names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    failed = False
    for name in wanted or names:
        for figure in import_module(f"tests.benchmarks.bench_{name}").figures():
            print(figure.line(), flush=True)
            failed |= figure.fails
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
