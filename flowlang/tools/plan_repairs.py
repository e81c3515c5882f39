"""What `flow check --json` says more of plans: a JSON Pointer to each mistake, a JSON Patch that mends it.

The patch is made from the same fix that an editor would offer: it is applied to the text, and the values of
the two documents are compared. So a fix that would leave no document is no repair."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from flowlang.planning.document import Node, plain
from flowlang.planning.pointers import Operation, patch, pointer_at
from flowlang.planning.reading import read_document
from flowlang.text.diagnostics import Diagnostic, Problems
from flowlang.text.render import ReadSource, apply_edits
from flowlang.text.report import as_json
from flowlang.text.source import Source
from flowlang.tools.frontend import check_text, sources
from flowlang.tools.plan_bounds import found_over_limit
from flowlang.tools.plan_settings import PlanSettings, is_plan


def problems(
    text: str, path: str = "plan.json", *, plans: PlanSettings | None = None
) -> list[dict[str, Any]]:
    """What is wrong with a plan, as `flow check --json` prints it: made to be given back to whoever wrote it.

    The text is read as if it stood at `path`, whose ending says in which form it is. It counts as wrong as
    well that it may make more calls than `plans` allows."""
    checked = check_text(text, path, plans=plans)
    found = checked.diagnostics if checked.has_errors else found_over_limit(checked, plans)
    read = sources(checked)
    return with_repairs(as_json(found, read), found, read)


def with_repairs(
    values: Sequence[dict[str, Any]], diagnostics: Sequence[Diagnostic], read: ReadSource
) -> list[dict[str, Any]]:
    """The JSON objects of diagnostics; those of plans with `pointer` and `repair`, which may be null."""

    @cache
    def document(path: str) -> tuple[Source, Node] | None:
        source = read(path)
        node = read_document(path, source.text, Problems()) if source else None
        return (source, node) if source and node else None

    return [
        {**value, **_more(diagnostic, document(diagnostic.path))} if is_plan(diagnostic.path) else value
        for value, diagnostic in zip(values, diagnostics, strict=True)
    ]


def _more(diagnostic: Diagnostic, found: tuple[Source, Node] | None) -> dict[str, Any]:
    if found is None:
        return {"pointer": None, "repair": None}
    source, node = found
    return {"pointer": pointer_at(node, diagnostic.primary.span), "repair": _repair(diagnostic, source, node)}


def _repair(diagnostic: Diagnostic, source: Source, node: Node) -> list[Operation] | None:
    if diagnostic.fix is None:
        return None
    mended = read_document(source.path, apply_edits(source, diagnostic.fix), Problems())
    return (patch(plain(node), plain(mended)) or None) if mended is not None else None
