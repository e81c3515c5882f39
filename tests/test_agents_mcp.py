"""MCP servers as agents: calls, replies and what is said meanwhile, with a stub that does as it is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import trio
import trio.testing

from flowlang.agents.mcp import hearing
from flowlang.agents.offers import Offered
from flowlang.agents.providers import Member
from flowlang.agents.secrets import Secrets
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentError, Said
from tests.support.mcp_desk import (
    FILE,
    INT,
    JSON,
    NULL,
    STRING,
    Desk,
    agent,
    at_a_desk,
    failing,
    stub,
)

LIST_OF_FILES = plan.ListType(item=FILE)
TOTAL = plan.RecordType(fields=(plan.FieldType(name="total", type=INT),))


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


MEETING = plan.RecordType(
    fields=(plan.FieldType(name="at", type=plan.ScalarType(kind="datetime")),), name=None
)


def test_times_without_an_offset_mean_what_flow_toml_says():
    async def work(opened: Desk) -> object:
        return await opened.use("meeting", MEETING)

    assert at_a_desk(work, stub(offset="+02:00")) == {"at": "2024-05-01T12:00:00+02:00"}
    error = failing(work)
    assert (error.error, error.fields["path"]) == ("BadOutput", "at")
    assert str(error).startswith(
        'mcp x: the reply of `meeting` does not fit: at: "2024-05-01T12:00:00" has no offset; say in'
    )


def test_a_reply_that_is_not_of_its_type_says_how_else_it_may_be_read():
    async def work(opened: Desk) -> object:
        return await opened.use("sum", MEETING, a=1)

    assert failing(work).message.endswith(
        'the field "at" is missing; `results = { sum = "file" }` below its target, or "text", would read it '
        "otherwise"
    )


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
            Offered("echo", {"properties": {"text": {"type": "string"}}, "required": ["text"]}),
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
