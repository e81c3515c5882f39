"""Layered layout: boxes and edges -> places, top to bottom.

After Sugiyama, Tagawa and Toda (Methods for visual understanding of hierarchical system structures, 1981):
each box gets the layer of its longest way, edges over several layers get a waypoint in each layer that they
cross, boxes in a layer are ordered by the mean place of their neighbours, and then moved towards them. The
last is least squares under a fixed order, which pooling adjacent violators solves exactly (Ayer et al. 1955).

Every part is near linear; a graph with more waypoints than `WAYPOINTS` does without, and its long edges
are straight. Layers with more than `ROW` boxes are broken into several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

import attrs

ROW: Final = 6
WAYPOINTS: Final = 2_000
SWEEPS: Final = 8
GAP_X: Final = 28.0
GAP_Y: Final = 40.0
WAYPOINT_WIDTH: Final = 8.0

Point: TypeAlias = tuple[float, float]


@attrs.frozen
class Box:
    width: float
    height: float


@attrs.frozen
class Layout:
    """`places` are the upper left corners of the boxes, `routes` the points that an edge passes through, its
    ends included; `width` and `height` of the whole."""

    places: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def layered(boxes: Sequence[Box], edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out boxes so that edges, which form no cycle, run downwards."""
    if not boxes:
        return Layout((), (), 0.0, 0.0)
    layers = _layers(len(boxes), edges)
    spots = _Spots.of(boxes, edges, layers)
    rows = _ordered(spots)
    centers = _aligned(rows, spots)
    left = min(center - spots.widths[i] / 2 for i, center in enumerate(centers))
    tops, heights = _tops(rows, boxes)
    places = tuple((centers[i] - box.width / 2 - left, tops[spots.layers[i]]) for i, box in enumerate(boxes))
    bands = [(top, top + height) for top, height in zip(tops, heights, strict=True)]
    routes = tuple(
        tuple(_route([source, *waypoints, target], spots, boxes, [x - left for x in centers], bands))
        for (source, target), waypoints in zip(edges, spots.waypoints, strict=True)
    )
    width = max(centers[i] + spots.widths[i] / 2 for i in range(len(centers))) - left
    return Layout(places, routes, width, bands[-1][1])


def column(boxes: Sequence[Box], gap: float) -> Layout:
    """Boxes below each other, flush left."""
    places: list[Point] = []
    top = 0.0
    for box in boxes:
        places.append((0.0, top))
        top += box.height + gap
    return Layout(tuple(places), (), max((b.width for b in boxes), default=0.0), max(top - gap, 0.0))


def _layers(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """The longest way to each box; then layers that hold too many are broken up."""
    above: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        above[target].append(source)
    layers = [-1] * count
    pending = list(reversed(range(count)))
    while pending:
        box = pending[-1]
        waiting = [source for source in above[box] if layers[source] < 0]
        if layers[box] < 0 and waiting:
            pending += waiting
            continue
        pending.pop()
        if layers[box] < 0:
            layers[box] = max((layers[source] + 1 for source in above[box]), default=0)
    return _broken_up(layers)


def _broken_up(layers: list[int]) -> list[int]:
    rows: dict[int, list[int]] = {}
    for box, layer in enumerate(layers):
        rows.setdefault(layer, []).append(box)
    made = [0] * len(layers)
    next_layer = 0
    for layer in sorted(rows):
        for position, box in enumerate(rows[layer]):
            made[box] = next_layer + position // ROW
        next_layer += (len(rows[layer]) - 1) // ROW + 1
    return made


@attrs.frozen
class _Spots:
    """Boxes and, behind them, waypoints: for each its width, layer and neighbours above and below.
    `waypoints` are those of each edge, from top to bottom."""

    widths: list[float]
    layers: list[int]
    above: list[list[int]]
    below: list[list[int]]
    waypoints: list[list[int]]

    @classmethod
    def of(cls, boxes: Sequence[Box], edges: Sequence[tuple[int, int]], layers: list[int]) -> _Spots:
        made = cls([box.width for box in boxes], list(layers), [[] for _ in boxes], [[] for _ in boxes], [])
        crossed = sum(layers[target] - layers[source] - 1 for source, target in edges)
        for source, target in edges:
            between = range(layers[source] + 1, layers[target]) if crossed <= WAYPOINTS else range(0)
            way = [source, *(made.waypoint(layer) for layer in between), target]
            made.waypoints.append(way[1:-1])
            for upper, lower in pairwise(way):
                made.below[upper].append(lower)
                made.above[lower].append(upper)
        return made

    def waypoint(self, layer: int) -> int:
        self.widths.append(WAYPOINT_WIDTH)
        self.layers.append(layer)
        self.above.append([])
        self.below.append([])
        return len(self.widths) - 1


def _ordered(spots: _Spots) -> list[list[int]]:
    """The layers, each with its spots from left to right."""
    rows: list[list[int]] = [[] for _ in range(max(spots.layers) + 1)]
    for spot, layer in enumerate(spots.layers):
        rows[layer].append(spot)
    place = {spot: position for row in rows for position, spot in enumerate(row)}
    for sweep in range(SWEEPS):
        neighbours = spots.above if sweep % 2 == 0 else spots.below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            means = {spot: _mean([place[n] for n in neighbours[spot]], place[spot]) for spot in row}
            row.sort(key=means.__getitem__)
            place.update({spot: position for position, spot in enumerate(row)})
    return rows


def _aligned(rows: list[list[int]], spots: _Spots) -> list[float]:
    """The centre of each spot from left to right: near to its neighbours, in order, and not overlapping."""
    centers = [0.0] * len(spots.widths)
    for row in rows:
        _place(row, [0.0] * len(row), spots.widths, centers)
    for sweep in range(SWEEPS):
        neighbours = spots.above if sweep % 2 == 0 else spots.below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_mean([centers[n] for n in neighbours[spot]], centers[spot]) for spot in row]
            _place(row, wanted, spots.widths, centers)
    return centers


def _place(row: list[int], wanted: list[float], widths: list[float], centers: list[float]) -> None:
    """Put a row's spots as near as can be to where they want to be."""
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + (widths[left] + widths[right]) / 2 + GAP_X)
    pools: list[tuple[float, int]] = []  # mean and number of spots that stand as close as they may
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while pools and pools[-1][0] >= mean:
            other, size = pools.pop()
            mean = (mean * count + other * size) / (count + size)
            count += size
        pools.append((mean, count))
    found = [mean for mean, count in pools for _ in range(count)]
    for spot, base, offset in zip(row, found, offsets, strict=True):
        centers[spot] = base + offset


def _mean(values: list[float] | list[int], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _tops(rows: list[list[int]], boxes: Sequence[Box]) -> tuple[list[float], list[float]]:
    heights = [max((boxes[spot].height for spot in row if spot < len(boxes)), default=0.0) for row in rows]
    tops: list[float] = []
    top = 0.0
    for height in heights:
        tops.append(top)
        top += height + GAP_Y
    return tops, heights


def _route(
    way: list[int], spots: _Spots, boxes: Sequence[Box], centers: Sequence[float], bands: Sequence[Point]
) -> Iterator[Point]:
    """From the foot of the first box to the head of the last. Within the band of a layer, from its top to its
    bottom, an edge runs straight down, so that it meets no box there."""
    source, *between, target = way
    top, bottom = bands[spots.layers[source]]
    yield centers[source], top + boxes[source].height
    yield centers[source], bottom
    for waypoint in between:
        top, bottom = bands[spots.layers[waypoint]]
        yield centers[waypoint], top
        yield centers[waypoint], bottom
    yield centers[target], bands[spots.layers[target]][0]
