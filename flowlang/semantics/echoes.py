"""One mistake, one message: every mention of a name that does not exist says the same, so the first says it
for all and shows where the others are.

Each declaration is checked on its own and reports what it finds; only when all is known can the first mention
in a file be told from its echoes."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic

ECHOING = frozenset(
    (
        codes.UNKNOWN_NAME,
        codes.UNKNOWN_FIELD,
        codes.UNKNOWN_METHOD,
        codes.UNKNOWN_ARGUMENT,
        codes.UNKNOWN_TYPE,
        codes.MISSING_ARGUMENT,
        codes.MISSING_FIELD,
    )
)
PLACES_SHOWN = 3


def without_echoes(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Placed diagnostics in their order, but of those that say the same of one file only the first."""
    found: dict[object, Diagnostic] = {}
    for diagnostic in diagnostics:
        key = diagnostic.path, diagnostic.code, _subject(diagnostic)
        if diagnostic.code not in ECHOING:
            found[len(found)] = diagnostic
        elif key in found:
            found[key] = _with_echo(found[key], diagnostic)
        else:
            found[key] = diagnostic
    return list(found.values())


def _subject(diagnostic: Diagnostic) -> str:
    """What a message is about. A name may be missed as one thing here and as another there."""
    if diagnostic.code in (codes.UNKNOWN_NAME, codes.UNKNOWN_TYPE):
        name = NAME_IN_MODULE.search(diagnostic.message)
        return name[0] if name else diagnostic.message
    return diagnostic.message


NAME_IN_MODULE = re.compile(r"`[^`]*`(?: in `[^`]*`)?")


def _with_echo(first: Diagnostic, echo: Diagnostic) -> Diagnostic:
    """The first mention with the place of another, which the same fix mends."""
    related = first.related
    if len(related) < PLACES_SHOWN:
        related = (*related, attrs.evolve(echo.primary, text="and here"))
    fix = first.fix
    if fix is not None and echo.fix is not None and fix.title == echo.fix.title:
        fix = attrs.evolve(fix, edits=(*fix.edits, *echo.fix.edits))
    return attrs.evolve(first, related=related, fix=fix)
