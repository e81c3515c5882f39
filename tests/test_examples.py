"""Every example is as good as it ought to be: it checks without a word, is laid out, and does what its
README says, to the letter. What each of them does besides is tested in a file of its own."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from support.examples import EXAMPLES, ROOT, alike, copied

from flowlang.tools import cli

NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))
OTHERWISE = ("repo_review", "small_model", "documents", "shop_api", "git_digest", "research_desk")
"""Shown true elsewhere, or by hand."""
WITH_SESSIONS = [name for name in NAMES if name not in OTHERWISE]


@pytest.mark.parametrize("name", NAMES)
def test_checks_without_a_word_and_is_laid_out(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    folder = str(EXAMPLES / name)
    assert cli.invoke(["check", "--strict", folder]) == 0, capfd.readouterr().err
    assert cli.invoke(["fmt", "--check", folder]) == 0, capfd.readouterr().err


@pytest.mark.parametrize("name", NAMES)
def test_every_flow_and_agent_says_what_it_does(name: str) -> None:
    for path in (EXAMPLES / name).glob("*.flow"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("///")
        for above, line in pairwise(lines):
            if line.startswith(("flow ", "agent ", "ask ")):
                assert above.startswith("///"), line


@pytest.mark.parametrize("name", WITH_SESSIONS)
def test_the_readme_tells_the_truth(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    seen = list(copied(name, tmp_path, monkeypatch, capfd).session())
    assert seen
    for command, shown, printed in seen:
        assert alike(shown, printed), f"$ {command}\n{printed}"


def test_the_readme_lists_every_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"(examples/{name}/README.md)" not in readme] == []
