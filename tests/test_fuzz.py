"""`flow fuzz`: what it finds in flows that are wrong, that it finds nothing in those that are right, and that
the tests which it writes tell the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import flowlang
import flowlang.testing as ft
from flowlang.plan.lower_tests import lower_tests
from flowlang.testing.faults import KINDS as FAULTS
from flowlang.testing.fuzzing.findings import KINDS
from flowlang.testing.fuzzing.literals import literal
from flowlang.testing.fuzzing.rewriting import added, block_of
from flowlang.testing.fuzzing.search import Searched, alike, search
from flowlang.testing.fuzzing.story import story
from flowlang.testing.types import type_of
from flowlang.tools.cli import fuzz, invoke
from flowlang.tools.frontend import check_text, compile_plan
from flowlang.values.codec import decode, encode

EXAMPLES = Path(__file__).parent.parent / "examples"

AGENTS = """\
error Empty()
agent search(query: string) -> list<int> raises Empty effect read
agent charge(amount: int) -> string effect write timeout 5s
agent refund(id: string) effect idempotent timeout 5s
ask approve(n: int) -> bool
event Paid(order: string)
"""


def fuzzed(body: str, *, examples: int = 200, **options: object) -> Searched:
    compiled = compile_plan("main.flow", text=AGENTS + body)
    return search(compiled, "main", examples=examples, seed=7, **options)  # type: ignore[arg-type]


# What is wrong


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (
            'flow main() -> int {\n  step xs = search(query: "a")\n  return 1.div(xs.size())\n}',
            "evaluation",
            "division by zero",
        ),
        (
            "flow main(n: int) -> int {\n  ensure result < 50\n  return n\n}",
            "ensure",
            "the result is not as ensured",
        ),
        (
            'flow main() {\n  step a = charge(amount: 1) key "k"\n  step b = charge(amount: 2) key "k"\n}',
            "shared key",
            "two different calls of charge have the key",
        ),
        (
            "flow main() -> int {\n  step a = race { one(), two() }\n  ensure result == 1\n  return a\n}\n"
            'flow one() -> int {\n  step xs = search(query: "a")\n  return 1\n}\n'
            'flow two() -> int {\n  step xs = search(query: "b")\n  return 2\n}',
            "ensure",
            "the result is not as ensured",
        ),
        (
            "event Gone(order: string)\n"
            "flow main(order: string) -> bool {\n"
            '  require order.size() > 1 else "short"\n'
            "  step paid = wait for Paid where e => e.order == order timeout 1d catch Timeout -> null\n"
            "  step gone = wait for Gone where e => e.order == order timeout 1d catch Timeout -> null\n"
            "  ensure not result\n"
            "  return paid != null and gone != null\n}",
            "ensure",
            "the result is not as ensured",
        ),
    ],
    ids=["no value", "an ensure", "a key for two calls", "an order that nobody thought of", "two events"],
)  # fmt: skip
def test_it_finds(body: str, kind: str, message: str) -> None:
    found = fuzzed(body).findings
    assert [(each.kind, message in each.message) for each in found] == [(kind, True)]


def test_the_smallest_story_is_told() -> None:
    body = (
        "flow main(topic: string) -> int {\n  step xs = search(query: topic)\n  return xs[3] ?? 1.div(0)\n}"
    )
    (finding,) = fuzzed(body).findings
    assert story(finding) == [
        'main(topic: "")',
        '0s  xs    search(query: "") → []',
        "0s  main  failed: EvaluationFailed: division by zero",
    ]


def test_a_run_that_fails_since_its_agents_do_is_as_it_should_be() -> None:
    body = """flow main() -> int {
      step paid = charge(amount: 1) key "k" undo refund(id: paid)
      step xs = search(query: "a") after paid retry 2 times backoff 1s to 5s
      return xs.size()
    }"""
    assert fuzzed(body).findings == ()


def test_waits_without_a_deadline_are_named() -> None:
    body = (
        "flow main() -> bool {\n  step p = wait for Paid\n  step ok = approve(n: 1) after p\n  return ok\n}"
    )
    searched = fuzzed(body, examples=200)
    assert searched.findings == ()
    assert set(searched.unbounded) == {("p", "Paid"), ("ok", "approve")}


def test_what_is_ignored_is_not_looked_for() -> None:
    body = "flow main(n: int) -> int {\n  ensure result < 50\n  return n\n}"
    assert fuzzed(body, kinds=["evaluation"], examples=100).findings == ()


@pytest.mark.parametrize("value", ["n + 1", "[n, n].sum()", "(f * 2.0).floor()", "(d + d).seconds().floor()"])
def test_an_overflow_is_only_looked_for_where_somebody_wants_it(value: str) -> None:
    body = f"flow main(n: int, f: float, d: duration) -> int {{\n  return {value}\n}}"
    assert fuzzed(body).findings == ()
    assert {each.kind for each in fuzzed(body, kinds=["overflow"]).findings} == {"overflow"}


def test_only_the_faults_that_are_wanted_happen() -> None:
    body = """flow main() -> int {
      step xs = search(query: "a") catch Empty -> [0]
      return xs.size() + 1.div(xs.size())
    }"""
    assert [each.kind for each in fuzzed(body, faults=["crashes"]).findings] == ["evaluation"]
    no_error = all(
        "Empty" not in line for each in fuzzed(body, faults=["slow"]).findings for line in story(each)
    )
    assert no_error


def test_the_same_seed_finds_the_same() -> None:
    body = "flow main(n: int, m: int) -> int {\n  ensure result < 5000\n  return n.div(m)\n}"
    first, second = fuzzed(body), fuzzed(body)
    assert [story(each) for each in first.findings] == [story(each) for each in second.findings]
    assert [each.kind for each in first.findings] == ["evaluation", "ensure"]


def test_time_ends_a_search() -> None:
    searched = fuzzed("flow main() -> int {\n  return 1\n}", examples=1 << 40, seconds=0.5)
    assert searched.findings == () and searched.runs > 0


def test_nothing_is_thought_up_nor_carried_out_past_the_end() -> None:
    asked = iter([False] * 3)
    searched = fuzzed("flow main() -> int {\n  return 1\n}", stopped=lambda: next(asked, True))
    assert searched.runs <= 3


def test_in_a_long_run_crashes_are_tried_here_and_there() -> None:
    body = (
        "agent plus(n: int) -> int effect write\n"
        "flow main() -> int {\n"
        "  step sum = while n < 900, at most 900 times, from n = 0 {\n"
        "    step more = plus(n: n)\n"
        "    next n + 1\n"
        "  }\n"
        "  return sum\n"
        "}\n"
    )
    run = ft.run_of(compile_plan("main.flow", text=body), inputs={})
    assert run.result == 900 and run.simulated.commits >= 900
    tried = [death.commit for each in alike(run, crashes=True) for death in each.faults.deaths]
    assert len(set(tried)) < 10 and min(tried) == 1


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.flow")), ids=lambda path: path.stem)
def test_the_examples_hold(path: Path) -> None:
    compiled = compile_plan(str(path))
    for flow in [compiled.main] if compiled.main else compiled.flows:
        found = search(compiled, flow, examples=40, seed=1).findings
        assert [(each.kind, each.message, story(each)) for each in found] == []


# The test that is written


def test_the_test_fails_as_the_run_did_and_goes_when_the_flow_is_mended() -> None:
    text = AGENTS + (
        "flow main() -> int {\n"
        '  step xs = search(query: "a") catch Empty -> [7]\n'
        "  step ok = approve(n: xs.size()) timeout 1d catch Timeout -> false\n"
        "  return 1.div(xs.size())\n"
        "}\n"
    )
    compiled = compile_plan("main.flow", text=text)
    (finding,) = search(compiled, "main", examples=300, seed=1).findings
    block = block_of(finding, text, "main.flow")
    assert block is not None
    assert block.splitlines()[0] == 'test "fuzz: division by zero" {'
    assert "  given search -> []" in block.splitlines()
    tests = lower_tests(check_text(added(text, block), "main.flow")).tests
    assert [test.name for test in tests] == ["fuzz: division by zero"]
    mended = text.replace("1.div(xs.size())", "if xs.is_empty() then 0 else 1.div(xs.size())")
    assert block_of(finding, mended, "main.flow") is None


def test_a_story_that_no_test_can_tell_has_none() -> None:
    body = 'flow main() {\n  step a = charge(amount: 1) key "k"\n  step b = charge(amount: 2) key "k"\n}'
    (finding,) = fuzzed(body).findings
    assert block_of(finding, AGENTS + body, "main.flow") is None


TYPES = [
    "int",
    "float",
    "string",
    "bool?",
    "duration",
    "datetime",
    "list<{ a: int, b: string? }>",
    "map<list<float>>",
    '"draft" | "done"',
    "{ at: datetime, for: duration, tags: map<int> }",
]


@given(st.sampled_from(TYPES).flatmap(lambda text: st.tuples(st.just(text), ft.values(text))))
def test_what_is_written_is_the_value(case: tuple[str, object]) -> None:
    text, value = case
    type = type_of(text)
    flow = compile_plan("main.flow", text=f"flow main() -> {text} {{\n  return {literal(value, type)}\n}}")
    assert ft.run_of(flow, inputs={}).result == encode(decode(value, type), type)


def test_a_file_is_written_by_its_content() -> None:
    (finding,) = fuzzed(TWO_SCANS).findings
    assert finding.run.inputs["page"] != finding.run.inputs["back"]
    block = block_of(finding, AGENTS + TWO_SCANS, "main.flow")
    assert block is not None
    assert 'run out = main(page: file("", "text/plain"), back: file("' in block


TWO_SCANS = """\
agent pages(scan: file) -> int effect read

flow main(page: file, back: file) -> int {
  step count = pages(scan: page)
  ensure page == back else "the same twice"
  return count
}
"""


def test_for_a_file_that_nobody_has_thought_up_stands_another() -> None:
    scan = {"hash": f"sha256:{'7' * 64}", "size": 4_000_000, "media_type": "image/png"}
    assert literal(scan, type_of("file")) == f'file("sha256:{"7" * 64}", "image/png")'


def test_what_is_imported_is_written_by_its_alias(tmp_path: Path) -> None:
    (tmp_path / "shop.flow").write_text(SHOP, encoding="utf-8")
    text = (
        'import "shop.flow" as store\nflow main(people: int) -> int { return store.share(people: people) }\n'
    )
    path = tmp_path / "main.flow"
    path.write_text(text, encoding="utf-8")
    (finding,) = search(compile_plan(str(path)), "main", examples=300, seed=0).findings
    block = block_of(finding, text, str(path))
    assert block is not None
    assert "given store.stock -> store.Some(count: 0)" in block


SHOP = """\
type Stock = Some(count: int) | Gone
agent stock() -> Stock effect read

flow share(people: int) -> int {
  step left = stock()
  return match left { Some(count) -> count.div(people)  Gone -> 0 }
}
"""


# Like a stored run

TRIP = """\
error Full()
agent rooms(city: string) -> list<string> raises Full effect read
agent book(room: string) -> string effect write
ask agree(room: string) -> bool
event Paid(room: string)

flow main(city: string, token: secret<string>) -> string {
  step found = rooms(city: city)
    retry 2 times on Full backoff 1s to 1s
  let room = found[0] ?? fallback
  let fallback = "tent"
  step ok = agree(room: room)
    timeout 1d
    catch Timeout -> false
  step paid = wait for Paid where e => e.room == room
    timeout 2d
    after ok
  step booked = book(room: room) after paid
  return if ok then booked else "no"
}
"""


def test_a_flow_is_simulated_as_a_stored_run_was(tmp_path: Path) -> None:
    tries: list[str] = []

    def rooms(city: str) -> list[str]:
        tries.append(city)
        if len(tries) == 1:
            raise flowlang.agents.AgentError("Full")
        return ["blue", "red"]

    flow = tmp_path / "main.flow"
    flow.write_text(TRIP)
    store = tmp_path / "runs.db"
    agents = {"rooms": rooms, "book": lambda room: f"{room}!", "agree": lambda room: True}

    async def live() -> str:
        async with flowlang.Engine.open(store) as engine:
            prepared = flowlang.prepare(compile_plan(str(flow)), agents=agents)
            given = {"city": "Delft", "token": "hush"}
            async with engine.start(prepared, given, run_id="trip") as run:
                run.signal("Paid", {"room": "blue"})
                return (await run.result()).data

    assert trio.run(live) == "blue!"
    past = ft.recorded("trip", store)
    assert past.inputs["city"] == "Delft" and "hush" not in repr(past)
    again = ft.run_of(str(flow), inputs=past.inputs, faults=past.faults)
    assert (again.result, [made.path for made in again.made("rooms")]) == ("blue!", ["found", "found@1"])
    flow.write_text(TRIP.replace("found[0]", "found[1]"))
    other = ft.run_of(compile_plan(str(flow)), inputs=past.inputs, faults=past.faults)
    assert other.status == "failed" and other.error == "Timeout"
    command = ["fuzz", str(flow), "--like", "tr", "--store", str(store), "--examples", "50", "--seed", "1"]
    assert invoke(command) == 0


def test_a_run_that_is_not_there(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (wrong.parent / "runs.db").touch()
    assert invoke(["fuzz", "main.flow", "--like", "4f2a", "--store", "runs.db"]) == 1
    assert "no run" in capsys.readouterr().err


# The command

WRONG = AGENTS + 'flow main() -> int {\n  step xs = search(query: "a")\n  return 1.div(xs.size())\n}\n'


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.flow").write_text(WRONG)
    return tmp_path / "main.flow"


def test_the_command_shows_what_it_finds(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["fuzz", "main.flow", "--examples", "100", "--seed", "3"]) == 1
    shown = capsys.readouterr()
    assert "evaluation: division by zero\n --> main.flow:9:10" in shown.out
    assert '    test "fuzz: division by zero" {' in shown.out
    assert shown.err.endswith("1 finding (seed 3)\n")


def test_the_command_finds_nothing(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong.write_text(WRONG.replace("1.div(xs.size())", "xs.size()"))
    assert invoke(["fuzz", "main.flow", "--examples", "50", "--seed", "3"]) == 0
    assert "nothing found (seed 3)" in capsys.readouterr().err


def test_what_is_found_is_saved_and_tested(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["fmt", "main.flow"]) == 0
    assert invoke(["fuzz", "main.flow", "--examples", "100", "--seed", "3", "--save"]) == 1
    assert "1 test was written to main.flow" in capsys.readouterr().err
    assert invoke(["fmt", "--check", "main.flow"]) == 0
    assert invoke(["test", "main.flow"]) == 1
    assert "failed with EvaluationFailed: division by zero" in capsys.readouterr().out


def test_what_is_found_again_is_saved_under_another_title(wrong: Path) -> None:
    other = WRONG.replace("1.div(xs.size())", "1.div(xs.size()) + 2.div(xs.size() - 1)")
    wrong.write_text(other)
    for _ in range(2):
        assert invoke(["fuzz", "main.flow", "--examples", "600", "--seed", "3", "--save"]) == 1
    titles = [line for line in wrong.read_text().splitlines() if line.startswith("test ")]
    assert len(titles) == len(set(titles)) == 4
    assert 'test "fuzz: division by zero (4)" {' in titles


def test_saving_leaves_the_line_ends_as_they_are(wrong: Path) -> None:
    before = WRONG.replace("\n", "\r\n").encode()
    wrong.write_bytes(before)
    assert invoke(["fuzz", "main.flow", "--examples", "100", "--seed", "3", "--save"]) == 1
    after = wrong.read_bytes()
    assert after.startswith(before) and b"test " in after
    assert after.count(b"\n") == after.count(b"\r\n")


def test_an_interrupt_ends_the_search_with_what_was_found(
    wrong: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(runs: int | None, found: int) -> None:
        if found:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("flowlang.tools.cli.fuzz._progress", press)
    assert invoke(["fuzz", "main.flow", "--time", "1h", "--seed", "3"]) == 130
    shown = capsys.readouterr()
    assert "evaluation: division by zero" in shown.out and "1 finding" in shown.err


def test_a_plan_has_no_place_for_tests(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["fuzz", "plan.yaml", "--save"]) == 2
    assert "`flow convert` writes a plan as one" in capsys.readouterr().err


def test_the_command_tells_programs(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["fuzz", "main.flow", "--examples", "100", "--seed", "3", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    (finding,) = told["findings"]
    assert (finding["kind"], finding["path"], finding["line"]) == ("evaluation", "main.flow", 9)
    assert finding["story"][0] == "main()" and finding["test"].startswith('test "fuzz: ')
    assert told["seed"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--faults", "error"], "`error` is none of them; did you mean `errors`?"),
        (["--ignore", "hangs"], "`hangs` is none of them; did you mean `hang`?"),
        (["--time", "soon"], "`soon` is no duration; write 60s, 10m or 1h"),
        (["--time", "0s"], "there has to be some time"),
        (["--examples", "0"], "0 is not in the range x>=1"),
    ],
)
def test_options_that_mean_nothing(
    wrong: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert invoke(["fuzz", "main.flow", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_flow_with_mistakes_is_not_fuzzed(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong.write_text("flow main() -> int { return nothing }")
    assert invoke(["fuzz", "main.flow"]) == 1
    assert "unknown-name" in capsys.readouterr().err


def test_without_hypothesis_it_says_what_to_install(wrong: Path) -> None:
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from flowlang.tools.cli import invoke\n"
        "sys.exit(invoke(['fuzz', 'main.flow']))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=wrong.parent,
                         env={"PYTHONPATH": str(EXAMPLES.parent)}, check=False)  # fmt: skip
    assert ran.returncode == 2
    assert 'pip install "flowlang[testing]"' in ran.stderr


def test_the_options_name_what_there_is() -> None:
    """The command writes them out, since it is shown where Hypothesis is not installed, too."""
    assert fuzz.FAULTS == FAULTS
    assert fuzz.KINDS == KINDS
