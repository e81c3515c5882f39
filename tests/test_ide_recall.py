"""Whoever types a sound file finds each name in the menu, with the rest of its line not yet typed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from flowlang.ide.completion import complete
from flowlang.ide.meaning import mentions
from flowlang.ide.offers import Offer
from flowlang.ide.snapshot import Snapshot
from flowlang.tools.files import project_path
from flowlang.tools.frontend import check_text

EXAMPLES = sorted(Path(__file__).parent.glob("../examples/*/*.flow"))
SITES = 10  # in each file
LEAST = 0.8  # of the names; what stands behind the cursor may be what declares one


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_next_name_is_offered(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    whole = snapshot_of(text, path)
    sites = [
        (mention.span.start, mention.meaning.name)
        for item in whole.tree.items
        for mention in mentions(whole, item)
        if not mention.declares
    ]
    found = 0
    chosen = random.Random(path.name).sample(sites, min(SITES, len(sites)))
    for offset, name in chosen:
        typed = text[:offset] + text[text.index("\n", offset) :]
        found += name in words_of(complete(snapshot_of(typed, path), offset).offers)
    assert found >= LEAST * len(chosen)


def snapshot_of(text: str, path: Path) -> Snapshot:
    return Snapshot(project_path(str(path)), check_text(text, str(path)))


def words_of(offers: tuple[Offer, ...]) -> set[str]:
    """The names that a menu offers, each part of a qualified one by itself."""
    return {word.strip('":') for offer in offers for word in offer.label.split(".")}
