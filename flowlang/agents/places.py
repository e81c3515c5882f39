"""From a place in a plan back to the source, as labels.

A plan keeps lines and columns, and the hash of each file it was compiled from. A label shows the text of the
file only while the file is still that one; of a file that has changed or gone, only its name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeAlias

import attrs

from flowlang.plan.model import Place, Plan
from flowlang.text.diagnostics import Label
from flowlang.text.source import Anchor, Source, Span

ReadSource: TypeAlias = Callable[[str], Source | None]


@attrs.frozen(eq=False, repr=False)
class Places:
    """The places of a plan, with `read` to get at the sources."""

    plan: Plan
    read: ReadSource

    def label(self, place: Place, text: str = "") -> Label:
        """Where something stands; at the top of the file where the file is no longer the same."""
        path = self.plan.sources[place.source].path
        source = self.source(place)
        span = _span(source, place) if source else Span(0, 0)
        return Label(span, text, Anchor(path))

    def heading(self, place: Place, text: str = "") -> Label:
        """The first line of something that takes several, such as a declaration, below its documentation."""
        label = self.label(place, text)
        source = self.source(place)
        if source is None or place.line == place.end_line:
            return label
        number, start = place.line, label.span.start
        while source.line(number).startswith("///") and number < place.end_line:
            start = source.line_starts[number]
            number += 1
        end = source.line_starts[number] - 1
        head = source.text[start:end].rstrip().removesuffix("{").rstrip()
        return Label(Span(start, start + len(head)), text, label.anchor)

    def source(self, place: Place) -> Source | None:
        """The source of a place, if it is the one that the plan was compiled from."""
        file = self.plan.sources[place.source]
        source = self.read(file.path)
        if source is None or hashlib.sha256(source.text.encode()).hexdigest() != file.sha256:
            return None
        return source

    def text(self, place: Place) -> str:
        """`brief.flow:12:16`."""
        return f"{self.plan.sources[place.source].path}:{place.line}:{place.column}"


def _span(source: Source, place: Place) -> Span:
    starts = source.line_starts
    if not 1 <= place.line <= place.end_line <= len(starts):
        return Span(0, 0)
    return Span(
        starts[place.line - 1] + place.column - 1,
        starts[place.end_line - 1] + place.end_column - 1,
    )
