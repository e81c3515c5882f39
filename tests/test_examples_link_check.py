"""The link checker: what it finds, what it leaves alone, and this repository's own documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.examples import ROOT, Example, copied


@pytest.fixture
def link_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    return copied("link_check", tmp_path, monkeypatch, capfd)


def documents(link_check: Example, **texts: str | bytes) -> str:
    folder = link_check.folder / "docs"
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.md").write_bytes(text.encode() if isinstance(text, str) else text)
    return "docs"


def found(link_check: Example, **texts: str | bytes) -> list[str]:
    report = link_check.run(folder=documents(link_check, **texts)).data
    return [line for line in report.partition("\n## ")[2].splitlines() if line.startswith("- ")]


def test_the_documents_of_this_repository_have_no_broken_links(link_check: Example) -> None:
    report = link_check.run(folder=str(ROOT)).data
    sections = [line.removeprefix("## ") for line in report.splitlines() if line.startswith("## ")]
    assert [name for name in sections if not name.startswith("examples/link_check/sample/")] == [], report


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("[a](b.md)", None),
        ("[a](b.md#there)", None),
        ("[a](#a-title-with-code)", None),
        ("[a](#again-1)", None),
        ("[a](<with blank.md>)", "there is no with blank.md"),
        ("[a](with%20blank.md)", "there is no with blank.md"),
        ('[a](b.md "title")', None),
        ("[a](/b.md)", None),
        ("[a](.)", None),
        ("[a](mailto:a@b)", None),
        ("[a](b.md?raw=1#there)", None),
        ("[a](b.md#nowhere)", "b.md has no heading #nowhere"),
        ("[a](c.md)", "there is no c.md"),
        ("[a](../a.md)", "it leads out of the folder"),
        ("![a](a.png)", "there is no a.png"),
        ("[![a](b.md)](c.md)", "there is no c.md"),
        ("[a]: c.md", "there is no c.md"),
        ('<img src="a.png">', "there is no a.png"),
        ("`[a](c.md)`", None),
        ("```\n[a](c.md)\n```", None),
        ("~~~\n```\n[a](c.md)\n~~~", None),
        ("<!-- [a](c.md) -->", None),
    ],
)
def test_links(link_check: Example, link: str, problem: str | None) -> None:
    headings = "# A *title* with `code`!\n\n## Again\n\n## Again\n\n"
    problems = found(link_check, a=headings + link, b="There\n=====\n")
    assert [line.partition("`: ")[2] for line in problems] == ([problem] if problem else [])


def test_a_place_is_the_line_in_the_file(link_check: Example) -> None:
    text = "```\n\n```\n<!--\n-->\n\n[a](c.md)\n"
    assert found(link_check, a=text) == ["- line 7, `c.md`: there is no c.md"]


def test_what_is_no_text_is_said_and_stops_nothing(link_check: Example) -> None:
    assert found(link_check, a=b"\xff", b="[b](c.md)") == [
        "- line 1, `c.md`: there is no c.md",
        "- it is not text",
    ]


def test_strict_fails_when_the_report_is_saved(link_check: Example) -> None:
    ended = link_check.run(folder="sample", strict=True, out="report.md")
    assert ended.error == "BrokenLinks" and ended.outcome["errors"][0]["fields"] == {"broken": 4}
    assert "- links: 11\n- broken: 4\n" in (link_check.folder / "report.md").read_text()
    folder = documents(link_check, a="[a](#b)\n# B\n")
    assert "- links: 1\n- broken: 0\n" in link_check.run(folder=folder, strict=True).data


def test_no_folder_no_documents_no_place_for_the_report(link_check: Example) -> None:
    assert link_check.run(folder="nowhere").error == "NoSuchFolder"
    assert link_check.run(folder=documents(link_check)).error == "RequirementFailed"
    assert link_check.run(folder="sample", out=".").error == "AgentFailed"
