"""What holds for every program that checks, over every construct of the language.

Whatever agents, people and the machine do: nothing in it fails on a type, nothing is called more often than
was said before, and a crash gives nothing that could not have come without one."""

from __future__ import annotations

import re
import xml.dom.minidom
from collections import Counter
from collections.abc import Callable

import attrs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.outcomes import compiled_outcome, walked_outcome
from test_ide_properties import snapshot_of

import flowlang
import flowlang.testing as ft
from flowlang.hosts.simulator.simulation import EPOCH
from flowlang.plan import model as plan
from flowlang.plan.canonical import plan_hash
from flowlang.plan.graph import graph
from flowlang.plan.graph_svg import to_svg
from flowlang.plan.graph_text import to_dot, to_mermaid
from flowlang.plan.load import dump_plan, load_plan
from flowlang.plan.show import render_plan
from flowlang.planning.analysis import analyse
from flowlang.tools.docs.markdown import to_markdown
from flowlang.tools.docs.pages import pages
from flowlang.values.codec import decode
from flowlang.values.value import Value

STEADY: tuple[ft.Kind, ...] = ("errors", "misfits")
FORGETFUL = re.compile(r"\b(breaker|limit|cache)\b")
TIMED_OR_SPECIAL = re.compile(r"\b(wait for|ask|sleep|secret|file|run|backoff|every|per|retry|timeout)\b")
UNTIMED = re.compile(r"\b(undo|limit)\b")
ORDERS = 60

some = settings(max_examples=60, suppress_health_check=list(HealthCheck))
fewer = settings(max_examples=25, suppress_health_check=list(HealthCheck))


@some
@given(ft.plans())
def test_a_plan_comes_back_as_it_was_written_down(made: ft.Written) -> None:
    written = dump_plan(made.plan)
    loaded = load_plan(written)
    assert isinstance(loaded, plan.Plan)
    assert loaded == made.plan
    assert dump_plan(loaded) == written
    assert plan_hash(loaded) == plan_hash(made.plan)


@fewer
@given(ft.projects(), st.data())
def test_what_is_imported_does_what_it_did_beside(
    both: tuple[ft.Written, ft.Written], data: st.DataObject
) -> None:
    given_to = data.draw(ft.inputs(both[0].plan))
    one, two = (ft.run_of(each, inputs=given_to) for each in both)
    assert (one.status, one.result) == (two.status, two.result)
    assert (one.error or "").rpartition(".")[2] == (two.error or "").rpartition(".")[2]
    assert [made.path for made in one.made()] == [made.path for made in two.made()]


@some
@given(ft.plans())
def test_a_plan_can_be_shown_and_drawn(made: ft.Written) -> None:
    snapshots = {"main.flow": snapshot_of({"main.flow": made.text}, "main.flow")}
    assert to_markdown(pages(snapshots))
    for name in made.plan.flows:
        assert render_plan(made.plan, name)
        analyse(made.plan, name)
        drawn = graph(made.plan, name)
        assert to_mermaid(drawn) and to_dot(drawn)
        xml.dom.minidom.parseString(to_svg(drawn))


@st.composite
def evaluations(draw: st.DrawFn) -> tuple[ft.Written, plan.Expr, dict[str, Value]]:
    """An expression, and what the names in it stand for."""
    made = draw(ft.expressions())
    flow = made.plan.flows["main"]
    given = draw(ft.inputs(made))
    context = {p.name: decode(given[p.name], p.type) for p in flow.parameters}
    result = flow.body.statements[-1]
    assert isinstance(result, plan.Result) and isinstance(result.task, plan.Evaluate)
    return made, result.task.value, context | {"run": {"id": "r", "started": 0}, "attempt": 1}


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(evaluations(), st.none() | st.integers(0, 200))
def test_an_expression_is_walked_as_it_is_compiled(
    evaluation: tuple[ft.Written, plan.Expr, dict[str, Value]], budget: int | None
) -> None:
    _, expr, context = evaluation
    assert repr(compiled_outcome(expr, context, budget)) == repr(walked_outcome(expr, context, budget))


@st.composite
def lives(draw: st.DrawFn) -> tuple[ft.Written, ft.Run]:
    """A program, and a run of it."""
    made = draw(ft.plans())
    return made, draw(ft.runs(made))


@some
@given(lives())
def test_no_run_fails_on_a_type_or_calls_more_than_was_said(life: tuple[ft.Written, ft.Run]) -> None:
    _, run = life
    assert run.error != "InternalError", run.failure
    flow = run.target.flow
    if run.status == "done":
        decode(run.result, flow.result)
    if run.faults.deaths:
        return  # what is under way then is made again
    for agent, count in Counter(made.call.agent for made in run.made()).items():
        most = flow.bounds[agent].calls
        assert most is None or count <= most, (agent, count, most)


@some
@given(ft.plans(), st.data())
def test_no_run_takes_longer_than_was_said(made: ft.Written, data: st.DataObject) -> None:
    """Where every agent stops when it is asked to; undos, and waiting for one's turn, come on top."""
    longest = made.plan.flows["main"].longest
    assume(longest is not None and not UNTIMED.search(made.text))
    run = data.draw(ft.runs(made, kinds=("slow", "errors", "misfits", "events")))
    assert run.simulated.ended - EPOCH <= longest


@some
@given(lives())
def test_a_run_can_be_made_again(life: tuple[ft.Written, ft.Run]) -> None:
    _, run = life
    again = ft.run_of(run.target.plan, inputs=run.inputs, faults=run.faults, seed=run.seed)
    assert again.simulated.result == run.simulated.result
    assert again.made() == run.made()


@fewer
@given(ft.plans(pieces=25), st.data())
def test_a_crash_changes_nothing(made: ft.Written, data: st.DataObject) -> None:
    """What comes of a run that dies could come of one that does not, in some order of what arrives at once.

    Left out is what a new process does not know: who was called lately."""
    assume(not FORGETFUL.search(made.text))
    run = data.draw(ft.runs(made, kinds=STEADY))
    commits = st.integers(1, run.simulated.commits + 2)
    deaths = st.lists(st.builds(ft.Dies, commits, st.booleans()), min_size=1, max_size=3, unique_by=at)
    crashed = again(run, tuple(data.draw(deaths)), run.seed)
    assume("Timeout" not in str(crashed.events))  # for a deadline of no time, what is made again is too late
    wanted = ending(crashed)
    assert any(ending(again(run, (), seed)) == wanted for seed in range(ORDERS)), (wanted, crashed)


@fewer
@given(ft.plans(pieces=30), st.data())
def test_a_program_comes_to_the_same_in_memory(made: ft.Written, data: st.DataObject) -> None:
    """What trio carries out could have come of the kernel, in some order of what arrives at once.

    Left out is what takes time, of which there is none here, and what asks for more than functions."""
    assume(not TIMED_OR_SPECIAL.search(made.text))
    given_to, behaviours = data.draw(ft.inputs(made)), data.draw(ft.faults(made, kinds={"misfits"})).agents
    replies = {agent: behaviour for agent, (behaviour, *_) in behaviours.items()}
    result = flowlang.run_sync(made.plan, given_to, agents={name: replying(r) for name, r in replies.items()})
    wanted = result.status, result.data, result.failure.error if result.failure else None
    faults = ft.Faults({agent: (reply,) for agent, reply in replies.items()})
    simulated = (ft.run_of(made, inputs=given_to, faults=faults, seed=seed) for seed in range(ORDERS))
    assert any(ending(run) == wanted for run in simulated), wanted


def replying(behaviour: object) -> Callable[..., Value]:
    assert isinstance(behaviour, ft.Replies)
    return lambda **arguments: behaviour.value


def at(death: ft.Dies) -> int:
    return death.commit


def again(run: ft.Run, deaths: tuple[ft.Dies, ...], seed: int) -> ft.Run:
    faults = attrs.evolve(run.faults, deaths=deaths)
    return ft.run_of(run.target.plan, inputs=run.inputs, faults=faults, seed=seed)


def ending(run: ft.Run) -> tuple[object, ...]:
    return run.status, run.result, run.error
