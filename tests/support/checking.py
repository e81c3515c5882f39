"""Checking texts in tests as the tools do it, but from memory or from one folder of cases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowlang.semantics.check import Checked, check
from flowlang.semantics.facts import Parameter
from flowlang.semantics.modules import load
from flowlang.semantics.providers import DescribedAgent, Description, Mistake
from flowlang.semantics.types import FLOAT, STRING, ListOf, Record, RecordField
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Source, Span

DRAFT = Record((RecordField("text", STRING), RecordField("score", FLOAT)), "Draft")
TEXT, LENS, URL = (Parameter(name, STRING, name != "lens") for name in ("text", "lens", "url"))
TOOLS = (
    DescribedAgent("critique", (TEXT, LENS), STRING, None),
    DescribedAgent("fetch", (URL,), STRING, "read"),
    DescribedAgent("revise", (TEXT, Parameter("notes", ListOf(STRING), True)), DRAFT, "read"),
    DescribedAgent("save", (TEXT,), STRING, "write"),
)
DESCRIPTIONS = {
    "tools.py": Description("tools.py", TOOLS),
    "broken.py": Description(
        "broken.py",
        TOOLS[:2],
        (Mistake("`revise` has no annotation for `text`", "write `text: str`", line=7, agent="revise"),),
    ),
}
"""What stands behind `use python … = "…"` in tests."""


def describe(provider: str, target: str, using_path: str) -> Description:
    if provider != "python":
        return Description(target, known=False)
    return DESCRIPTIONS.get(target) or Description(target, mistakes=(Mistake("there is no such file"),))


def check_path(path: Path, *, entry: Source | None = None, previous: Checked | None = None) -> Checked:
    """Check a file whose imports lie in its own folder; `entry` stands for the file itself."""

    def read(wanted: str) -> Source | Diagnostic:
        file = path.parent / wanted
        if entry is not None and wanted == path.name:
            return entry
        return Source(wanted, file.read_text(encoding="utf-8")) if file.is_file() else missing(wanted)

    before = previous.project if previous else None
    return check(load(path.name, read=read, describe=describe, root="", previous=before), previous=previous)


def check_texts(
    texts: Mapping[str, str], entry: str = "main.flow", *, previous: Checked | None = None
) -> Checked:
    """Check a project of texts by their paths."""

    def read(wanted: str) -> Source | Diagnostic:
        return Source(wanted, texts[wanted]) if wanted in texts else missing(wanted)

    before = previous.project if previous else None
    return check(load(entry, read=read, describe=describe, root="", previous=before), previous=previous)


def check_text(text: str) -> Checked:
    """Check a single text."""
    return check_texts({"main.flow": text})


def missing(path: str) -> Diagnostic:
    return Diagnostic(codes.UNREADABLE_FILE, "there is no such file", Label(Span(0, 0), "", Anchor(path)))
