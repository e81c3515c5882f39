"""Lowering: what expressions, tasks and declarations become."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cases import UPDATING
from support.plans import outline, plan_of, plan_of_file

from flowlang.plan import model as plan
from flowlang.plan.canonical import plan_hash
from flowlang.plan.text import expression_text, task_text, type_text

EXPRESSIONS = Path(__file__).parent / "cases" / "plan" / "expressions.flow"

AGENTS = """
error Busy
agent count(of: string) -> int raises Busy effect read
agent ratio(of: string) -> float effect read
"""


def step_of(compiled: plan.Plan, name: str, flow: str = "main") -> plan.Step:
    found = next(s for s in compiled.flows[flow].body.statements if s.name == name)
    assert isinstance(found, plan.Step)
    return found


def test_types_choose_the_operation():
    lines = EXPRESSIONS.read_text(encoding="utf-8").splitlines()
    for flow in plan_of_file(EXPRESSIONS).flows.values():
        for statement in flow.body.statements:
            assert isinstance(statement, plan.Let)
            number = statement.at.line - 1
            source, _, expected = lines[number].partition("  //= ")
            found = outline(statement.value)
            if UPDATING:
                lines[number] = f"{source}  //= {found}"
            else:
                assert found == expected, f"line {number + 1}: {source.strip()}"
    if UPDATING:
        EXPRESSIONS.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "a + b * c",
        "(a + b) * c",
        "a - (b - c)",
        "-(a + b)",
        "not (ok or ok) and ok",
        "ok or ok and ok",
        "(ok or ok) and ok",
        "if ok then a else b",
        "(if ok then a else b) + c",
        "(maybe ?? a) + 1",
        "maybe ?? a + 1",
        "(a..b).map(x => x * 2).take(3)",
        "names.filter(n => n.size() > 3)",
        "names.first()?.upper() ?? \"none\"",
        "\"${a} and ${names[0] ?? \"\"}\"",
        "a in [a, b]",
        "maybe is null",
        "{ a: a, b: { c: \"x\\n\" } }",
        "{ \"k\": a }",
        "delay == 1h30m",
        "(names as json).json()",
        "match maybe { null -> 0, else -> a }",
        "names.group_by(n => n).entries().map(e => e.key)",
    ],
)  # fmt: skip
def test_an_expression_reads_as_it_was_written(text: str):
    params = "a: int, b: int, c: int, ok: bool, maybe: int?, names: list<string>, delay: duration"
    compiled = plan_of(f"flow main({params}) -> null {{\n  let x = {text}\n}}\n")
    (let,) = compiled.flows["main"].body.statements
    assert isinstance(let, plan.Let)
    assert expression_text(let.value) == text


class TestWidening:
    """Where a float is wanted and a task gives an int, the plan says where it becomes one."""

    def step(self, body: str) -> plan.Step:
        return step_of(plan_of(f"{AGENTS}flow main(ok: bool) {{\n{body}\n}}\n"), "x")

    def test_of_a_call(self):
        task = self.step('step x: float = count(of: "a")').task
        assert isinstance(task, plan.CallAgent)
        assert task.widen is not None and type_text(task.widen) == "float"

    def test_of_the_arms_that_need_it(self):
        task = self.step('step x = choose { when ok -> count(of: "a") else -> ratio(of: "b") }').task
        assert isinstance(task, plan.Choose)
        first, other = task.arms[0].task, task.otherwise
        assert isinstance(first, plan.CallAgent) and first.widen is not None
        assert isinstance(other, plan.CallAgent) and other.widen is None

    def test_of_a_task_by_its_handler(self):
        step = self.step('step x = count(of: "a") catch Busy -> 0.5')
        assert isinstance(step.task, plan.CallAgent) and step.task.widen is not None
        assert type_text(step.type) == "float"

    def test_of_each_item_of_a_loop(self):
        task = self.step('step x: list<float> = for each n in ["a"] { yield count(of: n) }').task
        assert isinstance(task, plan.ForEach)
        result = task.body.statements[-1]
        assert isinstance(result, plan.Result)
        assert isinstance(result.task, plan.CallAgent) and result.task.widen is not None

    def test_of_the_state_of_a_loop(self):
        task = self.step("step x = while n < 9.0, at most 3 times, from n: float = 1 { next n * 1.5 }").task
        assert isinstance(task, plan.While)
        assert outline(task.initial) == "1.0"

    def test_of_a_whole_loop_is_a_block_around_it(self):
        body = "step x: float = while n < 9, at most 3 times, from n = 1 { next n + 1 }"
        task = self.step(body).task
        assert isinstance(task, plan.Do)
        loop, result = task.body.statements
        assert isinstance(loop, plan.Step) and isinstance(loop.task, plan.While)
        assert isinstance(result, plan.Result)
        assert task_text(result.task) == loop.name
        assert result.depends == (loop.name,)


class TestOrder:
    def test_depends_free_and_waves(self):
        compiled = plan_of(
            AGENTS
            + """
flow main(a: string, ok: bool) -> int {
  step one = count(of: a)
  require ok
  step two = count(of: "${one}")
  step three = for each n in [1, 2] {
    step inner = count(of: "${n} ${two} ${run.id}")
    yield inner + n
  }
    after one
  return two + three.sum()
}
"""
        )
        body = compiled.flows["main"].body
        found = {s.name: (s.wave, s.depends, s.free) for s in body.statements}
        assert found == {
            "one": (0, (), ("a",)),
            "!require1": (0, (), ("ok",)),
            "two": (1, ("one", "!require1"), ("one",)),
            "three": (2, ("one", "!require1", "two"), ("two", "run")),
            "!return": (3, ("!require1", "two", "three"), ("two", "three")),
        }
        assert body.strategy == "sequential"
        loop = step_of(compiled, "three").task
        assert isinstance(loop, plan.ForEach)
        assert [(s.name, s.free) for s in loop.body.statements] == [
            ("inner", ("n", "two", "run")),
            ("!yield", ("inner", "n")),
        ]

    def test_statements_without_names_are_counted_by_kind(self):
        compiled = plan_of(
            AGENTS
            + """
flow main(n: int) -> int {
  require n > 0
  return 1 when n == 1
  fail Busy() when n == 2
  return 2 when n == 3
  ensure result > 0
  return n
}
"""
        )
        names = [s.name for s in compiled.flows["main"].body.statements]
        assert names == ["!require1", "!return1", "!fail1", "!return2", "!ensure1", "!return"]

    @pytest.mark.parametrize(
        ("body", "strategy"),
        [
            ("step a = count(of: x)\nstep b = count(of: x)", "parallel"),
            ('step a = count(of: x)\nstep b = count(of: "${a}")', "sequential"),
            ("step a = count(of: x)\nstep b = count(of: x) after a", "sequential"),
            ("step a = count(of: x) when x != y", "conditional"),
            ('step a = choose { when x == "" -> count(of: x) }', "conditional"),
            ("step a = for each n in [1] { yield n }\nstep b = for each n in [1] { yield n }", "loop"),
            ("let a = x + y", "sequential"),
            ("", "sequential"),
        ],
    )
    def test_strategies(self, body: str, strategy: str):
        compiled = plan_of(f"{AGENTS}flow main(x: string, y: string) {{\n{body}\n}}\n")
        assert compiled.flows["main"].body.strategy == strategy


class TestDeclarations:
    def test_only_what_is_reached_is_in_the_plan(self):
        compiled = plan_of(
            """
error Used
error Unused
event Never(id: string)
agent used() raises Used effect read
agent unused() raises Unused effect read
flow main() { step a = used() }
flow also() { step b = main() }
"""
        )
        assert list(compiled.flows) == ["main", "also"]
        assert list(compiled.agents) == ["used"]
        assert list(compiled.errors) == ["Used"]
        assert compiled.events == {}
        assert compiled.main == "main"

    def test_policies_are_numbers(self):
        compiled = plan_of(
            """
agent work() effect read timeout 2 * 30s limit 2 + 2 at once, 100 per 1m
  breaker 5 failures within 1m reset 30s cache 1h
agent plain() effect read
ask who() -> string
ask soon() -> string timeout 2d
flow main() {
  step a = work()
  step b = plain()
  step c = who() timeout 1m
  step d = soon()
}
"""
        )
        work = compiled.agents["work"]
        assert work.timeout == 60_000_000
        assert work.limits == (plan.Quota(count=4), plan.Quota(count=100, window=60_000_000))
        assert work.breaker == plan.Breaker(failures=5, within=60_000_000, reset=30_000_000)
        assert work.cache == 3_600_000_000
        timeouts = {name: agent.timeout for name, agent in compiled.agents.items()}
        assert timeouts == {
            "work": 60_000_000, "plain": 600_000_000, "who": None, "soon": 172_800_000_000,
        }  # fmt: skip

    def test_agents_of_a_use_know_their_provider(self):
        compiled = plan_of('use python tools = "tools.py"\nflow main() { step a = tools.save(text: "x") }\n')
        agent = compiled.agents["tools.save"]
        assert agent.provider == plan.Provider(
            kind="python", target="tools.py", path="main.flow", member="save"
        )

    def test_modules_of_one_name_stay_apart(self):
        shared = "agent book() effect read\n"
        compiled = plan_of(
            """
import "trips.flow" as a
import "old/trips.flow" as b
use python trips = "tools.py"
flow main() {
  step one = a.book()
  step two = b.book()
  step three = trips.fetch(url: "x")
}
""",
            {"trips.flow": shared, "old/trips.flow": shared},
        )
        assert len(compiled.agents) == 3
        assert "trips.fetch" in compiled.agents and "old/trips.book" in compiled.agents

    def test_main_is_the_only_flow_or_the_one_called_so(self):
        assert plan_of("flow a() {}\n").main == "a"
        assert plan_of("flow a() {}\nflow b() {}\n").main is None
        assert plan_of("flow a() {}\nflow main() {}\n").main == "main"

    def test_places_are_lines_and_columns(self):
        compiled = plan_of(f'{AGENTS}\n\nflow main() {{\n  step a = count(of: "x")\n}}\n')
        step = step_of(compiled, "a")
        assert step.at == plan.Place(0, 8, 3, 8, 26)


class TestFingerprints:
    BEFORE = (
        AGENTS
        + """
flow main(a: string) -> int {
  step one = count(of: a)
  step two = helper(n: one)
  return two
}
flow helper(n: int) -> int {
  step more = count(of: "${n}")
  return more
}
"""
    )

    def prints(self, compiled: plan.Plan) -> dict[str, str]:
        found = {name: flow.fingerprint for name, flow in compiled.flows.items()}
        for name, flow in compiled.flows.items():
            found.update({f"{name}/{s.name}": s.fingerprint for s in flow.body.statements})
        return found

    def changed(self, old: str, new: str) -> set[str]:
        assert old in self.BEFORE
        before, after = self.prints(plan_of(self.BEFORE)), self.prints(plan_of(self.BEFORE.replace(old, new)))
        return {name for name in before if after.get(name) != before[name]}

    def test_docs_comments_and_places_are_no_meaning(self):
        moved = "// a comment\n\n/// The main one.\n" + self.BEFORE.lstrip().replace(
            "  step", "\n  /// Doc.\n  step"
        )
        before, after = plan_of(self.BEFORE), plan_of(moved)
        assert self.prints(before) == self.prints(after)
        assert plan_hash(before) == plan_hash(after)

    def test_a_step_changes_alone(self):
        assert self.changed("count(of: a)", 'count(of: "x")') == {"main/one", "main"}

    def test_a_barrier_above_changes_no_other_step(self):
        found = self.changed("  step one", '  require a != ""\n  step one')
        assert found == {"main"}

    def test_a_called_flow_changes_its_callers(self):
        assert self.changed('"${n}"', '"n ${n}"') == {"helper/more", "helper", "main"}

    def test_an_agent_changes_the_flows_that_reach_it(self):
        changed = self.changed("raises Busy effect read", "raises Busy effect read timeout 5s")
        assert changed == {"helper", "main"}

    def test_the_hash_of_a_plan_trusts_no_fingerprint(self):
        compiled = plan_of(self.BEFORE)
        step = step_of(compiled, "one")
        forged = step.model_copy(update={"task": plan.Evaluate(value=plan.Constant(value=1))})
        flow = compiled.flows["main"]
        body = flow.body.model_copy(update={"statements": (forged, *flow.body.statements[1:])})
        flows = {**compiled.flows, "main": flow.model_copy(update={"body": body})}
        assert plan_hash(compiled.model_copy(update={"flows": flows})) != plan_hash(compiled)


@pytest.mark.parametrize("operator", ["and", "or", "+"])
def test_long_chains_stay_within_bounds(operator: str):
    parts = ["ok"] * 120 if operator != "+" else ["1"] * 120
    compiled = plan_of(f"flow main(ok: bool) -> null {{\n  let x = {f' {operator} '.join(parts)}\n}}\n")
    assert len(plan_hash(compiled)) == 64
