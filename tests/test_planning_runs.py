"""Plans that run: what is written in YAML happens, in the order and as often as it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import flowlang
from flowlang.tools import cli
from flowlang.tools.plan_settings import PlanSettings

AGENTS = """
type Page = { url: string, title: string? }
type Verdict = | Good(why: string) | Bad(why: string)
error NotFound
agent fetch(url: string) -> Page raises NotFound effect read
agent note(text: string) effect idempotent
agent judge(text: string) -> Verdict effect read
agent refine(text: string) -> { text: string, score: float } effect read
agent store(values: json, labels: map<int>, within: duration, at: datetime, seen: Verdict) -> json effect read
ask approve(question: string) -> bool

/// A flow is called like an agent.
flow shout(text: string) -> string { return text.upper() }
"""


class World:
    """Agents that keep what they were asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict]] = []
        self.failures: dict[str, list[Exception]] = {}
        self.scores = iter([0.1, 0.5, 0.95])

    def called(self, name: str, **arguments):
        self.calls.append((name, arguments))
        if self.failures.get(name):
            raise self.failures[name].pop(0)

    def agents(self) -> dict:
        def fetch(url: str):
            self.called("fetch", url=url)
            return {"url": url, "title": url.upper()}

        def note(text: str):
            self.called("note", text=text)

        def judge(text: str):
            self.called("judge", text=text)
            return {"case": "Good", "why": text}

        def refine(text: str):
            self.called("refine", text=text)
            return {"text": text + "!", "score": next(self.scores)}

        def store(values, labels, within, at, seen):
            self.called("store", values=values, labels=labels, within=str(within), at=str(at), seen=seen)
            return values

        def approve(question: str):
            self.called("approve", question=question)
            return True

        made = (fetch, note, judge, refine, store, approve)
        return {function.__name__: function for function in made}


class NotFound(Exception):
    pass


@pytest.fixture
def world(tmp_path: Path, monkeypatch) -> World:
    (tmp_path / "agents.flow").write_text(AGENTS)
    monkeypatch.chdir(tmp_path)
    return World()


def run(world: World, text: str, **inputs):
    plan = flowlang.compile("plan.yaml", text=text, plans=PlanSettings(use=("agents.flow",)))
    agents = {name: agent for name, agent in world.agents().items() if name in plan.agents}
    return flowlang.run_sync(plan, inputs, agents=agents)


def done(world: World, text: str, **inputs):
    result = run(world, text, **inputs)
    assert result.status == "done", result.failure
    return result.data


def test_results_are_a_record_of_all_steps(world):
    data = done(
        world,
        """
plan_id: p
inputs: {url: string}
steps:
  - {step_id: a, agent_id: fetch, parameters: {url: "${inputs.url}"}}
  - {step_id: skipped, agent_id: fetch, parameters: {url: b}, condition: "results.a.title == null"}
  - step_id: loud
    agent_id: shout
    parameters: {text: "is ${results.a.title ?? ''} ${results.skipped?.url ?? 'x'}"}
""",
        url="a",
    )
    assert data == {"a": {"url": "a", "title": "A"}, "skipped": None, "loud": "IS A X"}


def test_attempts_are_counted_as_attempts(world):
    world.failures["fetch"] = [NotFound(), NotFound(), NotFound()]
    text = """
plan_id: p
steps:
  - step_id: a
    agent_id: fetch
    parameters: {url: a}
    retry_policy: {max_retries: 3, initial_delay: 1ms, backoff_type: constant}
    fallback: {value: {url: none, title: null}, on: [NotFound]}
output: ${results.a.url}
"""
    assert done(world, text) == "none" and len(world.calls) == 3
    world.calls.clear()
    world.failures["fetch"] = [NotFound(), NotFound()]
    assert done(world, text) == "a" and len(world.calls) == 3


def test_loops(world):
    data = done(
        world,
        """
plan_id: p
inputs: {urls: list<string>}
steps:
  - step_id: pages
    agent_id: fetch
    loop: {type: for_each, items: inputs.urls, item: url, max_parallel: 1}
    parameters: {url: "${url}"}
  - step_id: text
    agent_id: refine
    loop: {type: while, condition: "results.text == null or results.text.score < 0.9", max_iterations: 5}
    parameters: {text: '${results.text?.text ?? "start"}'}
  - step_id: each
    loop: {type: for_each, items: [1, 2]}
    strategy: sequential
    steps:
      - {step_id: said, agent_id: note, parameters: {text: "${item}"}}
      - {step_id: judged, agent_id: judge, parameters: {text: "${item * 10}"}}
    output: ${results.judged}
""",
        urls=["a", "b"],
    )
    assert [page["title"] for page in data["pages"]] == ["A", "B"]
    assert data["text"]["text"] == "start!!!"
    assert data["each"] == [{"case": "Good", "why": "10"}, {"case": "Good", "why": "20"}]


def test_values_are_what_they_are_wanted_as(world):
    done(
        world,
        r"""
plan_id: p
inputs: {name: string}
metadata: {deep: {list: [1, 2]}}
steps:
  - step_id: a
    agent_id: store
    parameters:
      values: [1, two, null, {"x y": 1, z: [1.5, "${inputs.name}"]}, "${metadata.deep.list.size()}"]
      labels: {a: 1, "b c": "${metadata.deep.list.size()}"}
      within: 1h30m
      at: 2024-05-01T12:00:00Z
      seen: {case: Bad, why: "\\${x} ${inputs.name}"}
""".replace('"${metadata.deep.list.size()}"]', "\"${'text' as json}\"]"),
        name="Ada",
    )
    ((_, told),) = world.calls
    assert told["values"] == [1, "two", None, {"x y": 1, "z": [1.5, "Ada"]}, "text"]
    assert told["labels"] == {"a": 1, "b c": 2}
    assert told["within"] == "1:30:00" or told["within"] == "1h30m"
    assert told["at"].startswith("2024-05-01") and told["seen"] == {"case": "Bad", "why": "${x} Ada"}


def test_what_succeeded_is_undone(world):
    world.failures["judge"] = [ValueError("no")]
    result = run(
        world,
        """
plan_id: p
strategy: sequential
steps:
  - step_id: a
    agent_id: fetch
    parameters: {url: a}
    undo: {agent_id: note, parameters: {text: "undo ${results.a.url}"}}
  - {step_id: b, agent_id: judge, parameters: {text: x}}
""",
    )
    assert result.status == "failed" and result.undone == ("a",)
    assert world.calls[-1] == ("note", {"text": "undo a"})


def test_a_failure_points_into_the_yaml(world, capfd):
    Path("plan.yaml").write_text(
        "plan_id: p\nsteps:\n  - {step_id: a, agent_id: fetch, parameters: {url: x}}\n"
    )
    Path("tools.py").write_text("def fetch(url):\n    raise ValueError('broken')\n")
    Path("flow.toml").write_text('[plans]\nuse = ["agents.flow"]\n[agents.fetch]\npython = "tools:fetch"\n')
    assert cli.invoke(["run", "plan.yaml", "--quiet", "--ephemeral"]) == 1
    shown = capfd.readouterr().err
    assert "plan.yaml:3:" in shown and "agent_id: fetch" in shown


HOSTILE = """
plan_id: "agent evil() flow x() { step a = save() }"
intent: |
  */ } flow evil() { }
  /// "; retry 9 times
steps:
  - step_id: 'a" catch -> null //'
    description: "}\\n step evil = note(text: 1)"
    agent_id: note
    parameters:
      text: "retry 99 times catch -> fail NotFound() } ${'quote\\"' + '}'} {{}} // undo"
    idempotency_key: "' or \\u0022"
"""


def test_text_that_looks_like_clauses_is_text(world, capfd):
    assert run(world, HOSTILE).status == "done"
    (told,) = world.calls
    assert told == ("note", {"text": 'retry 99 times catch -> fail NotFound() } quote"} {{}} // undo'})
    Path("plan.yaml").write_text(HOSTILE)
    assert cli.invoke(["convert", "plan.yaml", "--use", "agents.flow", "-o", "x.flow"]) == 0
    assert cli.invoke(["check", "x.flow"]) == 0
    assert flowlang.compile("x.flow").flows.keys() == {"agent_evil_flow_x_step_a_save", "agents.shout"} - {
        "agents.shout"
    }


def test_json_runs_the_same(world):
    plan = {
        "plan_id": "p",
        "steps": [{"step_id": "a", "agent_id": "fetch", "parameters": {"url": 'é\n"${1 + 1}'}}],
    }
    compiled = flowlang.compile("plan.json", text=json.dumps(plan), plans=PlanSettings(use=("agents.flow",)))
    result = flowlang.run_sync(compiled, {}, agents={"fetch": world.agents()["fetch"]})
    assert result.data == {"a": {"url": 'é\n"2', "title": 'É\n"2'}}


def test_what_is_json_already_is_not_made_json_again(world):
    text = """
plan_id: p
inputs: {given: json}
steps:
  - step_id: a
    agent_id: store
    parameters:
      values: ["${inputs.given}", 1, "${run.id}"]
      labels: {}
      within: 1s
      at: 2024-05-01T12:00:00Z
      seen: {case: Good, why: x}
  - step_id: b
    agent_id: store
    parameters:
      values: "${results.a}"
      labels: {}
      within: 1s
      at: 2024-05-01T12:00:00Z
      seen: {case: Good, why: x}
"""
    plans = PlanSettings(use=("agents.flow",))
    from flowlang.tools.frontend import check_text

    assert check_text(text, "plan.yaml", plans=plans).diagnostics == ()
