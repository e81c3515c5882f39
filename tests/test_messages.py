"""What a person sees: each case in `tests/cases/messages` is one mistake, and gives one message.

A case is `SLUG.flow`, or `SLUG.VARIANT.flow` where a code speaks of several things; what the terminal shows
of it stands beside it as `.txt`. `UPDATE_CASES=1` writes those anew, to be read in the diff."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cases import UPDATING
from support.checking import check_path

from flowlang.semantics.check import Checked
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.render import apply_edits, render_all
from flowlang.text.source import Source

FOLDER = Path(__file__).parent / "cases/messages"
CASES = sorted(FOLDER.glob("*.flow"))

TESTED_ELSEWHERE = {
    "unreadable-file": "test_cli.py",
    "not-text": "test_cli.py",
    "source-too-large": "test_parse_bounds.py",
    "nothing-to-run": "cases/run/inputs/session.txt",
    "unbound-agent": "cases/run/unbound/session.txt",
    "bad-config": "test_agents_binding.py",
    "binding-mismatch": "cases/run/unbound/session.txt",
    "not-locked": "test_lock.py",
    "bad-lock": "test_lock.py",
    "missing-secret": "test_agents_binding.py",
    "missing-input": "cases/run/inputs/session.txt",
    "unknown-input": "cases/run/inputs/session.txt",
    "bad-input": "cases/run/inputs/session.txt",
    "bad-document": "test_planning_documents.py",
    "bad-plan": "cases/planning/fields.yaml",
    "not-allowed": "test_planning_limits.py",
    "over-limit": "test_planning_limits.py",
    "cannot-convert": "test_planning_convert.py",
}
"""Codes that no text of a flow gives, being about files, bindings and inputs, and where they are met."""


def slug_of(path: Path) -> str:
    return path.name.partition(".")[0]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_mistake_is_one_message(path: Path):
    checked = check_path(path)
    assert [d.code.slug for d in checked.diagnostics] == [slug_of(path)], shown(checked)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_message_reads_as_it_was_approved(path: Path):
    snapshot = path.with_suffix(".txt")
    text = shown(check_path(path))
    if UPDATING:
        snapshot.write_text(text, encoding="utf-8")
    assert snapshot.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_message_keeps_the_style(path: Path):
    for diagnostic in check_path(path).diagnostics:
        for text in filter(None, (diagnostic.message, diagnostic.help)):
            assert not text.endswith("."), text
            assert text[0] in '`"' or not text[0].isupper() or text.startswith("Python"), text
            assert text.count("`") % 2 == 0, text


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_fix_mends_the_mistake(path: Path):
    checked = check_path(path)
    for diagnostic in checked.diagnostics:
        if diagnostic.fix is not None:
            assert diagnostic.code not in found_after(path, checked, diagnostic)


def found_after(path: Path, checked: Checked, diagnostic: Diagnostic) -> list[codes.Code]:
    """The codes that are left when a fix has been made."""
    assert diagnostic.fix is not None
    source = checked.project.modules[path.name].source
    mended = Source(path.name, apply_edits(source, diagnostic.fix))
    return [found.code for found in check_path(path, entry=mended).diagnostics]


def shown(checked: Checked) -> str:
    modules = checked.project.modules
    return render_all(checked.diagnostics, lambda path: modules[path].source if path in modules else None)


@pytest.mark.parametrize("code", codes.REGISTRY.values(), ids=lambda code: code.slug)
def test_every_code_has_a_case(code: codes.Code):
    assert (code.slug in {slug_of(path) for path in CASES}) != (code.slug in TESTED_ELSEWHERE)


@pytest.mark.parametrize("slug", TESTED_ELSEWHERE)
def test_what_is_tested_elsewhere_is_met_there(slug: str):
    code = codes.find(slug)
    assert code is not None
    text = (FOLDER.parent.parent / TESTED_ELSEWHERE[slug]).read_text(encoding="utf-8")
    ways = (slug, code.number, slug.replace("-", "_").upper())
    assert any(way in text for way in ways)


def test_no_case_is_without_a_code():
    assert {slug_of(path) for path in CASES} <= {code.slug for code in codes.REGISTRY.values()}


def test_no_snapshot_is_without_a_case():
    assert {path.stem for path in FOLDER.glob("*.txt")} == {path.stem for path in CASES}
