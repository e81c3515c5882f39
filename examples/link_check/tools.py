"""Reading Markdown and finding what its links lead to.

Headings get the anchors that GitHub gives them. What stands in code, be it a block or a span, is no link."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from flowlang.agents import effect

SUFFIXES = (".md", ".markdown")
SKIPPED = ("node_modules", "venv", "__pycache__")

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
HEADING = re.compile(r" {0,3}#{1,6}\s+(.*?)\s*#*\s*$")
UNDERLINE = re.compile(r" {0,3}(=+|-+)\s*$")
HTML = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)\s*=\s*[\"']([^\"']*)[\"']", re.IGNORECASE)
NAMED = re.compile(r"<\w+\b[^>]*?\b(?:id|name)\s*=\s*[\"']([^\"']+)[\"']", re.IGNORECASE)
INLINE = re.compile(r"\]\(\s*(?:<([^>]*)>|((?:[^\s()]|\([^\s()]*\))*))")
REFERENCE = re.compile(r" {0,3}\[[^\]]+\]:\s*<?([^\s>]+)")


@dataclass
class Link:
    line: int
    target: str


@dataclass
class Document:
    """`headings` are the anchors that a link may name."""

    path: str
    headings: list[str]
    links: list[Link]


@dataclass
class Page:
    """Another document, and perhaps one of its headings."""

    path: str
    heading: str | None
    case: Literal["Page"] = "Page"


@dataclass
class Other:
    """A file that is no Markdown, or a folder."""

    case: Literal["Other"] = "Other"


@dataclass
class Web:
    case: Literal["Web"] = "Web"


@dataclass
class Missing:
    path: str
    case: Literal["Missing"] = "Missing"


@dataclass
class Outside:
    case: Literal["Outside"] = "Outside"


Target = Page | Other | Web | Missing | Outside


class NoSuchFolder(Exception):
    def __init__(self, path: str) -> None:
        super().__init__(f"there is no folder {path}")
        self.path = path


class NotText(Exception):
    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not text")
        self.path = path


@effect("read")
def documents(folder: str) -> list[str]:
    """The Markdown files below a folder, hidden and generated folders left out."""
    if not Path(folder).is_dir():
        raise NoSuchFolder(str(Path(folder).absolute()))
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
        inside = Path(parent).relative_to(folder)
        found += [(inside / name).as_posix() for name in names if name.lower().endswith(SUFFIXES)]
    return sorted(found)


@effect("read")
def read_document(folder: str, path: str) -> Document:
    """The headings and links of a document."""
    try:
        text = (Path(folder) / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise NotText(path) from None
    lines = _prose(text)
    links = [Link(number, target) for number, line in enumerate(lines, 1) for target in _targets(line)]
    return Document(path, _anchors(lines), links)


@effect("read")
def find(folder: str, path: str, target: str) -> Target:
    """What a link in a document leads to."""
    if re.match(r"[a-zA-Z][\w+.-]+:|//", target):
        return Web()
    place, _, heading = target.partition("#")
    place = unquote(place.partition("?")[0])
    root = Path(os.path.abspath(folder))
    start = root if place.startswith("/") else (root / path).parent
    found = Path(os.path.normpath(start / place.lstrip("/"))) if place else root / path
    if not found.is_relative_to(root):
        return Outside()
    inside = found.relative_to(root).as_posix()
    if not found.exists():
        return Missing(inside)
    if not inside.lower().endswith(SUFFIXES):
        return Other()
    return Page(inside, unquote(heading).lower() or None)


# Reading Markdown


def _prose(text: str) -> list[str]:
    """The lines of a text, those of code and comments empty."""
    text = COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    lines, fence = [], ""
    for line in text.splitlines():
        mark = FENCE.match(line)
        if fence:
            lines.append("")
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif mark:
            lines.append("")
            fence = mark[1]
        else:
            lines.append(line)
    return lines


def _targets(line: str) -> Iterator[str]:
    """What the links and images of a line lead to, in the order they stand there."""
    line = CODE.sub(lambda code: " " * len(code[0]), line)
    reference = REFERENCE.match(line)
    if reference:
        yield reference[1]
    for link in INLINE.finditer(line):
        yield link[1] or link[2]
    yield from HTML.findall(line)


def _anchors(lines: list[str]) -> list[str]:
    """The anchors of the headings, and those that are set by hand."""
    seen: Counter[str] = Counter()
    anchors = [name.lower() for line in lines for name in NAMED.findall(line)]
    for title in _titles(lines):
        anchor = _anchor(title)
        seen[anchor] += 1
        anchors.append(anchor if seen[anchor] == 1 else f"{anchor}-{seen[anchor] - 1}")
    return anchors


def _titles(lines: list[str]) -> Iterator[str]:
    for above, line in zip(["", *lines], lines, strict=False):
        heading = HEADING.match(line)
        if heading:
            yield heading[1]
        elif UNDERLINE.match(line) and above.strip() and not HEADING.match(above):
            yield above


def _anchor(title: str) -> str:
    """GitHub's: the text without its markup and punctuation, in lower case, with hyphens for blanks."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", title)
    text = re.sub(r"<[^>]+>", "", text)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


@effect("idempotent")
def save(path: str, text: str) -> None:
    """Writes the report to a file."""
    Path(path).write_text(text, encoding="utf-8")
