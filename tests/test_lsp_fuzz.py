"""Random edits and requests, for as long as a test may take; `support/lsp_fuzz.py` does it for longer."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("pygls")

from support.lsp_fuzz import EXAMPLES, run


def test_nothing_that_is_typed_or_asked_brings_the_server_down(tmp_path):
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    counts = run(tmp_path / "examples", 0, turns=600)
    assert counts["answer with a result"] > 100
