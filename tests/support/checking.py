"""Checking texts in tests as the tools do it, but from memory or from one folder of cases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowlang.semantics.check import Checked, check
from flowlang.semantics.facts import Parameter
from flowlang.semantics.modules import load
from flowlang.semantics.providers import DescribedAgent, Description, Mistake
from flowlang.semantics.types import STRING, ListOf
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Source, Span

TOOLS = Description(
    "tools.py",
    (
        DescribedAgent(
            "critique",
            (Parameter("text", STRING, True), Parameter("lens", STRING, False)),
            ListOf(STRING),
            None,
        ),
        DescribedAgent("fetch", (Parameter("url", STRING, True),), STRING, "read"),
        DescribedAgent("save", (Parameter("text", STRING, True),), STRING, "write"),
    ),
    (Mistake("`revise` has no annotation for `text`", "write `text: str`", line=7, agent="revise"),),
)
"""What `use python … = "tools.py"` stands for in tests; `"good.py"` is the same without its mistake."""


def describe(provider: str, target: str, using_path: str) -> Description:
    if provider != "python":
        return Description(target, known=False)
    if target == "good.py":
        return Description("good.py", TOOLS.agents)
    if target == "tools.py":
        return TOOLS
    return Description(target, mistakes=(Mistake("there is no such file"),))


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
