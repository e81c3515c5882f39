"""Diagnostics for programs: JSON objects, and SARIF 2.1.0 for code scanning.

Takes placed diagnostics and a function that gives the source of a path, like `render`. Lines and columns
count from 1, columns in characters (SARIF calls that `unicodeCodePoints`), ends are exclusive; a place in
a source that cannot be had is line 1, column 1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from flowlang.text.codes import Code
from flowlang.text.diagnostics import Diagnostic, Fix, Label
from flowlang.text.render import ReadSource
from flowlang.text.source import Source, Span

Value: TypeAlias = Any
"""A JSON value."""

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_json(diagnostics: Iterable[Diagnostic], read: ReadSource) -> list[Value]:
    """One object a diagnostic, in the shape of `flow schema diagnostics`."""
    return [_diagnostic(diagnostic, read) for diagnostic in diagnostics]


def as_sarif(diagnostics: Iterable[Diagnostic], read: ReadSource, *, version: str) -> Value:
    """A SARIF log with one run."""
    found = list(diagnostics)
    codes = sorted({diagnostic.code.number: diagnostic.code for diagnostic in found}.items())
    driver = {"name": "flowlang", "version": version, "rules": [_sarif_rule(code) for _, code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(diagnostic, read) for diagnostic in found],
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _diagnostic(diagnostic: Diagnostic, read: ReadSource) -> Value:
    path, source = _home(diagnostic.primary, read)
    return {
        "code": diagnostic.code.number,
        "slug": diagnostic.code.slug,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "path": path,
        **_place(source, diagnostic.primary.span),
        "related": [_label(label, read) for label in diagnostic.related],
        "fix": diagnostic.fix and _fix(diagnostic.fix, source),
    }


def _label(label: Label, read: ReadSource) -> Value:
    path, source = _home(label, read)
    return {"path": path, **_place(source, label.span), "message": label.text}


def _fix(fix: Fix, source: Source | None) -> Value:
    edits = [{**_place(source, edit.span), "text": edit.text} for edit in fix.edits]
    return {"title": fix.title, "edits": edits}


def _home(label: Label, read: ReadSource) -> tuple[str, Source | None]:
    path = label.anchor.path if label.anchor else ""
    source = read(path)
    return source.path if source else path, source


def _place(source: Source | None, span: Span) -> dict[str, int]:
    line, column = source.position(span.start) if source else (1, 1)
    end_line, end_column = source.position(span.end) if source else (1, 1)
    return {"line": line, "column": column, "end_line": end_line, "end_column": end_column}


def _sarif_rule(code: Code) -> Value:
    return {"id": code.number, "name": code.slug, "defaultConfiguration": {"level": code.severity}}


def _sarif_result(diagnostic: Diagnostic, read: ReadSource) -> Value:
    text = f"{diagnostic.message}\n{diagnostic.help}" if diagnostic.help else diagnostic.message
    result = {
        "ruleId": diagnostic.code.number,
        "level": diagnostic.severity,
        "message": {"text": text},
        "locations": [_sarif_location(diagnostic.primary, read)],
    }
    if diagnostic.related:
        result["relatedLocations"] = [_sarif_location(label, read) for label in diagnostic.related]
    return result


def _sarif_location(label: Label, read: ReadSource) -> Value:
    path, source = _home(label, read)
    place = _place(source, label.span)
    region = {
        "startLine": place["line"],
        "startColumn": place["column"],
        "endLine": place["end_line"],
        "endColumn": place["end_column"],
    }
    location: Value = {"physicalLocation": {"artifactLocation": {"uri": path}, "region": region}}
    return location | ({"message": {"text": label.text}} if label.text else {})
