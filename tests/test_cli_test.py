"""`flow test`, from the outside: what it finds, what it says, and how it ends."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_cli import Outcome, flow, write  # noqa: F401

from flowlang.tools.cli import terminal, test
from flowlang.tools.cli.group import COMMANDS
from flowlang.tools.pytest_plugin import _has_tests

PAGE = """\
error NotFound
agent read(url: string) -> string raises NotFound effect read
agent undo(text: string) effect idempotent

flow page(url: string) -> string {
  step text = read(url: url)
    catch NotFound -> "none"
    undo undo(text: text)
  step size = choose {
    when text == "none" -> 0
    when text == "" -> 1
    else -> text.size()
  }
  require size != 7 else "seven"
  return "${text} ${size}"
}
"""
GOOD = """
test "a page that is there" {
  given read -> "text of ${url}"
  run out = page(url: "a")
  expect out == "text of a 9"
}
"""
BAD = """
test "a page that is not there" {
  given read fails NotFound
  run out = page(url: "a")
  expect out == "none"
}
"""
OTHER = """\
import "page.flow" as pages

flow other() -> string {
  step found = pages.page(url: "x")
  return found
}

test "through another file" {
  given pages.read -> ""
  run out = other()
  expect out == " 1"
}
"""


def test_what_passes_is_listed(flow):  # noqa: F811
    write("a/page.flow", PAGE + GOOD)
    write("b.flow", PAGE)
    write(".hidden/c.flow", PAGE + BAD)
    outcome = flow("test")
    assert outcome.code == 0
    assert outcome.out == "a/page.flow\n  ok      a page that is there\n"
    assert outcome.err.startswith("1 passed in 1 file (")


def test_what_fails_is_shown(flow):  # noqa: F811
    write("page.flow", PAGE + GOOD + BAD)
    outcome = flow("test", "page.flow")
    assert outcome.code == 1
    assert "  FAILED  a page that is not there\n" in outcome.out
    assert 'failed: `out == "none"` does not hold\n  --> page.flow:' in outcome.out
    assert '  out  is "none 0"\n  the run of `page`:\n    0s  text  read(url: "a") → NotFound' in outcome.out
    assert outcome.err.startswith("1 passed, 1 failed in 1 file (")
    assert "a page that is there" not in flow("test", "--quiet").out


def test_one_is_picked_by_its_name(flow):  # noqa: F811
    write("page.flow", PAGE + GOOD + BAD)
    assert flow("test", "-k", "IS there").code == 0
    assert flow("test", "-k", "not there").code == 1
    outcome = flow("test", "-k", "a page that is here")
    assert (outcome.code, outcome.out) == (2, "")
    assert (
        "no test has `a page that is here` in its name; did you mean `a page that is there`?" in outcome.err
    )


def test_names_are_completed(flow):  # noqa: F811
    write("page.flow", PAGE + GOOD + BAD)
    context = test.command.make_context("test", ["page.flow"], resilient_parsing=True)
    found = test._complete(context, test.command.params[1], "not")
    assert [item.value for item in found] == ["a page that is not there"]


def test_nothing_to_test_is_no_success(flow):  # noqa: F811
    write("page.flow", PAGE)
    outcome = flow("test")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == 'there is no test; write `test "…" { … }` below a flow\n'


@pytest.mark.parametrize("where", ["nothing.flow", "empty"])
def test_what_is_not_there_is_a_diagnostic(flow, where):  # noqa: F811
    Path("empty").mkdir()
    outcome = flow("test", where)
    assert outcome.code == 1 and "error[E001 unreadable-file]" in outcome.out + outcome.err


def test_mistakes_stand_in_the_way_of_their_file_only(flow):  # noqa: F811
    write("a.flow", PAGE + GOOD)
    write("b.flow", PAGE + GOOD.replace("given read", "given raed"))
    outcome = flow("test")
    assert outcome.code == 1
    assert "  ok      a page that is there" in outcome.out
    assert "there is no agent or ask `raed`" in outcome.out
    assert outcome.err.endswith("; 1 file has mistakes\n")


def test_json_has_all_of_it(flow):  # noqa: F811
    write("page.flow", PAGE + GOOD + BAD)
    outcome = flow("test", "--json", "--coverage")
    assert outcome.code == 1
    found = json.loads(outcome.out)
    assert (found["passed"], found["failed"], found["mistakes"]) == (1, 1, [])
    good, bad = found["tests"]
    assert (good["name"], good["status"], good["problem"]) == ("a page that is there", "passed", None)
    problem = bad["problem"]
    assert problem["message"] == '`out == "none"` does not hold'
    assert (problem["path"], problem["line"]) == ("page.flow", 27)
    assert problem["parts"] == [{"text": "out", "value": '"none 0"'}]
    assert problem["trace"][0].startswith('0s  text  read(url: "a") → NotFound')
    assert found["coverage"]["counts"]["catch"] == [1, 1]


def test_junit_can_be_read(flow):  # noqa: F811
    write("page.flow", PAGE + GOOD + BAD.replace("is not there", "<is> & not there"))
    write("broken.flow", PAGE + GOOD.replace("given read", "given raed"))
    assert flow("test", "--junit", "out.xml").code == 1
    root = ElementTree.parse("out.xml").getroot()
    suites = {suite.get("name"): suite for suite in root}
    assert suites["page.flow"].attrib.items() >= {"tests": "2", "failures": "1", "errors": "0"}.items()
    assert suites["broken.flow"].attrib.items() >= {"tests": "1", "failures": "0", "errors": "1"}.items()
    failure = suites["page.flow"].find("testcase/failure")
    assert failure is not None and "the run of `page`" in (failure.text or "")


def test_junit_goes_where_it_can_be_written(flow):  # noqa: F811
    write("page.flow", PAGE + GOOD)
    assert flow("test", "--junit", "new/folder/out.xml").code == 0
    assert ElementTree.parse("new/folder/out.xml").getroot() is not None
    outcome = flow("test", "--junit", "page.flow/out.xml")
    assert outcome.code == 2 and "cannot be written" in outcome.err
    assert "1 passed" in outcome.err


def test_a_name_is_one_line_and_hides_nothing(flow):  # noqa: F811
    write("page.flow", PAGE + GOOD.replace('test "', 'test "a\\n  ok \\u{202e}', 1))
    assert "\n  ok      a   ok <U+202E>" in flow("test").out


def test_coverage_names_what_no_test_reaches(flow):  # noqa: F811
    write("page.flow", PAGE + GOOD)
    outcome = flow("test", "--coverage")
    assert outcome.code == 0
    assert outcome.out.splitlines()[2:] == [
        "page.flow: 2 of 2 steps, 1 of 3 arms, 0 of 1 catch, 0 of 1 undo",
        "  page.flow:7:5  no test reaches the `catch NotFound` of `text`",
        "  page.flow:8:10  no test reaches the `undo` of `text`",
        "  page.flow:10:10  no test reaches the arm 1 of 3 of a `choose`",
        "  page.flow:11:10  no test reaches the arm 2 of 3 of a `choose`",
    ]


DECISIONS = """\
type Mood = Good(n: int) | Bad | Odd
error No

flow main(mood: Mood, flag: bool) -> int {
  let n = if flag then 1 else 2
  step a = match mood { Good(n: k) -> k  Bad -> 2  Odd -> 3 }
  step b = match mood { Good -> fail No()  else -> 3 }
  step c = choose { when flag -> 1  when a > 2 -> 2  else -> 3 }
  return n + a + b + c
}

test "one way" {
  run out = main(mood: Bad(), flag: true)
  run failure fails No = main(mood: Good(n: 1), flag: true)
}
"""


def test_arms_are_told_apart_that_are_mere_values(flow):  # noqa: F811
    write("mood.flow", DECISIONS)
    outcome = flow("test", "--coverage")
    assert outcome.out.splitlines()[2:] == [
        "mood.flow: 3 of 3 steps, 6 of 10 arms",
        "  mood.flow:5:3  no test reaches the `else` of an `if` in `n`",
        "  mood.flow:6:3  no test reaches the arm `Odd` of a `match` in `a`",
        "  mood.flow:8:12  no test reaches the arm 3 of 3 of a `choose`",
        "  mood.flow:8:42  no test reaches the arm 2 of 3 of a `choose`",
    ]


def test_coverage_is_of_all_tests_together(flow):  # noqa: F811
    undone = """
test "undone" {
  given read -> "1234567"
  given undo -> null
  run failure fails RequirementFailed = page(url: "a")
}
"""
    write("page.flow", PAGE + GOOD + BAD.replace('"none"', '"none 0"') + undone)
    write("other.flow", OTHER)
    outcome = flow("test", "--coverage", "-q")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "other.flow: 1 of 1 step",
        "page.flow: 2 of 2 steps, 3 of 3 arms, 1 of 1 catch, 1 of 1 undo",
    ]


def test_watching_tests_again_when_a_file_changes(flow, monkeypatch):  # noqa: F811
    write("page.flow", PAGE + BAD)
    changes = iter([PAGE + GOOD])

    def change(*_: object) -> None:
        text = next(changes, None)
        if text is None:
            raise KeyboardInterrupt
        write("page.flow", text)

    monkeypatch.setattr(test, "wait_for_change", change)
    monkeypatch.setattr(terminal, "clear", lambda: terminal.out("----"))
    outcome: Outcome = flow("test", "--watch")
    assert outcome.code == 130
    before, after = outcome.out.split("----\n")
    assert "FAILED" in before and "FAILED" not in after and "  ok " in after


def test_the_command_is_listed():
    assert "test" in COMMANDS


# pytest


pytest_plugins = ["pytester"]

INSTALLED = any(point.value == "flowlang.tools.pytest_plugin" for point in entry_points(group="pytest11"))


@pytest.fixture
def run_pytest(pytester, monkeypatch):
    """pytest in a project of its own, with the plugin."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    plugin = () if INSTALLED else ("-p", "flowlang.tools.pytest_plugin")
    return lambda *options: pytester.runpytest_subprocess(*plugin, *options)


def test_pytest_collects_tests_of_flows(pytester, run_pytest):
    pytester.makefile(".flow", page=PAGE + GOOD + BAD, untested=PAGE, broken='flow f( {\ntest "x" {}')
    pytester.makepyfile("def test_python(): pass")
    result = run_pytest("--continue-on-collection-errors")
    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(['failed: `out == "none"` does not hold', "*--> page.flow:27:3"])
    result.stdout.fnmatch_lines(["*error[[]E102 unclosed[]]*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_pytest_collects_them_in_each_of_several_processes(pytester, run_pytest):
    pytester.makefile(".flow", page=PAGE + GOOD + BAD, broken='flow f( {\ntest "x" {}')
    result = run_pytest("-n", "2", "--continue-on-collection-errors")
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(['failed: `out == "none"` does not hold', "*--> page.flow:27:3"])
    result.stdout.fnmatch_lines(["*error[[]E102 unclosed[]]*"])


def test_pytest_can_be_told_not_to(pytester, run_pytest):
    pytester.makefile(".flow", page=PAGE + BAD)
    pytester.makeini("[pytest]\nflow_tests = false\n")
    result = run_pytest()
    result.assert_outcomes()


def test_pytest_loads_nothing_where_there_are_no_flows(pytester, run_pytest):
    pytester.makefile(".flow", untested=PAGE)
    pytester.makepyfile(
        "import sys\n"
        "def test_light():\n"
        "    loaded = [name for name in sys.modules if name.startswith('flowlang.')]\n"
        "    assert loaded == ['flowlang.tools', 'flowlang.tools.pytest_plugin']"
    )
    result = run_pytest()
    result.assert_outcomes(passed=1)


def test_what_cannot_be_read_is_left_alone(tmp_path):
    assert not _has_tests(tmp_path / "nothing.flow")
    (tmp_path / "page.flow").write_text('  test "x" {}\n', encoding="utf-8")
    assert _has_tests(tmp_path / "page.flow")
