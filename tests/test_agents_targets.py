"""`flow agents`: targets are asked, listed and added; other kinds of providers come with other packages."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlang.tools.adding_targets import toml_table
from tests.support import desks
from tests.support.desks import Flow
from tests.support.mcp_desk import STUB

flow = desks.flow  # a fixture


READ = {"name": "read-page", "effect": "read", "input": {"properties": {"url": {"type": "string"}}}}
MAIN = """\
use desk front = "front"

agent summarize(text: string) -> string

flow main() -> string {
  step page = front.read_page(url: "u")
  step short = summarize(text: page)
  return short
}
"""
CONFIG = """\
# The desk by the door.
[desk.front]
file = "desk.json"   # its replies

[desk.back]
file = "back.json"

[agents.summarize]
desk = "back:sum"

[env.prod.desk.front]
file = "prod.json"
"""


def write(name: str, content: Any) -> None:
    Path(name).write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture
def project(flow: Flow) -> Flow:
    write("flow.toml", CONFIG)
    write("main.flow", MAIN)
    write("desk.json", {"agents": [READ], "replies": {"read-page": "the page"}})
    write("back.json", {"agents": [], "replies": {"sum": "short: {text}"}})
    write("prod.json", {"agents": [READ], "replies": {"read-page": "the real page"}})
    assert flow("lock").code == 0
    return flow


def test_agents_of_a_provider_are_listed_with_where_they_are(project: Flow) -> None:
    listed = project("agents")
    assert listed.code == 0
    assert "front.read_page(url: string? = …) -> string\n    read · " in listed.out
    assert "    desk front:read_page (main.flow)\n" in listed.out
    assert "    desk back:sum (flow.toml:8)\n" in listed.out


def test_all_that_targets_offer(project: Flow) -> None:
    expected = "desk back\ndesk front\n  read_page(url: string? = …) -> string  read\n"
    assert project("agents", "--offered").out == expected
    told = json.loads(project("agents", "--offered", "--json").out)
    assert [(t["kind"], t["target"], len(t["agents"])) for t in told] == [
        ("desk", "back", 0),
        ("desk", "front", 1),
    ]


def test_types_that_targets_name_are_told(project: Flow) -> None:
    mood = {"title": "Mood", "enum": ["good", "bad"]}
    fields = {"title": {"type": "string"}, "mood": mood}
    page = {"title": "Page", "required": ["title"], "properties": fields}
    write(
        "side.json", {"agents": [{"name": "pages", "input": {}, "output": {"type": "array", "items": page}}]}
    )
    told = [
        "  pages() -> list<Page>",
        "  type Page = { title: string, mood: Mood? }",
        '  type Mood = "good" | "bad"',
    ]
    assert "\n".join(told) in project("agents", "add", "desk", "side", "side.json").out
    assert "\n".join(["desk side", *told]) in project("agents", "--offered").out
    types = json.loads(project("agents", "--offered", "--json").out)[2]["types"]
    assert types == {"Page": "{ title: string, mood: Mood? }", "Mood": '"good" | "bad"'}


def test_ping_says_who_is_there(project: Flow) -> None:
    up = project("agents", "--ping")
    assert up.code == 0
    assert re.fullmatch(r"desk back   up    0\.\d\d s\ndesk front  up    0\.\d\d s, offers 1\n", up.out)
    write("desk.json", {"agents": [], "down": True})
    down = project("agents", "--ping")
    assert down.code == 1
    assert "desk back   up" in down.out and "desk front  down  nobody is at the desk: open it\n" in down.out
    told = json.loads(project("agents", "--ping", "--json").out)
    assert [(t["target"], t["up"], t["problem"]) for t in told] == [
        ("back", True, None),
        ("front", False, "nobody is at the desk: open it"),
    ]
    assert project("agents", "--ping", "--env", "prod").code == 0


def test_ping_says_which_secret_is_missing(project: Flow) -> None:
    write("flow.toml", '[desk.front]\nfile = "desk.json"\ntoken = "{secrets.NOBODY}"\n')
    assert "desk front  down  flow.toml has no secret `NOBODY`: say below" in project("agents", "--ping").out


def test_the_tables_of_an_environment_are_read_in_the_place_of_others(
    project: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project("run", "main.flow").out == "short: the page\n"
    assert project("run", "main.flow", "--env", "prod").out == "short: the real page\n"
    monkeypatch.setenv("FLOW_ENV", "prod")
    assert project("run", "main.flow").out == "short: the real page\n"
    assert project("run", "main.flow", "--env", "").out == "short: the page\n"
    wrong = project("run", "main.flow", "--env", "prd")
    assert wrong.code == 1
    assert "error[E604 bad-config]: there is no environment `prd` here" in wrong.err
    assert "did you mean `prod`?" in wrong.err


def test_a_run_goes_on_in_the_environment_that_it_was_started_in(
    project: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MAIN.replace("flow main", "ask ready(q: string) -> bool\n\nflow main").replace(
        "() -> string {\n", '() -> string in order {\n  step go = ready(q: "?")\n', 1
    )
    write("main.flow", text)
    for environment, result in (("prod", "short: the real page\n"), ("", "short: the page\n")):
        left = project("run", "main.flow", "--env", environment, "--no-wait", "--json")
        run = json.loads(left.out)["run_id"]
        assert project("answer", run, "true").code == 0
        monkeypatch.setenv("FLOW_ENV", "" if environment else "prod")
        assert project("resume", run).out == result
        monkeypatch.delenv("FLOW_ENV")
        assert project("fork", run, "--from", "page").out == result
    assert project("fork", run, "--from", "page", "--env", "prod").out == "short: the real page\n"


# Adding targets


def test_a_target_is_added_behind_what_stands_there_and_locked(project: Flow) -> None:
    write("side.json", {"agents": [READ]})
    added = project("agents", "add", "desk", "side", "side.json")
    assert added.code == 0, added.err
    assert Path("flow.toml").read_text() == CONFIG + '\n[desk.side]\nfile = "side.json"\n'
    assert added.out == (
        '[desk.side]\nfile = "side.json"\n\n'
        "  read_page(url: string? = …) -> string  read\n"
        '\nuse desk side = "side"\n'
    )
    locked = json.loads(Path("flow.lock").read_text())["targets"]["desk"]
    assert locked.keys() == {"front", "back", "side"}
    again = project("agents", "add", "desk", "side", "side.json")
    assert again.code == 1 and "flow.toml has a target `[desk.side]` already" in again.err


def test_a_target_of_an_environment(project: Flow) -> None:
    assert project("agents", "add", "desk", "back", "prod.json", "--env", "prod").code == 0
    assert Path("flow.toml").read_text().endswith('\n[env.prod.desk.back]\nfile = "prod.json"\n')
    again = project("agents", "add", "desk", "front", "prod.json", "--env", "prod")
    assert again.code == 1 and "already" in again.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("desk", "x", "nowhere"), "`nowhere` is no desk; name a .json file"),
        (
            ("desk", "x", "down.json"),
            "desk x does not answer: nobody is at the desk: open it; nothing is written",
        ),
        (("desk", "x"), "`file` is missing; give it with `--set KEY=VALUE`"),
        (
            ("desk", "x", "desk.json", "--set", "tokn=1"),
            "`tokn` is not an option here; did you mean `token`?",
        ),
        (("desk", "x", "desk.json", "--set", "token"), "`token` is not KEY=VALUE"),
        (("desk", "a b", "desk.json"), "`a b` is no name for a target"),
        (("mcp", "x", "https://ada:pw@example.com"), "a password must not stand in a flow; write a table"),
        (("a2a", "x", "https://ada:pw@example.com"), "a password must not stand in a flow; write a table"),
        (("http", "x", "https://ada:pw@example.com/a"), "a password must not stand in a flow; write a table"),
        (("dsk", "x", "desk.json"), "there is no provider `dsk`"),
        (("desk", "x", "desk.json", "--set", "token={secrets.NO}"), "flow.toml has no secret `NO`"),
    ],
)
def test_nothing_is_written_where_anything_is_wrong(
    project: Flow, arguments: tuple[str, ...], said: str
) -> None:
    write("down.json", {"agents": [], "down": True})
    outcome = project("agents", "add", *arguments)
    assert outcome.code == 1 and said in outcome.err
    assert Path("flow.toml").read_text() == CONFIG


def test_a_target_without_asking_it(project: Flow) -> None:
    write("down.json", {"agents": [], "down": True})
    outcome = project("agents", "add", "desk", "x", "down.json", "--offline", "--set", 'token="a b"')
    assert outcome.code == 0
    assert Path("flow.toml").read_text().endswith('\n[desk.x]\nfile = "down.json"\ntoken = "a b"\n')


def test_a_file_that_cannot_be_added_to_stays_as_it_is(flow: Flow) -> None:
    write("desk.json", {"agents": []})
    for text in ("desk = { front = { file = 'x.json' } }\n", "[desk\n"):
        write("flow.toml", text)
        outcome = flow("agents", "add", "desk", "side", "desk.json")
        assert outcome.code == 1 and Path("flow.toml").read_text() == text
    assert "flow.toml has mistakes already" in outcome.err


def test_a_first_target_makes_the_file_and_a_program_is_one(flow: Flow) -> None:
    outcome = flow("agents", "add", "mcp", "stub", "--", sys.executable, str(STUB))
    assert outcome.code == 0, outcome.err
    assert tomllib.loads(Path("flow.toml").read_text())["mcp"]["stub"]["command"] == [
        sys.executable,
        str(STUB),
    ]
    assert "  echo(text: string) -> string\n" in outcome.out
    assert outcome.out.endswith('\nuse mcp stub = "stub"\n')
    write("main.flow", 'use mcp stub = "stub"\nflow main() -> string { return stub.echo(text: "hello") }\n')
    assert flow("check").code == 0
    assert flow("run", "main.flow").out == "hello\n"


TABLES = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(codec="utf-8"), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), TABLES, max_size=4))
def test_a_table_reads_as_it_was_written(table: dict[str, Any]) -> None:
    assert tomllib.loads(toml_table("a.b", table)) == {"a": {"b": table}}
