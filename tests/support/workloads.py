"""Graphs of real workflows, and flows with their shape: each step stands for one of the graph, `after` those
it waits for. Where they come from stands beside them in `benchmarks/workloads`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import attrs

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks" / "workloads"


@attrs.frozen
class Node:
    """A step that waits for others, known by their ids, and then took so many microseconds."""

    id: str
    waits_for: tuple[str, ...]
    takes: int


@attrs.frozen
class Workload:
    name: str
    nodes: tuple[Node, ...]

    def flow(self, call: Callable[[Node], str]) -> str:
        """A flow in which each node makes the call that is given for it."""
        steps = [
            f"  step {node.id} = {call(node)}"
            + (f"\n    after {', '.join(node.waits_for)}" if node.waits_for else "")
            for node in self.nodes
        ]
        return "\n".join(["flow main() {", *steps, "}\n"])

    def critical_path(self) -> int:
        """The longest way through the graph in microseconds: no run can take less time, however wide."""
        nodes = {node.id: node for node in self.nodes}
        ends: dict[str, int] = {}
        pending = list(nodes)
        while pending:
            node = nodes[pending[-1]]
            if missing := [name for name in node.waits_for if name not in ends]:
                pending += missing
            else:
                ends[pending.pop()] = node.takes + max((ends[name] for name in node.waits_for), default=0)
        return max(ends.values())


def workloads() -> list[Workload]:
    """All of them, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.json"))]


def _read(path: Path) -> Workload:
    found = json.loads(path.read_text(encoding="utf-8"))
    nodes = (Node(s["id"], tuple(s["deps"]), round(s["runtime_s"] * 1e6)) for s in found["steps"])
    return Workload(found["name"], tuple(nodes))
