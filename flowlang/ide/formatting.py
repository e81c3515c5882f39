"""The formatter as an editor wants it: as few edits as there are differences, of a file, a stretch or a line.

A whole file is formatted as `flow fmt` does it. Where it does not parse, and for a stretch of it,
declarations are formatted one by one and broken ones are left as they are; each result is proved to mean the
same before anyone sees it. Line breaks stay what they are in the file."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from flowlang.ide.snapshot import Edit, Snapshot
from flowlang.syntax import ast
from flowlang.syntax.compare import first_difference
from flowlang.syntax.parser import parse
from flowlang.syntax.printer import comments_of, format_module, has_errors, print_item
from flowlang.text.source import Source, Span

INDENT = "  "

MOST_COMPARED = 4_000
"""Lines on both sides together up to which differences are looked for one by one."""


def format_document(snapshot: Snapshot) -> tuple[Edit, ...]:
    """What makes a file canonical; where it does not parse, what makes its sound declarations so."""
    formatted = format_module(snapshot.tree)
    if isinstance(formatted, str):
        whole = Span(0, len(snapshot.text))
        return tuple(_differences(snapshot, whole, formatted))
    return format_range(snapshot, Span(0, len(snapshot.text)))


def format_range(snapshot: Snapshot, span: Span) -> tuple[Edit, ...]:
    """What makes the sound declarations that a stretch touches canonical."""
    return tuple(
        edit
        for item in snapshot.tree.items
        if item.offset <= span.end and span.start <= item.offset + len(item.parsed.text)
        for edit in _format_item(snapshot, item)
    )


def format_on_type(snapshot: Snapshot, offset: int, typed: str) -> tuple[Edit, ...]:
    """Behind the brace that ends a declaration, its layout; behind a line break, the indentation."""
    if typed == "\n":
        return _indent_line(snapshot, offset)
    item = snapshot.item_at(offset)
    if typed != "}" or item is None or offset != item.offset + len(item.parsed.text):
        return ()
    return tuple(_format_item(snapshot, item))


def _format_item(snapshot: Snapshot, item: ast.Item) -> Iterator[Edit]:
    parsed = item.parsed
    if has_errors(parsed.diagnostics):
        return
    printed = print_item(item, [])
    if _means_the_same(parsed, printed):
        span = Span(item.offset, item.offset + len(parsed.text))
        yield from _differences(snapshot, span, printed)


def _means_the_same(parsed: ast.Parsed, printed: str) -> bool:
    """Whether a printed declaration is the one that was parsed. False too where it has grown too large."""
    if printed == parsed.text:
        return True
    before, after = (parse(Source("", text)) for text in (parsed.text, printed))
    if len(before.items) != 1 or len(after.items) != 1 or has_errors(after.items[0].parsed.diagnostics):
        return False
    same = first_difference(before.items[0].declaration, after.items[0].declaration) is None
    return same and comments_of(before) == comments_of(after)


def _differences(snapshot: Snapshot, span: Span, text: str) -> Iterator[Edit]:
    """The edits, each of whole lines or of a part of one line, that put a text in place of a stretch."""
    before = snapshot.text[slice(*span)]
    ending = "\r\n" if "\r\n" in snapshot.text else "\n"
    old, new = before.split("\n"), text.replace("\n", ending).split("\n")
    old_lines = [line + "\n" for line in old[:-1]] + [old[-1]]
    new_lines = [line + "\n" for line in new[:-1]] + [new[-1]]
    offsets = [span.start]
    for line in old_lines:
        offsets.append(offsets[-1] + len(line))
    for first, last, low, high in _changed_lines(old_lines, new_lines):
        place = Span(offsets[first], offsets[last])
        yield _trimmed(snapshot, place, "".join(new_lines[low:high]))


def _changed_lines(old: list[str], new: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Which lines `first:last` of the old text give way to which lines `low:high` of the new one."""
    head = next(
        (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )
    most = min(len(old), len(new)) - head
    pairs = zip(reversed(old), reversed(new), strict=False)
    tail = next((n for n, (a, b) in enumerate(pairs) if a != b or n == most), most)
    middle = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(middle[0]) + len(middle[1]) > MOST_COMPARED:
        yield head, len(old) - tail, head, len(new) - tail
        return
    for kind, first, last, low, high in SequenceMatcher(None, *middle, autojunk=False).get_opcodes():
        if kind != "equal":
            yield first + head, last + head, low + head, high + head


def _trimmed(snapshot: Snapshot, place: Span, text: str) -> Edit:
    """The edit without what is the same at both ends, so a cursor beside it stays where it is."""
    before = snapshot.text[slice(*place)]
    shorter = 0 if "\r" in before + text else min(len(before), len(text))  # never between \r and \n
    head = next((n for n in range(shorter) if before[n] != text[n]), shorter)
    most = shorter - head
    tail = next((n for n in range(most) if before[-1 - n] != text[-1 - n]), most)
    return Edit(snapshot.path, Span(place.start + head, place.end - tail), text[head : len(text) - tail])


def _indent_line(snapshot: Snapshot, offset: int) -> tuple[Edit, ...]:
    """Indent a line that was opened behind a bracket; any other has the indentation that the editor gave."""
    text = snapshot.text
    start = text.rfind("\n", 0, offset) + 1
    above = text[text.rfind("\n", 0, max(start - 1, 0)) + 1 : start].rstrip()
    if not above.endswith(("{", "(", "[")) or _is_in_string(snapshot, start):
        return ()
    end = start + len(text[start:]) - len(text[start:].lstrip(" \t"))
    wanted = above[: len(above) - len(above.lstrip(" \t"))]
    if text[end : end + 1] not in ("}", ")", "]"):
        wanted += INDENT
    return () if text[start:end] == wanted else (Edit(snapshot.path, Span(start, end), wanted),)


def _is_in_string(snapshot: Snapshot, offset: int) -> bool:
    """Whether a block string goes over an offset, whose blanks are then a part of it."""
    spot = snapshot.spot_at(offset)
    return spot is not None and spot.nearest(ast.StringLiteral, ast.Interpolation, ast.Text) is not None
