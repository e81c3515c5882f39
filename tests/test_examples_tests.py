"""The tests that stand in the examples hold, and each example has some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowlang.tools import cli

FILES = sorted((Path(__file__).parent.parent / "examples").glob("*/*.flow"))
WITHOUT_A_WORLD = {"small_model"}
"""Examples that are about how an agent is reached, of which a test knows nothing."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_passes_its_tests(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if path.stem in WITHOUT_A_WORLD and 'test "' not in path.read_text(encoding="utf-8"):
        pytest.skip("it has no tests")
    assert cli.invoke(["test", "--json", "--coverage", str(path)]) == 0, capfd.readouterr().out
    found = json.loads(capfd.readouterr().out)
    assert found["passed"] >= 2
    reached, steps = found["coverage"]["counts"]["step"]
    assert 10 * reached >= 8 * steps, found["coverage"]["missed"]
