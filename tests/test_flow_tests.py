"""Cases of tests in the language: what each of them comes to stands beside the line.

`// fails: "…"` stands on the line that a problem is shown at; a test without one passes. All that is said of
those that fail stands beside a case as `.txt`; `UPDATE_CASES=1` writes that anew, to be read in the diff."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.cases import UPDATING

from flowlang.plan import tests
from flowlang.plan.load import dump_plan
from flowlang.text.render import PLAIN
from flowlang.tools.frontend import compile_plan
from flowlang.tools.testing_files import Suite, collect
from flowlang.tools.testing_report import failure_text, line_text
from flowlang.tools.testing_run import Verdict, run_test
from flowlang.values.compiler import compile_expression

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tests/cases/tests"
CASES = sorted(FOLDER.glob("**/*.flow"))
FAILS = re.compile(r'// fails: "(.*)"$')


def suite_at(path: Path) -> Suite:
    collected = collect([str(path)])
    assert not collected.missing
    (suite,) = collected.suites
    assert not suite.mistakes, suite.mistakes
    return suite


def verdicts_of(suite: Suite) -> list[Verdict]:
    assert suite.program is not None
    return [run_test(suite.program, test) for test in suite.tests]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_comes_to_what_stands_beside_its_lines(path: Path) -> None:
    suite = suite_at(path)
    found = {
        (verdict.problem.at.line, verdict.problem.message)
        for verdict in verdicts_of(suite)
        if verdict.problem
    }
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    assert found == {(number, match[1]) for number, line in lines if (match := FAILS.search(line))}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_said_of_a_failure_reads_as_it_was_approved(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    suite = suite_at(path.relative_to(FOLDER))
    assert suite.places is not None
    said = [
        f"{line_text(verdict)}\n{failure_text(verdict, suite.places, PLAIN)}"
        for verdict in verdicts_of(suite)
        if not verdict.passed
    ]
    text = "\n".join(said)
    snapshot = path.with_suffix(".txt")
    if UPDATING and said:
        snapshot.write_text(text, encoding="utf-8")
    assert (snapshot.read_text(encoding="utf-8") if said else "") == text


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_test_comes_to_the_same_again(path: Path) -> None:
    suite = suite_at(path)
    for first, second in zip(verdicts_of(suite), verdicts_of(suite), strict=True):
        assert first.problem == second.problem
        assert [ran.simulated.heard for ran in first.ran] == [ran.simulated.heard for ran in second.ran]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_each_part_of_a_condition_can_be_evaluated(path: Path) -> None:
    for part in all_parts(suite_at(path).tests):
        assert part.text
        compile_expression(part.value)


def all_parts(found: tuple[tests.Test, ...]) -> list[tests.Part]:
    expects = [line for test in found for line in test.lines if isinstance(line, tests.Expect)]
    return [part for expect in expects for part in tests.parts_of(expect.condition)]


DOCUMENTS = {
    name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "grammar/reference.md")
}
EXAMPLES = [
    (name, flow)
    for name, text in DOCUMENTS.items()
    for flow in re.findall(r"^```flow\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    if 'test "' in flow
]


@pytest.mark.parametrize(("name", "flow"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_tests_in_the_documentation_pass(name: str, flow: str, tmp_path: Path) -> None:
    (tmp_path / "example.flow").write_text(flow, encoding="utf-8")
    assert [
        verdict.problem for verdict in verdicts_of(suite_at(tmp_path / "example.flow")) if verdict.problem
    ] == []


def test_the_readme_shows_what_is_said_of_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flow = next(flow for name, flow in EXAMPLES if name == "README.md")
    Path("publish.flow").write_text(flow.replace(".size() == 2", ".size() == 1"), encoding="utf-8")
    suite = suite_at(Path("publish.flow"))
    assert suite.places is not None
    assert failure_text(verdicts_of(suite)[0], suite.places, PLAIN) in DOCUMENTS["README.md"]


def test_a_plan_knows_nothing_of_tests() -> None:
    text = (FOLDER / "orders.flow").read_text(encoding="utf-8")
    without = text[: text.index('test "')]
    with_tests, alone = (compile_plan("orders.flow", text=each) for each in (text, without))
    assert dump_plan(with_tests.model_copy(update={"sources": alone.sources})) == dump_plan(alone)
