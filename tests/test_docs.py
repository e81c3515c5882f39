"""What the documentation says is true: commands exist, examples check, pages teach what they claim."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowlang.text import codes
from flowlang.text.codes import Code
from flowlang.text.render import render_all
from flowlang.tools.cli.group import COMMANDS
from flowlang.tools.explain import examples, page
from flowlang.tools.frontend import check_text, sources

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(
    document
    for document in ROOT.glob("**/README.md")
    if not any(part.startswith(".") or part == "node_modules" for part in document.relative_to(ROOT).parts)
)

SHOWN_IN_WORDS = {
    "unreadable-file", "not-text", "source-too-large", "too-deep", "expression-too-large", "unknown-module",
    "import-cycle", "nothing-to-run", "bad-signature", "unbound-agent", "bad-config", "binding-mismatch",
    "not-locked", "bad-lock", "missing-secret", "missing-input", "unknown-input", "bad-input",
    "bad-document", "bad-plan", "not-allowed", "over-limit", "cannot-convert",
}  # fmt: skip
"""Codes about files, bindings and inputs, and those whose example would be too large to read."""

CODES = list(codes.REGISTRY.values())


def found_in(flow: str) -> list[str]:
    return [f"{d.code.number} {d.message}" for d in check_text(flow).diagnostics]


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.slug)
def test_every_code_has_a_page(code: Code):
    text = page(code)
    assert text.startswith(f"# {code.number} {code.slug}: ")
    assert "## How to mend it" in text or "flow good" in text
    assert all(len(line) <= 100 for line in text.splitlines() if " " in line.strip("`"))
    if code.slug in SHOWN_IN_WORDS:
        assert not examples(text)
    else:
        assert examples(text)[0][0] == "bad"


EXAMPLES = [(c, kind, flow) for c in CODES for kind, flow in examples(page(c))]


@pytest.mark.parametrize(("code", "kind", "flow"), EXAMPLES, ids=[f"{c.slug}-{k}" for c, k, _ in EXAMPLES])
def test_a_page_shows_what_it_says(code: Code, kind: str, flow: str):
    numbers = [found.split()[0] for found in found_in(flow)]
    assert numbers == ([code.number] if kind == "bad" else []), found_in(flow)


def test_no_page_is_without_a_code():
    pages = {path.stem for path in (ROOT / "flowlang/tools/explain/pages").glob("*.md")}
    assert pages == {code.slug for code in CODES}


def test_the_flows_of_the_readme_are_clean():
    flows = re.findall(r"^```flow\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert flows
    for flow in flows:
        checked = check_text(flow)
        assert not checked.diagnostics, render_all(checked.diagnostics, sources(checked))


@pytest.mark.parametrize("program", re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE))
def test_the_programs_of_the_readme_print_what_stands_beside(program: str, tmp_path, monkeypatch, capsys):
    (first_flow, *_) = re.findall(r"^```flow\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    (tmp_path / "main.flow").write_text(first_flow)
    monkeypatch.chdir(tmp_path)
    defined: dict[str, object] = {}
    exec(compile(program, "README.md", "exec"), defined)
    for name, test in defined.items():
        if name.startswith("test_"):
            test()
    assert capsys.readouterr().out.splitlines() == re.findall(
        r"^ *print\(.*\)  # (.+)$", program, re.MULTILINE
    )


def test_the_readme_lists_the_commands():
    assert re.findall(r"^\| `flow (\w+)", README, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path):
    for target in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


def test_the_map_names_files_that_exist():
    text = (ROOT / "flowlang" / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"`([\w/]+(?:/[\w]+)+(?:\.\w+)?|\w+\.(?:py|lark))[`:]", text):
        assert (ROOT / "flowlang" / name).exists() or (ROOT / name).exists(), name


def test_ci_runs_the_commands_of_the_readme():
    for heading in ("Try it", "All tests"):
        section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        assert len(re.findall(r"^```sh\n(.+)\n```$", section, re.MULTILINE)) == 1
        assert f"from_readme '{heading}'" in (ROOT / ".ci/run").read_text()
