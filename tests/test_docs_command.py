"""`flow docs`: what its pages say, and that they hold together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowlang.tools.cli import invoke

MAIN = """\
import "lib.flow" as lib

/// Finds a page | the best one.
agent find(url: string, limit: int = 3) -> string raises Lost effect read
error Lost(url: string)
ask approve(question: string) -> bool timeout 1d
type Shape = Circle(r: float) | Dot
event Paid(order: string)

/// Reads `url`, and <b>doubles</b> it.
///
/// - once
/// - twice
flow main(
  /// Where it is.
  url: string,
) -> int {
  step page = find(url: url)
  step size = lib.double(n: page.size())
  return size
}

test "it works" {
  given find -> "x"
  run out = main(url: "a")
  expect out == 2
}
"""
LIB = "/// Doubles a number.\nflow double(n: int) -> int {\n  return n * 2\n}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "main.flow").write_text(MAIN)
    (tmp_path / "lib.flow").write_text(LIB)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_pages_say_what_there_is_and_link_to_each_other(project, capsys):
    assert invoke(["docs", "--out", "out"]) == 0
    assert capsys.readouterr().err == "3 files written to out\n"
    page = (project / "out" / "main.md").read_text()
    assert "### main\n\n```flow\nflow main(\n" in page
    assert "Reads `url`, and <b>doubles</b> it.\n\n- once\n- twice\n" in page
    assert (
        "| parameter | type | what it is |\n| --- | --- | --- |\n| `url` | `string` | Where it is. |" in page
    )
    assert "- may fail with: [`Lost`](#lost)\n" in page
    assert "- calls: [`find`](#find), [`lib.double`](lib.md#double)\n" in page
    assert "```mermaid\nflowchart TD\n" in page
    for title in ("Agents", "Questions to people", "Types", "Errors", "Events", "Tests"):
        assert f"\n## {title}\n" in page
    assert "| it works |" in page
    index = (project / "out" / "README.md").read_text()
    assert "- [lib.flow](lib.md): Doubles a number.\n" in index


def test_every_link_leads_somewhere(project):
    assert invoke(["docs", "--out", "out"]) == 0
    pages = {path.name: path.read_text() for path in (project / "out").glob("*.md")}
    for name, text in pages.items():
        for file, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text):
            target = pages[file or name]
            assert not anchor or re.search(rf"(?mi)^#+ {re.escape(anchor)}$", target), (file, anchor)


def test_one_html_file_holds_all_and_takes_nothing_from_outside(project):
    assert invoke(["docs", "--html", "--out", "site", "--title", "A <b>"]) == 0
    text = (project / "site" / "index.html").read_text()
    assert "<title>A &lt;b&gt;</title>" in text
    assert "Reads <code>url</code>, and &lt;b&gt;doubles&lt;/b&gt; it." in text
    assert "<li>once</li>" in text
    anchors = set(re.findall(r'id="([^"]+)"', text))
    assert {target for target in re.findall(r'href="#([^"]+)"', text)} <= anchors
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert "<svg" in text


def test_without_a_folder_the_pages_are_printed(project, capsys):
    assert invoke(["docs", "lib.flow"]) == 0
    assert capsys.readouterr().out.startswith("# lib.flow\n\n## Flows\n\n### double\n")


def test_a_file_that_is_not_documented_is_not_linked_to(project, capsys):
    assert invoke(["docs", "main.flow"]) == 0
    assert "`lib.double`" in (printed := capsys.readouterr().out)
    assert "lib.md" not in printed


def test_flows_with_errors_have_no_pages(project, capsys):
    (project / "lib.flow").write_text("flow f( {")
    assert invoke(["docs", "--out", "out"]) == 1
    assert "error[" in capsys.readouterr().err
    assert not (project / "out").exists()


def test_a_folder_that_cannot_be_written_is_one_line(project, capsys):
    (project / "out").mkdir()
    (project / "out" / "main.md").mkdir()
    assert invoke(["docs", "--out", "out"]) == 1
    assert "cannot be written" in capsys.readouterr().err
