"""Plans as flows and flows as plans: there and back the plan that runs is the same, to its hash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from support.planned import plans
from support.planning import AGENTS, FOLDER, USING, check_plan

from flowlang.plan.canonical import plan_hash
from flowlang.planning.document import plain
from flowlang.planning.json_text import read_json_text
from flowlang.planning.writing import plan_text
from flowlang.planning.yaml_text import read_yaml_text
from flowlang.text.render import render_all
from flowlang.tools import cli
from flowlang.tools.converting import convert, converted
from flowlang.tools.frontend import NotRunnable, check_text, compile_plan, sources

HERE = str(FOLDER / "made.flow")


@given(plans())
@settings(max_examples=25, deadline=None)
def test_there_and_back_a_plan_keeps_its_hash(plan):
    text = json.dumps(plan)
    checked = check_plan(text, "plan.json")
    assert not checked.has_errors, render_all(checked.diagnostics, sources(checked))
    wanted = plan_hash(compile_plan(FOLDER / "plan.json", text=text, plans=USING))

    flow = converted(checked, "flow", plans=USING)
    made = compile_plan(HERE, text=flow)
    assert plan_hash(made) == wanted, flow

    for form, name in (("yaml", "plan.yaml"), ("json", "plan.json")):
        back = converted(check_text(flow, HERE), form)
        assert plan_hash(compile_plan(FOLDER / name, text=back, plans=USING)) == wanted, back


@given(plans())
@settings(max_examples=25, deadline=None)
def test_yaml_and_json_say_the_same(plan):
    assert plain(read_json_text(plan_text(plan, "json"))) == plan
    assert plain(read_yaml_text(plan_text(plan, "yaml"))) == plan


def test_a_plan_is_a_flow_to_read():
    flow = convert(str(FOLDER / "everything.yaml"), "flow", plans=USING)
    shown = FOLDER / "everything.flow.txt"
    from support.cases import UPDATING

    if UPDATING:
        shown.write_text(flow)
    assert flow == shown.read_text()


AGENT = """error Lost
agent read(url: string) -> string raises Lost effect read
agent log(text: string) effect read
"""


@pytest.mark.parametrize(
    ("body", "what", "at"),
    [
        ('step a = race { read(url: "a"), read(url: "b") }', "a plan has no `race`", "race"),
        ('step a = choose { when x == "a" -> read(url: "a") else -> read(url: "b") }', "`choose`", "choose"),
        ("step a = sleep 1s", "`sleep`", "sleep"),
        ("step a = x.size()", "step that only computes", "x.size()"),
        ("step a: string = read(url: x)", "types of steps", "string"),
        ('step a = read(url: x)\n when x == "" otherwise "b"', "`otherwise`", "when"),
        ("step a = read(url: x)\n timeout 1s per attempt", "`per attempt`", "timeout"),
        ("step a = read(url: x)\n retry 2 times within 1m", "`within` and `until`", "1m"),
        ("step a = read(url: x)\n catch Lost as e -> e.message", "`as` of a `catch`", "e"),
        ('step a = read(url: x)\n catch Lost -> "b"\n catch -> "c"', "second `fallback`", "catch"),
        ('step a = read(url: x)\n finally { step b = log(text: "c") }', "`finally`", "finally"),
        ('step a = read(url: x)\n undo do { step b = log(text: "c") }', "`undo` that is no call", "undo"),
        ("let y = x.size()\n step a = read(url: x)", "`let`", "let"),
        ('require x != ""\n step a = read(url: x)', "`require`", "require"),
        ('step a = for each y, i in [x] { yield "${i}${y}" }', "index, `where` or `tolerating`", "i"),
        ("step a = for each y in [x] { yield y }", "block without steps", "{"),
        ("step results = read(url: x)", "step called `results`", "results"),
        (
            'step a = while s == "", at most 3 times, from s = "" { next read(url: s) }',
            "such `while`", '""',
        ),
    ],
)  # fmt: skip
def test_what_a_plan_cannot_say_is_named(body, what, at):
    flow = f"{AGENT}flow main(x: string) -> string {{\n {body}\n return x\n}}\n"
    with pytest.raises(NotRunnable) as refused:
        converted(check_text(flow, HERE), "yaml")
    (found,) = refused.value.diagnostics
    assert found.code.slug == "cannot-convert" and what in found.message
    assert flow[slice(*found.primary.span)].startswith(at), flow[slice(*found.primary.span)]


@pytest.mark.parametrize(("type", "name"), [("secret<string>", "secret"), ("list<file>?", "file")])
def test_what_no_input_can_be_is_said_before_a_plan_is_written(type, name):
    flow = (
        f"agent open(of: {type}) effect read\nflow main(x: {type}) {{\n step a = open(of: x)\n return a\n}}"
    )
    with pytest.raises(NotRunnable) as refused:
        converted(check_text(flow, HERE), "yaml")
    (found,) = refused.value.diagnostics
    assert found.code.slug == "cannot-convert" and found.message == f"a plan has no input that is a `{name}`"


def test_a_barrier_is_no_step():
    body = 'step a = read(url: x)\n return a when x == ""\n return a'
    flow = f"{AGENT}flow main(x: string) -> string {{\n {body}\n}}"
    with pytest.raises(NotRunnable) as refused:
        converted(check_text(flow, HERE), "yaml")
    assert refused.value.diagnostics[0].code.slug == "cannot-convert"


def test_the_command(tmp_path: Path, monkeypatch, capfd):
    (tmp_path / "agents.flow").write_text(Path(AGENTS).read_text())
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/plan.yaml").write_text((FOLDER / "everything.yaml").read_text())
    (tmp_path / "flow.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    use = ["--use", "agents.flow"]
    assert cli.invoke(["convert", "deep/plan.yaml", "-o", "plan.flow", *use]) == 0
    assert (tmp_path / "plan.flow").read_text().startswith('import "agents.flow" as agents\n')
    assert cli.invoke(["check", "plan.flow"]) == 0
    assert cli.invoke(["convert", "plan.flow", "-o", "back.json"]) == 0
    assert cli.invoke(["check", "back.json", *use]) == 0
    assert cli.invoke(["convert", "back.json", "--to", "yaml", *use]) == 0
    assert capfd.readouterr().out.startswith("plan_id: research_it\n")
    assert cli.invoke(["convert", "deep/plan.yaml"]) == 1
    assert cli.invoke(["convert", "plan.flow", "--to", "flow"]) == 1
    assert cli.invoke(["convert", "plan.flow", *use]) == 2
    assert cli.invoke(["convert", "nowhere.yaml"]) == 1
    assert cli.invoke(["convert", "plan.flow", "-o", "nowhere/x.yaml"]) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"output": []}, "has no text"),
        ({"parameters": {"url": "x" * 20_000}}, "as a flow, this expression is longer than 16 KiB"),
    ],
)
def test_what_a_flow_cannot_hold_is_said(fields, message):
    step = {"step_id": "a", "agent_id": "read", "parameters": fields.pop("parameters", {"url": "x"})}
    checked = check_plan(json.dumps({"plan_id": "p", "steps": [step], **fields}), "plan.json")
    with pytest.raises(NotRunnable) as refused:
        converted(checked, "flow", plans=USING)
    assert message in refused.value.diagnostics[0].message
