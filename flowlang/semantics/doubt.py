"""What cannot be known of a declaration that did not parse.

Its interface is poison when the mistake stands in its head: what the parser could mend there may not be what
was meant. And what a mistake swallowed may be a declaration of its own, whose name nobody can tell from the
other words. The body of a flow declares nothing, so a mistake there puts nothing in doubt.

Where a brace is lost, what stands in which block is a guess; the guess is good enough for types, but not for
saying that something is wrong."""

from __future__ import annotations

import re

from flowlang.syntax import ast

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_in_doubt(parsed: ast.Parsed) -> bool:
    """Whether a mistake stands where it may change what a declaration shows to the outside."""
    if not parsed.diagnostics:
        return False
    start, end = _body(parsed)
    return any(d.severity == "error" and not start <= d.primary.span.start < end for d in parsed.diagnostics)


def words_in_doubt(parsed: ast.Parsed) -> list[str]:
    """The words outside of a body, any of which may be the name of something that was not understood."""
    if not is_in_doubt(parsed):
        return []
    start, end = _body(parsed)
    return WORD.findall(parsed.text[:start]) + WORD.findall(parsed.text[end:])


def has_lost_braces(parsed: ast.Parsed) -> bool:
    """Whether the blocks of a declaration are a guess."""
    if not any(diagnostic.severity == "error" for diagnostic in parsed.diagnostics):
        return False
    from flowlang.syntax.brackets import find_brackets

    found = find_brackets(parsed.text)
    return any(parsed.text[place] in "{}" for place in found.unclosed | found.stray)


def _body(parsed: ast.Parsed) -> tuple[int, int]:
    """Where nothing is declared: the block of a flow; nowhere in other declarations."""
    declaration = parsed.declaration
    if isinstance(declaration, ast.FlowDecl):
        return declaration.body.span
    return len(parsed.text), len(parsed.text)
