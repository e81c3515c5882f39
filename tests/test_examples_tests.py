"""The tests that stand in the examples hold, and reach most of their steps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowlang.tools import cli

FLOWS = sorted((Path(__file__).parent.parent / "examples").glob("*/*.flow"))
TESTED = [path for path in FLOWS if '\ntest "' in path.read_text(encoding="utf-8")]


def test_every_example_has_tests() -> None:
    assert TESTED == FLOWS


@pytest.mark.parametrize("path", TESTED, ids=lambda path: path.stem)
def test_an_example_passes_its_tests(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(["test", "--json", "--coverage", str(path)]) == 0, capfd.readouterr().out
    found = json.loads(capfd.readouterr().out)
    assert found["passed"]
    reached, steps = found["coverage"]["counts"]["step"]
    assert 10 * reached >= 8 * steps, found["coverage"]["missed"]
