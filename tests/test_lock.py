"""`flow lock`: what targets offer is written down, compared, and checked against the flows that use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete

from flowlang.agents.differences import differences
from flowlang.agents.locked import BadLock, Lock, lock_text, parse_lock
from flowlang.agents.offers import Offered
from flowlang.tools.cli import group
from tests.support import desks
from tests.support.desks import Flow

flow = desks.flow  # a fixture


SEARCH = {
    "name": "search",
    "doc": "Finds pages.",
    "effect": "read",
    "input": {
        "type": "object",
        "properties": {"query": {"type": "string"}, "most": {"type": "integer"}},
        "required": ["query"],
    },
    "output": {"type": "array", "items": {"type": "string"}},
}
READ = {"name": "read-page", "input": {"properties": {"url": {"type": "string"}}, "required": ["url"]}}

MAIN = """\
use desk front = "front"

flow main(topic: string) -> string {
  step pages = front.search(query: topic)
  step page = front.read_page(url: pages[0] ?? "")
  return page
}
"""
CONFIG = '[desk.front]\nfile = "desk.json"\n'


def write(name: str, content: Any) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(content if isinstance(content, str) else json.dumps(content))


def project(*agents: Any, flow: str = MAIN, **desk: Any) -> None:
    write("flow.toml", CONFIG)
    write("main.flow", flow)
    write("desk.json", {"agents": agents or (SEARCH, READ), "replies": {"search": ["u"]}, **desk})


def locked() -> Any:
    return json.loads(Path("flow.lock").read_text())


def test_a_flow_is_checked_with_what_was_locked_and_nobody_is_asked(flow: Flow) -> None:
    project()
    before = flow("check")
    assert before.code == 1 and "E606 not-locked" in before.out
    assert "run `flow lock main.flow`" in before.out

    made = flow("lock", "main.flow")
    assert (made.code, made.out) == (0, "desk front  2 agents\nflow.lock is written\n")
    assert made.err.startswith("desk front  answered in 0.")

    write("desk.json", {"agents": [], "down": True})
    assert flow("check").code == 0
    write("main.flow", MAIN.replace("query: topic", "query: 3"))
    assert "E301 type-mismatch" in flow("check").out


def test_a_locked_flow_runs(flow: Flow) -> None:
    project(replies={"search": ["u"], "read-page": "the page of {url}"})
    assert flow("lock").code == 0
    ran = flow("run", "main.flow", "topic=x")
    assert (ran.code, ran.out) == (0, "the page of u\n")


def test_the_lock_is_sorted_and_stays_as_it_is(flow: Flow) -> None:
    project(SEARCH, READ)
    flow("lock")
    text = Path("flow.lock").read_text()
    assert [*locked()["targets"]["desk"]["front"]] == ["read-page", "search"]
    assert [*locked()["targets"]["desk"]["front"]["search"]["input"]["properties"]] == ["query", "most"]

    turned = dict(reversed(SEARCH["input"]["properties"].items()))  # type: ignore[index]
    project(READ, {**SEARCH, "input": {**SEARCH["input"], "properties": turned}})  # type: ignore[dict-item]
    again = flow("lock", "--update")
    assert (again.code, again.out) == (0, "desk front  2 agents, as before\nflow.lock is up to date\n")
    assert Path("flow.lock").read_text() == text


def test_what_is_locked_is_not_asked_again(flow: Flow) -> None:
    project()
    flow("lock")
    desks.connected.clear()
    assert flow("lock").out == "flow.lock is up to date\n"
    assert desks.connected == []


CHANGED = {**SEARCH, "output": {"type": "string"}, "effect": "write"}


def test_check_says_what_changed_and_what_it_breaks_and_writes_nothing(flow: Flow) -> None:
    project()
    flow("lock")
    text = Path("flow.lock").read_text()
    project(CHANGED, {"name": "new", "input": {}})
    outcome = flow("lock", "--check")
    assert outcome.code == 1
    head, _, broken = outcome.out.partition("flow.lock is out of date")
    assert head == (
        "desk front  2 agents, 3 different\n"
        "  + new() -> string\n"
        "  - read_page(url: string) -> string\n"
        "  - search(query: string, most: int? = …) -> list<string>\n"
        "  + search(query: string, most: int? = …) -> string  (its effect is write, no longer read)\n"
    )
    assert "E201 unknown-name" in broken or "read_page" in broken
    assert Path("flow.lock").read_text() == text

    told = json.loads(flow("lock", "--check", "--json").out)
    (target,) = told[0]["targets"]
    assert (target["state"], told[0]["written"]) == ("changed", False)
    assert {d["agent"]: d["change"] for d in target["differences"]} == {
        "new": "added",
        "read_page": "removed",
        "search": "changed",
    }
    assert {problem["path"] for problem in told[0]["breaks"]} == {"main.flow"}

    assert flow("lock", "--update").code == 1  # written, and the flow is broken
    assert "new" in locked()["targets"]["desk"]["front"]
    assert flow("lock", "--check").code == 0


def test_a_target_that_is_down_keeps_what_it_had_and_others_are_written(flow: Flow) -> None:
    project()
    flow("lock")
    write("other.json", {"agents": [READ]})
    write("flow.toml", CONFIG + '[desk.other]\nfile = "other.json"\n')
    write("desk.json", {"agents": [], "down": True})
    outcome = flow("lock", "--update")
    assert outcome.code == 1
    assert (
        "desk front  nobody is at the desk: open it; what it offered before is kept (2 agents)" in outcome.out
    )
    assert "desk other  1 agent\n" in outcome.out
    assert locked()["targets"]["desk"].keys() == {"front", "other"}
    assert locked()["targets"]["desk"]["front"].keys() == {"search", "read-page"}


def test_what_nothing_uses_any_longer_is_left_out(flow: Flow) -> None:
    project()
    flow("lock")
    write("flow.toml", "")
    write("main.flow", "flow main() -> int { return 1 }\n")
    assert flow("lock", "main.flow").code == 0 and locked()["targets"] != {}  # not the whole project
    assert "desk front  no flow uses it any longer" in flow("lock", "--check").out
    assert flow("lock", "--update").code == 0
    assert locked()["targets"] == {}


def test_one_target_alone(flow: Flow) -> None:
    project()
    write("other.json", {"agents": [READ]})
    write("flow.toml", CONFIG + '[desk.other]\nfile = "other.json"\n')
    assert flow("lock", "--target", "other").code == 0
    assert locked()["targets"]["desk"].keys() == {"other"}
    wrong = flow("lock", "--target", "othr")
    assert wrong.code == 2 and "did you mean `other`?" in wrong.err


PAGES = """\
use desk d = "desk.json"

flow page() -> string {
  step p = d.read_page(url: "u")
  return p
}
"""
WITH_PAGES = """\
import "lib/pages.flow" as pages

flow main() -> string {
  step p = pages.page()
  return p
}
"""


def test_a_shell_completes_targets_and_environments(flow: Flow) -> None:
    project()
    write("flow.toml", CONFIG + "[env.prod.desk.front]\nfile = 'x'\n[env.test.desk.front]\nfile = 'x'\n")
    assert completed("lock", "--target", "") == ["front"]
    assert completed("run", "--env", "p") == ["prod"]
    assert "desk" in completed("agents", "add", "")


def completed(*words: str) -> list[str]:
    completion = ShellComplete(group.flow, {}, "flow", "_FLOW_COMPLETE")
    return [item.value for item in completion.get_completions([*words[:-1]], words[-1])]


def test_targets_by_their_text_and_of_imported_modules(flow: Flow) -> None:
    write("lib/desk.json", {"agents": [READ]})
    write("lib/pages.flow", PAGES)
    write("main.flow", WITH_PAGES)
    write("flow.toml", "")
    assert flow("lock", "main.flow").code == 0
    assert locked()["targets"] == {"desk": {"desk.json": {"read-page": {"input": READ["input"]}}}}
    assert flow("run", "main.flow").out == "nothing\n"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("{", "it is not JSON", 1),
        ('{\n  "format": 1,\n  "targets": {{', "it is not JSON", 3),
        ("[]", 'it has no `"format"`', 1),
        ('{"format": 99}', "it was written by a newer flowlang", 1),
        ('{"format": 1, "targets": 3}', "`targets` holds no object", 1),
        (
            '{"format": 1, "targets": {"desk": {\n"front": {\n"search": {"input": 3}}}}}',
            "the agent `search` of `front` is not as `flow lock` writes it",
            3,
        ),
        ("<<<<<<< ours\n{}\n", "two versions of it were merged and differ", 1),
        ('{"format": 1,\n<<<<<<< ours\n{}\n', "two versions of it were merged and differ", 2),
        ("\udcff", "it is not JSON in UTF-8", 0),
        ("[" * 100_000, "it is not JSON", 1),
    ],
)
def test_a_lock_that_cannot_be_used_is_one_error_with_a_place(
    flow: Flow, text: str, message: str, line: int
) -> None:
    project()
    Path("flow.lock").write_bytes(text.encode(errors="surrogateescape"))
    outcome = flow("lock")
    assert outcome.code == 1
    assert outcome.err.startswith(f"error[E607 bad-lock]: {message}")
    assert (f"flow.lock:{line}:" if line else "flow.lock\n") in outcome.err
    checked = flow("check")
    assert checked.code == 1 and message in checked.out and "E607" in checked.out
    assert flow("lock", "--update").code == 0
    assert flow("check").code == 0


def test_environments_share_a_lock(flow: Flow) -> None:
    project()
    write("flow.toml", CONFIG + '[env.prod.desk.front]\nfile = "prod.json"\n')
    write("prod.json", {"agents": [CHANGED, READ]})
    assert flow("lock").code == 0
    assert flow("lock", "--check").code == 0
    outcome = flow("lock", "--check", "--env", "prod")
    assert outcome.code == 1 and "+ search(query: string, most: int? = …) -> string" in outcome.out
    wrong = flow("lock", "--env", "prd")
    assert wrong.code == 1 and "did you mean `prod`?" in wrong.err


def test_a_secret_that_a_server_tells_is_not_locked(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "swordfish-1234")
    project({**READ, "doc": "say swordfish-1234"}, SEARCH)
    write("flow.toml", CONFIG + 'token = "{secrets.TOKEN}"\n[secrets]\nTOKEN = { env = "TOKEN" }\n')
    assert flow("lock").code == 0
    assert "swordfish" not in Path("flow.lock").read_text()
    assert locked()["targets"]["desk"]["front"]["read-page"]["doc"] == "say ***"
    monkeypatch.delenv("TOKEN")
    silent = flow("lock", "--update")
    assert silent.code == 1 and "the environment variable TOKEN is not set" in silent.out


def offered(**fields: Any) -> Offered:
    return Offered.from_json({**SEARCH, **fields})


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ([offered()], []),
        ([], ["search(query: string, most: int? = …) -> list<string> is gone"]),
        (
            [offered(), offered(name="more")],
            ["more(query: string, most: int? = …) -> list<string> is new"],
        ),
        (
            [offered(doc="Other words.")],
            ["search(query: string, most: int? = …) -> list<string> is described in other words"],
        ),
        (
            [offered(output=None, effect=None)],
            [
                "search(query: string, most: int? = …) -> list<string> is now "
                "search(query: string, most: int? = …) -> string, and its effect is not known, no longer read"
            ],
        ),
        (
            [offered(input={**SEARCH["input"], "maxProperties": 1})],  # type: ignore[dict-item]
            [
                "search(query: string, most: int? = …) -> list<string> "
                "checks its arguments or its result in another way"
            ],
        ),
    ],
)
def test_differences_in_words(live: list[Offered], expected: list[str]) -> None:
    assert differences([offered()], live) == expected
    assert differences(live, live) == []


def order(**properties: object) -> Offered:
    """An agent whose result holds records with a name; a property that is None is left out."""
    size = {"title": "Size", "enum": ["s", "m"], "type": "string"}
    fields = {"id": {"type": "string"}, "price": {"type": "number"}, "size": size, **properties}
    known = {name: schema for name, schema in fields.items() if schema is not None}
    schema = {"title": "Order", "type": "object", "properties": known, "required": [*known]}
    return offered(output={"type": "array", "items": schema})


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (order(id=None, no={"type": "integer"}), "`Order` has no `id` any longer, and `Order` has `no: int`"),
        (order(price={"type": "integer"}), "`Order` has `price: int`, no longer `price: float`"),
        (
            order(size={"title": "Size", "enum": ["s", "l"], "type": "string"}),
            '`Size` has `"l"`, and `Size` has no `"m"` any longer',
        ),
        (
            order(**{f"more{n}": {"type": "null"} for n in range(10)}),
            ", and ".join(f"`Order` has `more{n}: null`" for n in range(8))
            + ", and 2 more parts of its types differ",
        ),
        (order(price={"type": "number", "minimum": 1}), "checks its arguments or its result in another way"),
    ],
)
def test_differences_inside_of_types_with_a_name(live: Offered, expected: str) -> None:
    [told] = differences([order()], [live])
    assert told == f"search(query: string, most: int? = …) -> list<Order> {expected}"


def test_a_lock_is_read_as_it_was_written() -> None:
    lock = Lock({("desk", "b"): (offered(),), ("desk", "a"): (), ("a", "ü\n"): (offered(name="ü"),)})
    assert parse_lock(lock_text(lock).encode()) == lock
    with pytest.raises(BadLock):
        parse_lock(b"{}")
