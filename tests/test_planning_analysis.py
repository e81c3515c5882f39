"""What a planner asks of a flow: levels, width, the longest chain, why two steps are ordered, and which
strategy they need."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.planning import FOLDER, compiled, plan_of

from flowlang.planning.analysis import Link, analyse, judge_strategy, why_ordered
from flowlang.tools import cli
from flowlang.tools.frontend import compile_plan


def step(id: str, *mentions: str, **fields) -> dict:
    url = "".join(f"${{results.{name}}}" for name in mentions) or "a"
    return {"step_id": id, "agent_id": "read", "parameters": {"url": url}, **fields}


def analysed(*steps: dict, **fields):
    return analyse(compiled(plan_of(*steps, **fields), "plan.json"))


def test_levels_width_and_the_longest_chain():
    found = analysed(
        step("a"), step("b"), step("c", "a"), step("d", "a", "b", timeout="1h"), step("e", "c", "d")
    )
    assert found.levels == (("a", "b"), ("c", "d"), ("e",))
    assert found.width == 2
    assert found.critical_path[1:] == ("d", "e")
    assert found.strategy == "parallel"


def test_a_chain_of_slow_steps_is_longer_than_one_of_many():
    slow = {"agent_id": "search", "parameters": {"query": "x"}}  # which takes 30 s at most
    found = analysed(
        {"step_id": "quick", **slow},
        {"step_id": "more", **slow, "dependencies": ["quick"]},
        step("slow"),  # ten minutes
        step("last", "slow"),
    )
    assert found.critical_path == ("slow", "last")
    assert found.longest == 20 * 60 * 1_000_000


def test_each_way_of_waiting_has_its_reason():
    flow = """
agent read(url: string) -> string effect read
flow main(x: string) -> string {
  step a = read(url: x)
  let b = a
  step c = read(url: b)
  step d = read(url: x) after c
  require d != ""
  step e = read(url: x)
  step f = do in order {
    step g = read(url: x)
    yield g
  }
  return "${e}${f}"
}
"""
    found = analyse(compile_plan("main.flow", text=flow))
    assert why_ordered(found, "a", "e") == (
        Link("a", "c", "result"),
        Link("c", "d", "after"),
        Link("d", "e", "barrier"),
    )
    assert why_ordered(found, "e", "a") == ()
    assert why_ordered(found, "e", "f") == ()


def test_order_for_its_own_sake_is_told_apart():
    found = analysed(step("a"), step("b"), step("c", "b"), strategy="sequential")
    assert [link.reason for link in found.links] == ["in order", "result"]
    assert found.strategy == "parallel" and found.width == 1


LOOP = {"loop": {"type": "for_each", "items": ["a"]}}
WHEN = {"condition": "run.id == 'x'"}


@pytest.mark.parametrize(
    ("steps", "declared", "needed", "fit"),
    [
        ([step("a"), step("b")], "parallel", "parallel", "as needed"),
        ([step("a"), step("b")], "sequential", "parallel", "weaker"),
        ([step("a"), step("b", "a")], "sequential", "sequential", "as needed"),
        ([step("a"), step("b", "a")], "parallel", "sequential", "stronger"),
        ([step("a")], "parallel", "sequential", "as needed"),
        ([step("a", **WHEN)], "conditional", "conditional", "as needed"),
        ([step("a"), step("b", **WHEN)], "conditional", "parallel", "stronger"),
        ([step("a", **LOOP)], "loop", "loop", "as needed"),
        ([step("a"), step("b", "a")], "loop", "sequential", "stronger"),
        ([step("a", **LOOP), step("b", **LOOP)], "parallel", "loop", "as needed"),
    ],
)
def test_the_strategy_that_steps_need(steps, declared, needed, fit):
    judged = judge_strategy(declared, analysed(*steps, strategy=declared))
    assert (judged.needed, judged.fit) == (needed, fit)
    assert (judged.advice is None) == (fit == "as needed")


GRAPHS = st.integers(1, 7).flatmap(
    lambda size: st.tuples(*(st.sets(st.integers(0, max(0, n - 1)), max_size=3) for n in range(size)))
)


@given(GRAPHS)
def test_levels_are_the_longest_ways_and_chains_exist_exactly_where_steps_wait(graph):
    edges = {n: {m for m in before if m < n} for n, before in enumerate(graph)}
    found = analysed(*(step(f"s{n}", *(f"s{m}" for m in before)) for n, before in edges.items()))
    level = {name: number for number, names in enumerate(found.levels) for name in names}
    for n, before in edges.items():
        assert level[f"s{n}"] == max((level[f"s{m}"] + 1 for m in before), default=0)
    above: dict[int, set[int]] = {}
    for n, before in edges.items():
        above[n] = before | {a for m in before for a in above[m]}
    for n in edges:
        for m in edges:
            chain = why_ordered(found, f"s{m}", f"s{n}")
            assert bool(chain) == (m in above[n])
            assert all(link.later == following.earlier for link, following in pairwise(chain))
    path = [int(name[1:]) for name in found.critical_path]
    assert all(m in edges[n] for m, n in pairwise(path))
    assert len(path) == len(found.levels)


def test_the_command(monkeypatch, capfd, tmp_path):
    plan = tmp_path / "plan.json"
    text = plan_of(step("a"), step("b", "a"), step("c"), strategy="sequential")
    (tmp_path / "agents.flow").write_text((FOLDER / "agents.flow").read_text())
    plan.write_text(text)
    monkeypatch.chdir(tmp_path)
    use = ["plan.json", "--use", "agents.flow"]
    assert cli.invoke(["analyze", *use]) == 0
    shown = capfd.readouterr().out
    assert "width     1\n" in shown and "declared  sequential, which is weaker: " in shown
    assert cli.invoke(["analyze", *use, "--why", "a", "b"]) == 0
    assert capfd.readouterr().out == "b uses the result of a\n"
    assert cli.invoke(["analyze", *use, "--why", "b", "a"]) == 0
    assert capfd.readouterr().out == "a does not wait for b\n"
    assert cli.invoke(["analyze", *use, "--why", "a", "x"]) == 2
    capfd.readouterr()
    assert cli.invoke(["analyze", *use, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["judgement"]["fit"] == "weaker" and told["levels"] == [["a"], ["b"], ["c"]]
