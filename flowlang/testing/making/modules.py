"""One module -> two that mean the same: some declarations, and all that these mention, go into a module of
their own, which the other one imports.

Made-up names are unique and are no words of anything else, so that a declaration mentions another where its
text has that word."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from flowlang.semantics.namespace import declared_names
from flowlang.syntax.parser import parse
from flowlang.text.source import Source

IMPORTED: Final = "lib"
_WORD: Final = re.compile(r"\b[A-Za-z]+[0-9]+\b")


def spread(declarations: Sequence[str], moved: Collection[int]) -> tuple[str, str]:
    """The text that imports, and the imported one, which has the declarations with the numbers in `moved`."""
    owners = {name: n for n, text in enumerate(declarations) for name in _names(text)}
    away = _with_mentioned(declarations, moved, owners)
    stay = [text for n, text in enumerate(declarations) if n not in away]
    gone = {name for name, owner in owners.items() if owner in away}
    entry = "\n\n".join(_WORD.sub(lambda word: _qualified(word[0], gone), text) for text in stay)
    lines = [f'import "{IMPORTED}.flow" as {IMPORTED}'] if gone & set(_WORD.findall("\n".join(stay))) else []
    return "\n\n".join([*lines, entry]), "\n\n".join(declarations[n] for n in sorted(away))


def _names(declaration: str) -> list[str]:
    (item,) = parse(Source("made.flow", declaration)).items
    return [name.name for name in declared_names(item.declaration)]


def _with_mentioned(
    declarations: Sequence[str], moved: Collection[int], owners: Mapping[str, int]
) -> set[int]:
    found: set[int] = set()
    pending = [*moved]
    while pending:
        number = pending.pop()
        if number not in found:
            found.add(number)
            pending += [owners[word] for word in _WORD.findall(declarations[number]) if word in owners]
    return found


def _qualified(word: str, gone: Collection[str]) -> str:
    return f"{IMPORTED}.{word}" if word in gone else word
