"""MCP servers in `flow.toml` and `flow.lock`: what is read of both, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp_types import Tool
from pydantic import ValidationError

from flowlang.agents.mcp import McpEntry, McpSettings, provider
from flowlang.agents.mcp.tools import change, offered
from flowlang.agents.offers import Offered
from flowlang.agents.providers import Member, Target, Unfit
from flowlang.agents.secrets import Secrets
from tests.support.mcp_desk import (
    STRING,
    Desk,
    agent,
    at_a_desk,
    failing,
    stub,
)

# Settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("npx -y server .", {"command": ("npx", "-y", "server", ".")}),
        ("server 'two words' \"$HOME\" ~ *", {"command": ("server", "two words", "$HOME", "~", "*")}),
        ("https://example.com/mcp", {"url": "https://example.com/mcp"}),
        (" http://127.0.0.1:1/ ", {"url": "http://127.0.0.1:1/"}),
        ("./server.py; rm -rf /", {"command": ("./server.py;", "rm", "-rf", "/")}),
    ],
)
def test_a_text_is_a_command_line_or_a_url(text, expected):
    settings = provider.from_text(text, Path())
    assert settings.model_dump(exclude_unset=True) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "nothing says where"), ("  ", "nothing says where"), ("a 'b", "is not a command line: no closing")],
)
def test_a_text_that_is_neither(text, message):
    with pytest.raises(Unfit, match=message) as caught:
        provider.from_text(text, Path())
    assert caught.value.help


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "either a `command`"),
        ({"command": ["a"], "url": "http://x/"}, "either a `command`"),
        ({"url": "http://x/", "env": {"A": "b"}}, "are for a server that a `command` starts"),
        ({"url": "http://x/", "cwd": "."}, "are for a server that a `command` starts"),
        ({"command": ["a"], "headers": {"A": "b"}}, "`headers` are for a server that has a `url`"),
        ({"command": ["a", "--key={secrets.KEY}"]}, "everybody on the machine"),
        ({"url": "ftp://x/"}, "pattern"),
        ({"command": []}, "at least 1 item"),
        ({"command": ["a"], "start_timeout": 0}, "greater than 0"),
        ({"command": ["a"], "results": {"x": "picture"}}, "'text', 'json' or 'file'"),
        ({"command": ["a"], "timeout": 3}, "Extra inputs"),
    ],
)
def test_settings_that_mean_nothing(table, message):
    with pytest.raises(ValidationError, match=message):
        McpSettings(**table)


def test_an_entry_names_target_and_tool():
    assert provider.named(McpEntry(mcp="fs:read_file")) == ("fs", "read_file")
    assert provider.named(McpEntry(mcp="uvx server --x=a:b:read-file")) == ("uvx server --x=a:b", "read-file")


@pytest.mark.parametrize("text", ["read_file", "fs:", ":read_file", "http://localhost:80/mcp", "fs:a b"])
def test_an_entry_that_does_not(text):
    with pytest.raises(Unfit, match="does not say TARGET:TOOL"):
        provider.named(McpEntry(mcp=text))


def target_of(settings: McpSettings, *locked: Offered) -> Target:
    return Target("mcp", "shop", Path.cwd(), settings, Secrets(), provider, locked)


def test_what_can_be_known_before_a_run():
    settings, echo = stub(), Offered("echo", {"type": "object"})
    member = Member("echo", "echo", agent((), STRING), {"NotFound": ()}, None, McpEntry(mcp="shop:echo"))
    provider.check(target_of(settings, echo), member)
    provider.check(target_of(settings), member)
    with pytest.raises(Unfit, match="mcp shop has no tool `echo`") as caught:
        provider.check(target_of(settings, Offered("echos", {})), member)
    assert caught.value.help == "did you mean `echos`?"


@pytest.mark.parametrize(
    ("program", "help"),
    [("npx", "install Node.js"), ("uvx", "install uv"), ("./no/such", "correct the command")],
)
def test_a_program_that_is_not_there(program, help, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    member = Member("echo", "echo", agent((), STRING), {})
    with pytest.raises(Unfit, match=f"the program `{program}` was not found") as caught:
        provider.check(target_of(McpSettings(command=(program,))), member)
    assert help in str(caught.value.help)

    async def use(opened: Desk) -> object:
        return await opened.declared("echo", text="x")

    assert help in str(failing(use, McpSettings(command=(program,))))


def test_a_mapped_error_must_be_declared():
    entry = McpEntry(mcp="shop:echo", errors={"ENOENT": "NotFond"})
    member = Member("echo", "echo", agent((), STRING), {"NotFound": ()}, None, entry)
    with pytest.raises(Unfit, match="does not raise `NotFond`") as caught:
        provider.check(target_of(stub()), member)
    assert caught.value.help == "did you mean `NotFound`?" and caught.value.key == ("errors", "ENOENT")


# Offers


def test_tools_are_offered_with_what_the_server_says_of_them():
    async def work(opened: Desk) -> dict[str, Offered]:
        return await opened.offers()

    found = at_a_desk(work, stub(results={"picture": "file", "fail": "json", "sum": "text"}))
    assert len(found) == 29, "from two pages"
    assert found["raw"].effect == "read" and found["raw"].doc == "Gives what it got."
    assert found["echo"].effect is None and found["echo"].doc is None
    assert found["wrong"].output and found["wrong"].output["required"] == ["total"]
    assert found["picture"].file and found["fail"].output == {} and found["sum"].output is None


@pytest.mark.parametrize("table", [{"results": {"pictur": "file"}}, {"effects": {"pictur": "read"}}])
def test_a_table_may_not_be_about_tools_that_there_are_not(table):
    async def work(opened: Desk) -> object:
        return await opened.offers()

    message = "a tool `pictur`, which it does not have; did you mean `picture`?"
    assert message in str(failing(work, stub(**table)))


@pytest.mark.parametrize(
    ("hints", "effect"),
    [
        ({}, None),
        ({"title": "Read"}, None),
        ({"openWorldHint": True}, None),
        ({"readOnlyHint": True}, "read"),
        ({"readOnlyHint": True, "destructiveHint": True}, "read"),
        ({"readOnlyHint": False}, "write"),
        ({"idempotentHint": True}, "idempotent"),
        ({"destructiveHint": False}, "write"),
        ({"destructiveHint": True, "idempotentHint": True}, "idempotent"),
    ],
)
def test_an_effect_is_what_annotations_say(hints, effect):
    tool = Tool.model_validate({"name": "x", "inputSchema": {"type": "object"}, "annotations": hints})
    assert offered(tool, stub()).effect == effect
    assert offered(tool, stub(effects={"x": "pure"})).effect == "pure"


A, B = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("locked", "live", "message"),
    [
        ({"a": A}, {"a": A}, None),
        ({"a": A}, {"a": {**A, "description": "more", "title": "A"}}, None),
        ({"a": A}, {"a": A, "b": B}, None),
        ({"title": A}, {"title": B}, "its parameter `title` is another"),
        ({"a": A}, {"a": B}, "its parameter `a` is another"),
        ({"a": A, "b": B}, {"a": A}, "it has no parameter `b` any longer"),
    ],
)
def test_a_tool_may_change_as_long_as_old_calls_are_right(locked, live, message):
    def tool(properties, **more):
        return Offered("x", {"type": "object", "properties": properties, **more})

    assert change(tool(locked), tool(live)) == message


def test_a_tool_that_needs_more_or_gives_something_else():
    was = Offered("x", {"type": "object", "required": ["a"]}, {"type": "object"})
    assert change(was, Offered("x", {"required": ["b", "a"]}, {"type": "object"})) == "it now needs `b`"
    assert change(was, Offered("x", was.input, None)) == "it gives something else"
    assert change(was, Offered("x", was.input, {"type": "object", "description": "so"})) is None
