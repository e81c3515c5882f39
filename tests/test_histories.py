"""Runs of earlier versions come to what they came to then. A change of meaning shows here, and has to be
refused, or to leave runs that began before it as they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.histories import HISTORIES, History, replayed

from flowlang.runtime.journal import SEMANTICS

KEPT = sorted(HISTORIES.glob("*.json"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_run_of_then_is_the_same_today(path: Path) -> None:
    history = History.read(path)
    assert history.semantics <= SEMANTICS
    assert replayed(history) == history.came_to


def test_there_are_histories() -> None:
    assert len(KEPT) >= 60
