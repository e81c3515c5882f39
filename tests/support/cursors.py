"""Cases of the editor's features: texts with a cursor, and what a feature gives there.

A file holds many cases. What stands above the first is put behind the text of each, so that all can use the
same declarations. A case is

    === what it shows
    flow main(topic: string) {
      step found = search(<|>)
    }
    @@ other.flow
    agent other()
    ---
    what is expected

where `<|>` is the cursor, or `<|` and `|>` are the ends of a selection, and `@@` begins another file. With
`UPDATE_CASES=1` expectations are written anew, to be read before they are committed."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path

import attrs
import pytest
from support.checking import check_texts

from flowlang.ide.snapshot import Edit, Snapshot, Snapshots
from flowlang.text.source import Span

CASES = Path(__file__).parent.parent / "cases/ide"
UPDATING = os.environ.get("UPDATE_CASES") == "1"


@attrs.frozen
class Case:
    title: str
    texts: dict[str, str]
    path: str  # the file with the cursor
    selection: Span
    expected: str

    @property
    def offset(self) -> int:
        return self.selection.end

    def snapshots(self) -> Snapshots:
        return {path: Snapshot(path, check_texts(self.texts, path)) for path in self.texts}

    def snapshot(self) -> Snapshot:
        return Snapshot(self.path, check_texts(self.texts, self.path))


def read_cases(name: str) -> list[Case]:
    prelude, *parts = re.split(r"^=== ", (CASES / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [read_case(part, prelude) for part in parts]


def read_case(part: str, prelude: str) -> Case:
    title, _, rest = part.partition("\n")
    text, _, expected = rest.partition("\n---\n")
    main, *others = re.split(r"^@@ ", text, flags=re.MULTILINE)
    written = {"main.flow": f"{main}\n{prelude}"}
    written.update({path: body for path, _, body in (other.partition("\n") for other in others)})
    path = next((p for p, body in written.items() if "<|" in body), "main.flow")
    cut, selection = selected(written[path])
    return Case(title, {**written, path: cut}, path, selection, expected.strip("\n"))


def selected(text: str) -> tuple[str, Span]:
    """A text without its marks, and what they select."""
    if "<|>" in text:
        start = text.index("<|>")
        return text.replace("<|>", "", 1), Span(start, start)
    if "<|" not in text:
        return text, Span(0, 0)
    start, end = text.index("<|"), text.index("|>") - 2
    return text.replace("<|", "", 1).replace("|>", "", 1), Span(start, end)


def cases(name: str) -> pytest.MarkDecorator:
    """A test of each case of a file."""
    found = read_cases(name)
    return pytest.mark.parametrize("case", found, ids=[case.title for case in found])


def expect(name: str, case: Case, found: str) -> None:
    """Compare with what a case expects, or write that anew."""
    found = found.strip("\n")
    if UPDATING and found != case.expected:
        rewrite(CASES / name, case, found)
    else:
        assert found == case.expected


def rewrite(file: Path, case: Case, found: str) -> None:
    text = file.read_text(encoding="utf-8")
    start = text.index(f"=== {case.title}\n")
    start = text.index("\n---\n", start) + len("\n---\n")
    end = text.find("\n=== ", start)
    file.write_text(f"{text[:start]}{found}\n{text[end:] if end >= 0 else ''}", encoding="utf-8")


def applied(texts: dict[str, str], edits: Iterable[Edit]) -> dict[str, str]:
    """Texts after edits, which may not overlap."""
    result = dict(texts)
    last: dict[str, int] = {}
    for edit in sorted(edits, key=lambda e: (e.path, e.span), reverse=True):
        assert edit.span.end <= last.get(edit.path, len(texts[edit.path])), "edits overlap"
        last[edit.path] = edit.span.start
        text = result[edit.path]
        result[edit.path] = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return result


def changed_lines(before: dict[str, str], after: dict[str, str]) -> str:
    """The lines that differ, `-` before and `+` after, by file where there are several."""
    shown: list[str] = []
    for path in before:
        diff = list(difflib.ndiff(before[path].split("\n"), after[path].split("\n")))
        lines = [line.rstrip() for line in diff if line[:2] in ("- ", "+ ")]
        if lines and (len(before) > 1):
            shown.append(f"@@ {path}")
        shown += lines
    return "\n".join(shown)


def quoted(snapshot: Snapshot, span: Span) -> str:
    """A stretch of a file in its line: `step [found] = search(…)`."""
    text = snapshot.text
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    end = len(text) if end < 0 else end
    line = f"{text[start : span.start]}[{text[span.start : span.end]}]{text[span.end : end]}"
    return line.strip()
