"""Diagnostics: an author's mistake as data, and the sink that passes put them into.

A pass never raises for a mistake and never stops at one: it reports to `Problems` and goes on with a
poison value. Spans of a diagnostic are relative to the declaration it was found in, so a cached
declaration keeps its diagnostics when it moves; `placed` turns them into places in files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs

from flowlang.text.codes import Code
from flowlang.text.source import Anchor, Span

Severity = Literal["error", "warning"]


@attrs.frozen
class Label:
    """A stretch of source and what is to be said of it.

    `anchor` None means: the declaration (or the file) that the diagnostic belongs to."""

    span: Span
    text: str = ""
    anchor: Anchor | None = None


@attrs.frozen
class Edit:
    """Replace what stands at `span` by `text`."""

    span: Span
    text: str


@attrs.frozen
class Fix:
    """A change that would mend the mistake: a title for the menu, and edits in the same declaration."""

    title: str
    edits: tuple[Edit, ...]


@attrs.frozen
class Diagnostic:
    """One mistake, one message. `help` says what to write instead."""

    code: Code
    message: str
    primary: Label
    related: tuple[Label, ...] = ()
    help: str | None = None
    fix: Fix | None = None

    @property
    def severity(self) -> Severity:
        return self.code.severity

    @property
    def path(self) -> str:
        """The file of a placed diagnostic."""
        assert self.primary.anchor is not None, "only a placed diagnostic has a file"
        return self.primary.anchor.path

    def placed(self, home: Anchor, offset_of: Callable[[Anchor], int]) -> Diagnostic:
        """The same diagnostic with every span absolute and every label anchored to its file."""

        def place(label: Label) -> Label:
            anchor = label.anchor or home
            return Label(label.span.shifted(offset_of(anchor)), label.text, Anchor(anchor.path))

        base = offset_of(home)
        fix = self.fix and attrs.evolve(
            self.fix, edits=tuple(Edit(e.span.shifted(base), e.text) for e in self.fix.edits)
        )
        return attrs.evolve(
            self, primary=place(self.primary), related=tuple(place(r) for r in self.related), fix=fix
        )


@attrs.define
class Problems:
    """The sink a pass reports to."""

    found: list[Diagnostic] = attrs.field(factory=list)

    @property
    def has_errors(self) -> bool:
        return any(diagnostic.severity == "error" for diagnostic in self.found)

    def report(
        self,
        code: Code,
        span: Span,
        message: str,
        *,
        label: str = "",
        related: tuple[Label, ...] = (),
        help: str | None = None,
        fix: Fix | None = None,
    ) -> None:
        self.found.append(Diagnostic(code, message, Label(span, label), related, help, fix))
