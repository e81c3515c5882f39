"""Pages -> one HTML file with nothing from outside: no fonts, no scripts, no links to elsewhere.

Documentation is shown as paragraphs and lists with `code` in them. The rest of Markdown is left as it was
written, since a whole Markdown engine is more than a few lines of documentation need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from flowlang.tools.docs.pages import Block, Code, Drawing, Facts, Heading, Link, Page, Table, Text

STYLE = """
  :root { color-scheme: light dark; --line: #8884; --quiet: #767676; --soft: #8881 }
  body { font: 16px/1.55 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; margin: 0; display: flex }
  nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 2rem 1.5rem; min-width: 13rem;
        border-right: 1px solid var(--line); box-sizing: border-box; font-size: .9rem }
  nav a { display: block; padding: .1rem 0; color: inherit; text-decoration: none }
  nav a:hover { text-decoration: underline } nav b { display: block; margin-top: 1rem }
  main { padding: 2rem 3rem 6rem; max-width: 56rem; min-width: 0; flex: 1 }
  h1 { border-bottom: 1px solid var(--line); padding-bottom: .3rem; margin-top: 4rem }
  h1:first-child { margin-top: 0 } h3 { margin-top: 2.2rem }
  pre { background: var(--soft); padding: .8rem 1rem; border-radius: 6px; overflow: auto }
  code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .9em }
  table { border-collapse: collapse; margin: 1rem 0 }
  th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line);
    vertical-align: top }
  th { color: var(--quiet); font-weight: 600 }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem } dt { color: var(--quiet) }
  dd { margin: 0 } figure { margin: 1.5rem 0; overflow: auto } svg { max-width: 100%; height: auto }
  @media (max-width: 50rem) { body { display: block } nav { position: static; height: auto; border: 0 }
    main { padding: 1rem 1.5rem } }
"""


def to_html(pages: Sequence[Page], title: str) -> str:
    """The document."""
    body = "\n".join(part for page in pages for block in page.blocks for part in _block(block, page))
    contents = "\n".join(part for page in pages for part in _contents(page))
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n<body>\n<nav>\n{contents}\n</nav>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _contents(page: Page) -> Iterator[str]:
    yield f'<b><a href="#{_id(page.path)}">{escape(page.path)}</a></b>'
    for block in page.blocks:
        if isinstance(block, Heading) and block.level == 3:
            yield f'<a href="#{_id(page.path, block.text)}">{escape(block.text)}</a>'


def _block(block: Block, page: Page) -> Iterator[str]:
    match block:
        case Heading(level=1, text=text):
            yield f'<h1 id="{_id(page.path)}">{escape(text)}</h1>'
        case Heading(level=level, text=text):
            id = f' id="{_id(page.path, text)}"' if level == 3 else ""
            yield f"<h{level}{id}>{escape(text)}</h{level}>"
        case Text(text=text):
            yield from _paragraphs(text)
        case Code(text=text):
            yield f"<pre><code>{escape(text)}</code></pre>"
        case Table(head=head, rows=rows):
            cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
            yield f"<table>\n<tr>{cells}</tr>"
            yield from (
                f"<tr>{''.join(f'<td>{cell}</td>' for cell in _cells(block, row))}</tr>" for row in rows
            )
            yield "</table>"
        case Facts(rows=facts):
            yield "<dl>"
            yield from (
                f"<dt>{escape(word)}</dt><dd>{', '.join(map(_link, links))}</dd>" for word, links in facts
            )
            yield "</dl>"
        case Drawing(svg=svg):
            yield f"<figure>{svg}</figure>"


def _cells(table: Table, row: tuple[str, ...]) -> list[str]:
    named = zip(table.head, row, strict=True)
    return [_inline(cell) if name in table.words else _code(cell) for name, cell in named]


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text else ""


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.split("\n")
        if all(line.lstrip().startswith(("- ", "* ")) for line in lines):
            items = (f"<li>{_inline(line.lstrip()[2:])}</li>" for line in lines)
            yield f"<ul>{''.join(items)}</ul>"
        else:
            yield f"<p>{_inline(paragraph)}</p>"


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _link(link: Link) -> str:
    name = f"<code>{escape(link.name)}</code>"
    return name if link.path is None else f'<a href="#{_id(link.path, link.anchor)}">{name}</a>'


def _id(path: str, name: str = "") -> str:
    """The anchor of a page, or of a heading in it."""
    return escape(re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{path}-{name}" if name else path))
