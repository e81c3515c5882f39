"""Dependency order: strongly connected components, dependencies first.

Tarjan's algorithm (Depth-first search and linear graph algorithms, 1972) with an explicit stack, so that a
chain of any length is fine. One function serves types, flows and the statements of a block: a component
of one node that does not depend on itself can be handled at once, any other is a cycle."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def components(edges: Mapping[T, Iterable[T]]) -> list[list[T]]:
    """The components of a graph given as node -> what it depends on. Each comes after those it depends on;
    nodes keep the order of `edges` otherwise. Targets that are not nodes are left out."""
    index: dict[T, int] = {}
    low: dict[T, int] = {}
    open_: dict[T, None] = {}
    found: list[list[T]] = []
    for root in edges:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        open_[root] = None
        way: list[tuple[T, Iterator[T]]] = [(root, iter(edges[root]))]
        while way:
            node, targets = way[-1]
            target = next((t for t in targets if t in edges and (t not in index or t in open_)), None)
            if target is None:
                way.pop()
                if way:
                    low[way[-1][0]] = min(low[way[-1][0]], low[node])
                if low[node] == index[node]:
                    found.append(_close(node, open_))
            elif target in index:
                low[node] = min(low[node], index[target])
            else:
                index[target] = low[target] = len(index)
                open_[target] = None
                way.append((target, iter(edges[target])))
    return found


def _close(root: T, open_: dict[T, None]) -> list[T]:
    """Take a finished component off the stack of open nodes."""
    component: list[T] = []
    while True:
        node, _ = open_.popitem()
        component.append(node)
        if node == root:
            return component[::-1]


def is_cycle(component: list[T], edges: Mapping[T, Iterable[T]]) -> bool:
    return len(component) > 1 or component[0] in edges[component[0]]


def cycle_in(component: list[T], edges: Mapping[T, Iterable[T]]) -> list[T]:
    """A shortest way from the component's first node back to itself; the node stands at both ends."""
    start, inside = component[0], set(component)
    came_from: dict[T, T] = {}
    pending = deque([start])
    while pending:
        node = pending.popleft()
        for target in edges[node]:
            if target == start:
                way = [start, node]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if target in inside and target not in came_from:
                came_from[target] = node
                pending.append(target)
    raise AssertionError("a component that is no cycle")


def shortened(way: list[str], joint: str) -> str:
    """A way in words; of a long one its beginning and its end."""
    if len(way) > 8:
        way = [*way[:4], "…", *way[-2:]]
    return joint.join(way)
