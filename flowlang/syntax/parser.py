"""Source -> Module: the parser's front door. It never raises, whatever the text.

A file is split into its declarations, and each is parsed on its own, with spans relative to its start.
So a declaration's tree, comments and diagnostics depend on nothing but its own text: where `previous` is
given, an unchanged declaration keeps the very same tree, and a keystroke costs one declaration.

What does not parse is mended statement by statement; see `recovery.py`."""

from __future__ import annotations

from flowlang.syntax import ast
from flowlang.syntax.declaration import parse_declaration, parse_expression, report_dangling_doc
from flowlang.syntax.mistakes.characters import refused_character
from flowlang.syntax.scanner import comment, is_doc, outline, skip
from flowlang.text import codes
from flowlang.text.diagnostics import Problems
from flowlang.text.reading import MAX_SOURCE_BYTES
from flowlang.text.source import Source, Span

__all__ = ["parse", "parse_expression"]


def parse(source: Source, *, previous: ast.Module | None = None) -> ast.Module:
    """The tree of a file. `previous` is an earlier version of it, whose declarations are used again."""
    problems = Problems()
    if is_too_large(source.text):
        report_too_large(problems)
        return ast.Module(source, (), (), tuple(problems.found))
    known = {item.parsed.text: item.parsed for item in previous.items} if previous else {}
    text = without_mark(source.text)
    found = outline(text)
    outside = list(found.comments)
    items: list[ast.Item] = []
    keys: dict[str, int] = {}
    for first, end in found.declarations:
        start = first
        while start < end:
            parsed = known.get(text[first:end]) if start == first else near(text, start, end)
            parsed = parsed or parse_declaration(text[start:end])
            items.append(ast.Item(unique(key_of(parsed.declaration), keys), start, parsed))
            start, between = skip(text, start + len(parsed.text), end)
            outside += between
    comments = tuple(comment(text, place) for place in sorted(outside))
    for each in comments:
        examine(each, problems)
    return ast.Module(source, tuple(items), comments, tuple(problems.found))


def near(text: str, start: int, end: int) -> ast.Parsed | None:
    """A short declaration that has another one behind it, so that many in one line are no long work."""
    if end - start <= 2 * NEAR:
        return None
    parsed = parse_declaration(text[start : start + NEAR])
    return parsed if len(parsed.text) < NEAR // 2 else None


NEAR = 2048  # characters


def examine(comment: ast.Comment, problems: Problems) -> None:
    """Report what is wrong with a comment that stands between declarations."""
    if refused := refused_character(comment.text, comment.span.start):
        problems.found.append(refused)
    if is_doc(comment.text, 0):
        report_dangling_doc(comment.span, problems)


def without_mark(text: str) -> str:
    """The text with a byte order mark at its start made blank, so that offsets stay."""
    return "\n" + text[1:] if text.startswith("\ufeff") else text


def is_too_large(text: str) -> bool:
    if len(text) * 4 <= MAX_SOURCE_BYTES:
        return False
    return len(text) > MAX_SOURCE_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_SOURCE_BYTES


def report_too_large(problems: Problems) -> None:
    problems.report(
        codes.SOURCE_TOO_LARGE,
        Span(0, 0),
        "this file is larger than 1 MiB",
        help='split it into modules that `import "other.flow" as other`',
    )


def key_of(declaration: ast.Declaration) -> str:
    """What names a declaration within its module: its name, or its keyword where it has none."""
    match declaration:
        case ast.TestDecl(name=name):
            return f'test "{name.value}"'
        case ast.BrokenDecl(kind=kind, name=None):
            return kind or "?"
        case _:
            assert declaration.name is not None
            return declaration.name.name


def unique(key: str, keys: dict[str, int]) -> str:
    """The key, with a number behind it from its second use on."""
    keys[key] = keys.get(key, 0) + 1
    return key if keys[key] == 1 else f"{key}#{keys[key]}"
