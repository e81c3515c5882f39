"""Pages -> Markdown files: one beside another, with an index, as code hosts show them.

Pictures are Mermaid, which code hosts draw. Text of the language stands in code, so nothing in it can be
taken for Markdown; what an author wrote as documentation is Markdown already."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from flowlang.tools.docs.pages import Block, Code, Drawing, Facts, Heading, Link, Page, Table, Text

INDEX = "README.md"


def to_markdown(pages: Sequence[Page]) -> dict[str, str]:
    """The text of each file by its path, with an index where there are several."""
    made = {file_of(page.path): page_text(page) for page in pages}
    if len(pages) > 1:
        rows = [f"- [{page.path}]({file_of(page.path)})" + _behind(page.about) for page in pages]
        made[INDEX] = "# Flows\n\n" + "\n".join(rows) + "\n"
    return made


def page_text(page: Page) -> str:
    return "\n\n".join(_block(block, page) for block in page.blocks) + "\n"


def file_of(path: str) -> str:
    """The file that tells of a flow file."""
    return posixpath.splitext(path)[0] + ".md"


def _behind(about: str) -> str:
    return f": {about}" if about else ""


def _block(block: Block, page: Page) -> str:
    match block:
        case Heading(level=level, text=text):
            return f"{'#' * level} {text}"
        case Text(text=text):
            return text
        case Code(text=text):
            return f"```flow\n{text}\n```"
        case Table(head=head, rows=rows):
            lines = [head, tuple("---" for _ in head), *(_cells(block, row) for row in rows)]
            return "\n".join(f"| {' | '.join(line)} |" for line in lines)
        case Facts(rows=facts):
            return "\n".join(
                f"- {word}: " + ", ".join(_link(link, page) for link in links) for word, links in facts
            )
        case Drawing(mermaid=mermaid):
            return f"```mermaid\n{mermaid}```"


def _cells(table: Table, row: tuple[str, ...]) -> tuple[str, ...]:
    cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in row)
    named = zip(table.head, cells, strict=True)
    return tuple(cell if name in table.words or not cell else f"`{cell}`" for name, cell in named)


def _link(link: Link, page: Page) -> str:
    if link.path is None:
        return f"`{link.name}`"
    file = (
        ""
        if link.path == page.path
        else posixpath.relpath(file_of(link.path), posixpath.dirname(page.path) or ".")
    )
    return f"[`{link.name}`]({file}#{link.anchor.lower()})"
