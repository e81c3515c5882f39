"""MCP servers as agents: what becomes of calls, replies and faults, with a stub that does as it is told."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import Tool
from pydantic import ValidationError

from flowlang.agents.mcp import McpEntry, McpSettings, hearing, provider, stdio
from flowlang.agents.mcp.lines import END_BYTES, Lines, TooLong, request_answered
from flowlang.agents.mcp.tools import change, offered
from flowlang.agents.offers import Offered
from flowlang.agents.providers import Member, Target, Unfit
from flowlang.agents.secrets import Secrets
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentError, Said
from tests.support.mcp_desk import FILE, INT, JSON, NULL, STRING, Desk, agent, desk, gone, stub

LIST_OF_FILES = plan.ListType(item=FILE)
TOTAL = plan.RecordType(fields=(plan.FieldType(name="total", type=INT),))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdio, "LEAVING_SECONDS", 0.3)
    monkeypatch.setattr(stdio, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr(stdio, "ENDING_SECONDS", 0.3)


def at_a_desk(
    work: Callable[[Desk], Awaitable[object]], settings: McpSettings | None = None, **options: object
) -> object:
    """What some work at a server gives; the stub's if no settings say otherwise."""

    async def main() -> object:
        with trio.fail_after(30):
            async with desk(settings or stub(), **options) as opened:
                return await work(opened)

    return trio.run(main)


def failing(work: Callable[[Desk], Awaitable[object]], settings: McpSettings | None = None) -> AgentError:
    with pytest.raises(AgentError) as caught:
        at_a_desk(work, settings)
    return caught.value


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
    assert len(found) == 28, "from two pages"
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


# Replies


@pytest.mark.parametrize(
    ("result", "type", "expected"),
    [
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, STRING, "a\nb"),
        ({"content": []}, STRING, ""),
        ({"content": []}, NULL, None),
        ({"content": [{"type": "text", "text": "a"}]}, NULL, None),
        ({"content": []}, plan.OptionalType(inner=STRING), None),
        ({"content": [{"type": "text", "text": "x"}]}, plan.OptionalType(inner=STRING), "x"),
        ({"content": [{"type": "text", "text": "[1, 2]"}]}, JSON, [1, 2]),
        ({"content": [{"type": "text", "text": "[1, 2"}]}, JSON, "[1, 2"),
        ({"content": [{"type": "text", "text": "7"}]}, INT, 7),
        ({"content": [{"type": "text", "text": "7"}]}, STRING, "7"),
        ({"content": [], "structuredContent": {"total": 1}}, TOTAL, {"total": 1}),
        ({"content": [], "structuredContent": {"result": {"total": 1}}}, TOTAL, {"total": 1}),
        ({"content": [], "structuredContent": {"result": 1}}, JSON, {"result": 1}),
        ({"content": [], "structuredContent": {"result": [1]}}, plan.ListType(item=INT), [1]),
        ({"content": [{"type": "text", "text": "s"}], "structuredContent": {"result": "s"}}, STRING, "s"),
        (
            {"content": [{"type": "resource", "resource": {"uri": "x:y", "text": "inside"}}]},
            STRING,
            "inside",
        ),
        (
            {"content": [{"type": "image", "data": "", "mimeType": "a/b"}]},
            JSON,
            [{"type": "image", "data": "", "mimeType": "a/b"}],
        ),
    ],
)
def test_a_reply_is_read_by_the_declared_type(result, type, expected):
    async def work(opened: Desk) -> object:
        return await opened.declared("raw", type, text=json.dumps({"result": result}))

    assert at_a_desk(work) == expected


@pytest.mark.parametrize(
    ("result", "type", "message"),
    [
        ({"content": [{"type": "text", "text": "no"}]}, INT, "text that is not JSON: 'no'"),
        ({"content": []}, TOTAL, "text that is not JSON: nothing"),
        ({"content": []}, FILE, "it gave no contents where one file was expected"),
        (
            {"content": [{"type": "image", "data": "", "mimeType": "a/b"}]},
            STRING,
            "it gave image where text was expected: declare a `file`, or write results = { raw =",
        ),
        (
            {"content": [{"type": "image", "data": "%", "mimeType": "a/b"}]},
            FILE,
            "a content of type a/b is not in base64",
        ),
        ({"content": [{"type": "smell"}]}, STRING, "the reply is not what MCP says it is: content.0"),
        ({}, STRING, "the reply is not what MCP says it is: content: Field required"),
    ],
)
def test_a_reply_that_cannot_be_read_is_bad_output(result, type, message):
    async def work(opened: Desk) -> object:
        return await opened.declared("raw", type, text=json.dumps({"result": result}))

    error = failing(work)
    assert error.error == "BadOutput"
    assert str(error).startswith("mcp x: ") and message in str(error)
    assert error.fields == {"path": "", "message": error.message.removeprefix("mcp x: ")}


def test_structured_content_is_the_reply_of_a_tool_with_an_output_schema():
    async def work(opened: Desk) -> object:
        return await opened.use("sum", JSON, a=2, b=3)

    assert at_a_desk(work) == {"total": 5}


def test_flow_toml_says_how_a_reply_is_read(tmp_path):
    async def work(opened: Desk) -> list[object]:
        opened.files.folder = tmp_path
        text = json.dumps({"result": {"content": [{"type": "text", "text": "[1]"}]}})
        file = await opened.use("echo", FILE, text="kept")
        return [await opened.use("raw", JSON, text=text), opened.files.content(file)]

    assert at_a_desk(work, stub(results={"raw": "json", "echo": "file"})) == [[1], b"kept"]


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ("wrong", "Invalid structured content returned by tool wrong: 'many' is not of type 'integer'"),
        ("unstructured", "has an output schema but did not return structured content"),
    ],
)
def test_structured_content_that_does_not_fit_its_schema(tool, message):
    async def work(opened: Desk) -> object:
        return await opened.use(tool, JSON)

    error = failing(work)
    assert error.error == "BadOutput" and str(error).endswith(message)


def test_pictures_and_resources_are_files(tmp_path):
    async def work(opened: Desk) -> None:
        picture = await opened.declared("picture", FILE)
        assert picture["media_type"] == "image/png"
        assert opened.files.content(picture).startswith(b"\x89PNG")
        assert await opened.declared("pictures", LIST_OF_FILES) == [picture, picture]
        table = await opened.declared("linked", FILE)
        assert (table["media_type"], opened.files.content(table)) == ("text/csv", b"a,b\n1,2\n")
        text = await opened.declared("echo", FILE, text="plain")
        assert (text["media_type"], opened.files.content(text)) == ("text/plain", b"plain")
        nothing = await opened.declared(
            "raw", plan.OptionalType(inner=FILE), text='{"result":{"content":[]}}'
        )
        assert nothing is None

    at_a_desk(work, folder=tmp_path)


def test_a_file_is_given_by_its_path_where_a_text_is_wanted(tmp_path):
    async def work(opened: Desk) -> object:
        photo = await opened.declared("picture", FILE)
        path = await opened.declared("echo", types={"text": FILE}, text=photo)
        return Path(path).read_bytes()

    assert at_a_desk(work, folder=tmp_path).startswith(b"\x89PNG")


# Errors of a call


def test_an_error_of_the_tool_is_an_error_of_the_call():
    async def work(opened: Desk) -> object:
        with pytest.raises(AgentError, match="mcp x: the shop is closed") as caught:
            await opened.declared("fail")
        assert caught.value.error == "AgentFailed"
        return await opened.declared("echo", text="open")

    assert at_a_desk(work) == "open"


def test_an_error_may_be_a_declared_one():
    errors = {"NotFound": ("what",), "Closed": ("message",)}

    async def work(opened: Desk) -> list[AgentError]:
        found = []
        for tool in ("not_found", "fail"):
            with pytest.raises(AgentError) as caught:
                await opened.declared(tool, errors=errors, entry={"is closed": "Closed"})
            found.append(caught.value)
        return found

    named, mapped = at_a_desk(work)
    assert (named.error, named.fields) == ("NotFound", {"what": "a book"})
    assert (mapped.error, mapped.fields) == ("Closed", {"message": "the shop is closed"})


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (-32602, "AgentFailed", "it does not take these arguments: not like this"),
        (-32601, "AgentFailed", "it cannot do that: not like this"),
        (-32603, "AgentFailed", "not like this"),
        (42, "AgentFailed", "not like this"),
        (-32700, "BadOutput", "not like this"),
        (429, "Unavailable", "not like this"),
    ],
)
def test_a_refusal_is_an_error_of_the_call(code, error, message):
    async def work(opened: Desk) -> object:
        with pytest.raises(AgentError) as caught:
            await opened.declared("refuse", number=code)
        assert (caught.value.error, str(caught.value)) == (error, f"mcp x: {message}")
        assert opened.connections.made == 1
        return await opened.declared("echo", text="still there")

    assert at_a_desk(work) == "still there"


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("echo", {"words": "x"}, "the tool `echo` has no parameter `words`: it takes text"),
        ("hang", {"words": "x"}, "the tool `hang` has no parameter `words`: it takes none"),
        ("nope", {}, "the server has no tool `nope`; it has echo, raw, sum"),
        ("echo", {"text": "\ud800"}, "it does not take these arguments: they cannot be sent"),
    ],
)
def test_a_call_that_cannot_be_made(tool, arguments, message):
    async def work(opened: Desk) -> object:
        with pytest.raises(AgentError) as caught:
            await opened.declared(tool, **arguments)
        assert caught.value.error == "AgentFailed" and message in str(caught.value)
        return await opened.declared("echo", text="still there")

    assert at_a_desk(work) == "still there"


@pytest.mark.parametrize(
    ("locked", "message"),
    [
        (
            Offered("echo", {"properties": {"text": A}, "required": ["text"]}),
            "it has no parameter `text`",
        ),
        (Offered("gone", {}), "the server has no tool `gone`"),
    ],
)
def test_a_tool_that_is_not_what_it_was_when_it_was_locked(locked, message):
    async def work(opened: Desk) -> object:
        member = Member(locked.name, locked.name, agent(("text",), STRING), {}, locked)
        with pytest.raises(AgentError, match=message) as caught:
            await opened.call(member, {"text": "x"})
        assert str(caught.value).endswith("run `flow lock --update`")
        return await opened.declared("echo", words="as it is now")

    assert at_a_desk(work, stub("--other")) == "as it is now"


# What a server says


def test_what_a_server_says_meanwhile_is_told():
    async def work(opened: Desk) -> list[Said]:
        await opened.declared("say")
        return opened.said

    said = at_a_desk(work)
    assert set(said) == {
        Said("a line", "debug"),
        Said("of two", "debug"),
        Said('{"hot": true}', "error"),
        Said("half way", "info", 2.0, 5.0),
    }


def test_what_a_server_says_is_told_once():
    async def work(opened: Desk) -> list[Said]:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(opened.declared, "hang")
            await trio.testing.wait_all_tasks_blocked(0.05)
            await opened.declared("say")
            nursery.cancel_scope.cancel()
        return opened.said

    said = at_a_desk(work)
    assert len(said) == len(set(said)) == 4


def test_what_is_no_message_is_told_and_passed_over():
    async def work(opened: Desk) -> object:
        return await opened.declared("garbage"), [said.text for said in opened.said]

    reply, said = at_a_desk(work, stub("--chatty"))
    assert reply == "after all"
    assert said == [
        f"on its standard output, this is no message of MCP: {t}" for t in ("%% 12 of 13", "<html>")
    ]


def test_a_server_that_says_too_much_is_cut_short(monkeypatch):
    monkeypatch.setattr(hearing, "MOST_TOLD", 2)

    async def work(opened: Desk) -> list[str]:
        await opened.declared("say")
        return [said.text for said in opened.said]

    said = at_a_desk(work)
    assert len(said) == 3 and said[2] == "the server says more, which is left out"


def test_a_flood_of_words_is_read_and_left_out():
    async def work(opened: Desk) -> object:
        assert await opened.declared("flood", number=50_000) == "flooded"
        return len(opened.said)

    assert at_a_desk(work) <= hearing.MOST_TOLD + 1


NOTIFIED = {"jsonrpc": "2.0", "method": "notifications/progress"}


@pytest.mark.parametrize(
    "messages",
    [
        [[]],
        [{"jsonrpc": "2.0", "id": "nobody", "result": {}}, {"jsonrpc": "2.0", "id": 10**9, "result": {}}],
        [{"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "x"}}],
        [{**NOTIFIED}, {**NOTIFIED, "params": {"progressToken": True, "progress": "x"}}],
        [{**NOTIFIED, "params": {"progressToken": 10**6, "progress": 1e300, "total": "many"}}],
        [{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": {}}}],
        [{"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "loud", "data": None}}],
        [{"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}],
        [{"jsonrpc": "2.0", "method": "notifications/unheard/of", "params": {"a": [1]}}],
        [{"jsonrpc": "2.0", "id": 5, "method": "ping"}, {"jsonrpc": "2.0", "id": 5, "method": "no/such"}],
        [{"jsonrpc": "2.0", "id": 6, "method": "sampling/createMessage", "params": {"messages": 7}}],
        [{"jsonrpc": "1.0", "id": 1, "result": 3}, {"id": 1}, {"result": {}}, 3, "text", None, True],
    ],
)
def test_messages_that_mean_nothing_disturb_nothing(messages):
    async def work(opened: Desk) -> object:
        heard = await opened.declared("noise", text="\n".join(json.dumps(message) for message in messages))
        return heard, await opened.declared("echo", text="x"), opened.connections.made

    assert at_a_desk(work) == ("heard", "x", 1)


def test_what_a_server_asks_of_us_is_refused_in_a_reply():
    async def work(opened: Desk) -> object:
        return await opened.declared("ask", JSON)

    sampling, _, roots = at_a_desk(work)
    assert (sampling, roots) == ("Sampling not supported", "List roots not supported")


def test_roots_are_told_if_there_are_any(tmp_path):
    async def work(opened: Desk) -> object:
        return await opened.declared("ask", JSON)

    _, _, roots = at_a_desk(work, stub(roots=("notes",)), folder=tmp_path)
    assert roots == {"roots": [{"uri": (tmp_path / "notes").as_uri()}]}


# What a server gets


def test_a_server_sees_little_of_our_environment(monkeypatch):
    monkeypatch.setenv("OUR_TOKEN", "hidden")
    monkeypatch.setenv("NODE_OPTIONS", "--x")

    async def work(opened: Desk) -> object:
        return await opened.declared("environment", JSON)

    secrets = Secrets({"KEY": {"env": "OUR_TOKEN"}})
    assert not {"OUR_TOKEN", "NODE_OPTIONS"} & at_a_desk(work).keys()
    settings = stub(env={"TOKEN": "x-{secrets.KEY}"}, inherit=("NODE_*",))
    seen = at_a_desk(work, settings, secrets=secrets)
    assert seen["NODE_OPTIONS"] == "--x" and seen["PATH"] == os.environ["PATH"]
    assert seen["TOKEN"] == "x-***", "it got the secret, and what it says comes without"


def test_a_server_runs_where_its_table_says(tmp_path):
    (tmp_path / "below").mkdir()

    async def work(opened: Desk) -> object:
        return await opened.declared("folder")

    assert at_a_desk(work, stub(cwd="below"), folder=tmp_path) == str(tmp_path / "below")
    assert at_a_desk(work, stub(), folder=tmp_path) == str(Path.cwd())
    assert at_a_desk(work, stub(), cwd=tmp_path) == str(tmp_path)


def test_a_server_is_told_the_key_of_a_call():
    async def work(opened: Desk) -> object:
        return await opened.declared("key", JSON)

    assert at_a_desk(work)["flowlang/idempotencyKey"] == "key-1"


# Faults of a server


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            stub("--exit"),
            "the server did not start: it ended with exit code 3: loading / the key of the shop is missing",
        ),
        (stub("--silent", start_timeout=0.5), "the server was not ready after 0.5 s, its `start_timeout`"),
        (
            stub("--silent", "--chatty", start_timeout=1.5),
            '[1, 2] / on its standard output, this is no message of MCP: {"hello": 1}',
        ),
        (stub("--old"), "Unsupported protocol version from the server: 1999-01-01"),
        (stub("--endless"), "its list of tools has no end: 2,800 so far"),
        (stub(cwd="nowhere"), "nowhere, which is not a folder"),
        (McpSettings(command=("no-such-server",)), "the program `no-such-server` was not found"),
        (McpSettings(command=("/dev/null",)), "`/dev/null` may not be executed"),
        (McpSettings(command=(sys.executable, "-c", "print('hello')")), "it ended with exit code 0"),
        (stub(env={"A": "{secrets.NO_SUCH}"}), "flow.toml has no secret `NO_SUCH`"),
    ],
)
def test_a_server_that_does_not_start_is_unavailable(settings, message):
    async def work(opened: Desk) -> object:
        return await opened.declared("echo", text="x")

    error = failing(work, settings)
    assert error.error == "Unavailable" and message in str(error)
    assert str(error).startswith("mcp x: ")


def test_a_server_that_breaks_off_when_it_is_asked_what_it_speaks(tmp_path):
    pids = tmp_path / "pids"

    async def work(opened: Desk) -> object:
        return await opened.declared("echo", text="x"), len(pids.read_text().split())

    assert at_a_desk(work, stub("--strict", "--pids", str(pids))) == ("x", 2)


def test_a_server_that_dies_fails_its_calls_and_the_next_starts_it_anew():
    async def work(opened: Desk) -> object:
        async with trio.open_nursery() as nursery:
            for tool in ("hang", "hang", "die"):
                nursery.start_soon(unavailable, opened, tool)
        assert await opened.declared("echo", text="again") == "again"
        return opened.connections.made

    async def unavailable(opened: Desk, tool: str) -> None:
        with pytest.raises(AgentError) as caught:
            await opened.declared(tool)
        assert caught.value.error == "Unavailable"
        assert str(caught.value) == "mcp x: the server is gone: it was ended by SIGKILL: out of memory"

    assert at_a_desk(work) == 2


def test_a_server_that_is_killed_between_calls_is_started_anew_for_the_next(tmp_path):
    pids = tmp_path / "pids"

    async def work(opened: Desk) -> object:
        await opened.declared("echo", text="x")
        os.kill(int(pids.read_text()), signal.SIGKILL)
        await trio.to_thread.run_sync(trio.run, gone, pids)
        return await opened.declared("echo", text="back"), opened.connections.made

    assert at_a_desk(work, stub("--pids", str(pids))) == ("back", 2)


def test_a_server_that_no_longer_listens_is_given_up():
    async def work(opened: Desk) -> object:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(opened.declared, "deaf")
            while not opened.said:
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        with pytest.raises(AgentError, match="the server is gone: its streams are closed"):
            await opened.declared("echo", text="x")
        return await opened.declared("echo", text="back")

    assert at_a_desk(work) == "back"


def test_a_server_that_no_longer_speaks_is_given_up():
    async def work(opened: Desk) -> object:
        with pytest.raises(AgentError, match="the server is gone: its streams are closed"):
            await opened.declared("mute")
        return await opened.declared("echo", text="back")

    assert at_a_desk(work) == "back"


def test_many_calls_share_a_connection():
    async def work(opened: Desk) -> None:
        async def call(number: int) -> None:
            assert await opened.declared("echo", text=f"{number}") == f"{number}"

        async with trio.open_nursery() as nursery:
            for number in range(300):
                nursery.start_soon(call, number)
        assert opened.connections.made == 1

    at_a_desk(work)


def test_a_reply_that_is_cut_off_is_an_error_of_its_call():
    async def work(opened: Desk) -> object:
        with pytest.raises(AgentError, match="this is no message of MCP") as caught:
            await opened.declared("half")
        assert caught.value.error == "BadOutput"
        return await opened.declared("echo", text="x"), opened.connections.made

    assert at_a_desk(work) == ("x", 1)


def test_a_reply_that_is_too_large_is_an_error_of_its_call():
    async def work(opened: Desk) -> object:
        with pytest.raises(AgentError, match="larger than 100,000 bytes, its `max_reply_bytes`") as caught:
            await opened.declared("huge", number=1_000_000)
        assert caught.value.error == "BadOutput"
        return len(await opened.declared("huge", number=90_000)), opened.connections.made

    assert at_a_desk(work, stub(max_reply_bytes=100_000)) == (90_000, 1)


def test_a_call_that_is_given_up_is_cancelled_there_and_others_go_on():
    async def work(opened: Desk) -> object:
        await opened.declared("echo", text="x")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(opened.declared, "hang")
            await trio.testing.wait_all_tasks_blocked(0.05)
            nursery.cancel_scope.cancel()
        return len(await opened.declared("cancelled", JSON)), opened.connections.made

    assert at_a_desk(work) == (1, 1)


@pytest.mark.parametrize("ways", [(), ("--family",), ("--stubborn",), ("--stubborn", "--family")])
def test_nothing_of_a_server_is_left(ways, tmp_path):
    pids = tmp_path / "pids"

    async def work(opened: Desk) -> object:
        return await opened.declared("echo", text="x")

    at_a_desk(work, stub(*ways, "--pids", str(pids)))
    assert trio.run(gone, pids)


@pytest.mark.parametrize("when", ["starting", "calling"])
def test_nothing_is_left_when_a_host_is_cancelled(when, tmp_path):
    pids = tmp_path / "pids"
    ways = ("--silent",) if when == "starting" else ()

    async def main() -> None:
        with trio.fail_after(10), trio.move_on_after(1):
            async with desk(stub(*ways, "--stubborn", "--family", "--pids", str(pids))) as opened:
                await opened.declared("hang")

    trio.run(main)
    assert trio.run(gone, pids)


# Lines

MESSAGES = st.one_of(
    st.binary(max_size=50),
    st.text(max_size=50).map(str.encode),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"]), inner
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.integers(1, 2_000).map(lambda depth: b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * depth),
)


@given(MESSAGES)
def test_whatever_a_server_writes_is_a_message_or_told(line):
    heard = hearing.Hearing(str)
    program = stdio.Program(["x"], Path(), {}, (), heard, 1_000)
    message = program._message(line)
    assert message is not None or heard.last_words() or not line.strip()


@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"_"))),
    st.lists(st.integers(0, 200)),
    st.integers(1, 20),
)
def test_lines_come_out_as_they_were_however_they_came_in(lines, cuts, limit):
    whole = b"".join(line + b"\n" for line in lines)
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    reader = Lines(limit)
    pieces = [whole[a:b] for a, b in itertools.pairwise(places)]
    found = [line for piece in pieces for line in reader.add(piece)]
    assert [isinstance(line, TooLong) for line in found] == [len(line) > limit for line in lines]
    for line, expected in zip(found, lines, strict=True):
        if isinstance(line, TooLong):
            assert expected.startswith(line.head) and expected.endswith(line.tail)
        else:
            assert line == expected


def test_of_a_line_that_is_too_long_its_ends_are_kept():
    reader = Lines(1_000)
    line = b'{"jsonrpc":"2.0","id":7,"result":"' + b"x" * 5_000 + b'"}'
    found = [part for start in range(0, len(line), 100) for part in reader.add(line[start : start + 100])]
    assert found == []
    (found,) = reader.add(b"\n")
    assert found == TooLong(line[:END_BYTES], line[-END_BYTES:]) and found.answers == 7
    assert [*reader.add(b"next\n")] == [b"next"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('{"jsonrpc":"2.0","id":12,"result":{', 12),
        ('{ "jsonrpc": "2.0", "id": 12, "error": {', 12),
        ('{"id":12,"jsonrpc":"2.0","result":{}}', 12),
        ('ext"}]},"jsonrpc":"2.0","id":12}', 12),
        ('ext"}]},"id":12,"jsonrpc":"2.0"}\n', 12),
        ('{"result":{"id":5}}', None),
        ('{"result":"\\"id\\":5}', None),
        ("Listening on port 80", None),
        ("", None),
    ],
)
def test_which_request_a_broken_message_answers(text, number):
    assert request_answered(text.encode()) == number
