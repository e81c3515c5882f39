"""Completion: a cursor -> what may be written there, best first.

Which words fit is read off the parse tables, which names fit off the tree that the text would have with a
name at the cursor, and what is known of them off the check of that tree (see `half.py`). So both see what the
parser and the checker would see, in a text that neither would accept yet.

Offers are not filtered by what is typed: editors do that better, and one menu serves several keys. Only what
comes from files that are not imported is, since there is no end to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import attrs

from flowlang.ide import offers
from flowlang.ide.half import Half, checked_half, half_at
from flowlang.ide.marked_names import names_at_mark
from flowlang.ide.offers import Offer
from flowlang.ide.other_files import Elsewhere, paths_for
from flowlang.ide.snapshot import Snapshot, Snapshots
from flowlang.syntax import ast
from flowlang.text.source import Span


@attrs.frozen
class Completions:
    """A menu. `word` is the stretch of the file that an item replaces."""

    word: Span
    offers: tuple[Offer, ...] = ()


def complete(
    snapshot: Snapshot, offset: int, others: Snapshots | None = None, files: Iterable[str] = ()
) -> Completions:
    """What may stand at an offset. `others` are the files of the workspace, whose names may be imported;
    `files` are the paths of what a `use` may name."""
    half = half_at(snapshot, offset)
    if half.prefix.in_comment or half.typed[:1].isdigit():
        return Completions(half.word)
    half = checked_half(snapshot, half)
    elsewhere = Elsewhere(snapshot, others or {}, half.typed)
    found = [*names(snapshot, half, elsewhere, files)]
    if not half.in_string:
        found += words(snapshot, half)
    best: dict[tuple[str, str], Offer] = {}
    for offer in sorted(found, key=order_of):
        best.setdefault((offer.label, offer.kind), offer)
    return Completions(half.word, tuple(best.values()))


def order_of(offer: Offer) -> tuple[int, str]:
    """The best in the order in which they are declared, as arguments and fields are; others by name."""
    return offer.rank, "" if offer.rank <= 2 else offer.label


def names(snapshot: Snapshot, half: Half, elsewhere: Elsewhere, files: Iterable[str]) -> Iterator[Offer]:
    if not half.is_marked:
        return
    mark, around = half.nodes[-1], half.nodes[-2]
    if isinstance(mark, ast.Text) or (half.in_string and isinstance(around, ast.Import | ast.Use)):
        yield from paths_for(around, snapshot.path, elsewhere.others, files)
    else:
        yield from names_at_mark(snapshot, half, elsewhere)


# Words


def words(snapshot: Snapshot, half: Half) -> Iterator[Offer]:
    """The keywords that go on with what stands there, and on a new line those that begin something."""
    begins_line = LINE_SO_FAR.search(snapshot.text, 0, half.word.start)
    out = clauses_that_stand(half)
    results = results_of(half)
    beginnings = half.prefix.beginnings if begins_line else ()
    for word in (*half.prefix.words, *beginnings):
        if word in out or (word in RESULTS and word not in results):
            continue
        if half.nodes or begins_line:
            yield offers.keyword(word, rank_of(word, begins_line=begins_line is not None))


def rank_of(word: str, *, begins_line: bool) -> int:
    """What goes on with an expression is seldom meant at the beginning of a line."""
    if word in JOINING:
        return 8 if begins_line else 5
    return 6 if word in CONSTANTS else 4 if word in ("step", "let") else 5


LINE_SO_FAR = re.compile(r"(?:\A|[\n{}])[ \t\r]*\Z")
JOINING = frozenset(("and", "or", "in", "is", "as"))
CONSTANTS = frozenset(("true", "false", "null"))
RESULTS = frozenset(("return", "yield", "next"))
ONCE = {
    ast.When: "when",
    ast.Key: "key",
    ast.Retry: "retry",
    ast.Undo: "undo",
    ast.Finally: "finally",
}


def results_of(half: Half) -> tuple[str, ...]:
    """The words that give the block at the cursor its value."""
    blocks = [index for index, node in enumerate(half.nodes) if isinstance(node, ast.Block)]
    if not blocks:
        return tuple(RESULTS)
    match half.nodes[blocks[-1] - 1]:
        case ast.FlowDecl():
            return ("return",)
        case ast.While():
            return ("next",)
        case ast.Finally():
            return ()
        case _:
            return ("yield",)


def clauses_that_stand(half: Half) -> set[str]:
    """The clauses that may stand once, and do in the step before the cursor."""
    step = step_before(half)
    return set() if step is None else {ONCE[type(clause)] for clause in step.clauses if type(clause) in ONCE}


def step_before(half: Half) -> ast.Step | None:
    """The step that the cursor is in, or stands behind."""
    inner = next((n for n in reversed(half.nodes) if isinstance(n, ast.Step | ast.Block)), None)
    if half.item is None or not isinstance(inner, ast.Block):
        return inner if isinstance(inner, ast.Step) else None
    at = half.word.start - half.item.offset
    before = [s for s in inner.statements if s.span.end <= at]
    return before[-1] if before and isinstance(before[-1], ast.Step) else None
