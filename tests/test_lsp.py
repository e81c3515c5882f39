"""The language server at the other end of a pipe: what it can do, and that nothing can bring it down."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pygls")

from support.lsp import PATIENCE_SECONDS, PULLED, PUSHED, ROOT, Client, server

LIB = "/// Doubles a number.\nflow double(n: int) -> int {\n  return n * 2\n}\n"
MAIN = """\
import "lib.flow" as lib

/// Finds a page.
agent find(url: string, limit: int = 3) -> string effect read

flow main(url: string) -> int {
  step page = find(url: url)
  step size = lib.double(n: page.size())
  return size
}
"""
OPTIONS = {"options": {"tabSize": 2, "insertSpaces": True}}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client whose editor can do next to everything; each test uses files of its own."""
    folder = tmp_path_factory.mktemp("workspace")
    capabilities = {
        "textDocument": {
            "publishDiagnostics": {"versionSupport": True},
            "completion": {"completionItem": {"snippetSupport": True}},
            "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
            "semanticTokens": {
                "augmentsSyntaxTokens": True,
                "requests": {},
                "tokenTypes": [],
                "tokenModifiers": [],
                "formats": [],
            },
            "rename": {"prepareSupport": True},
        },
        "workspace": {"workspaceEdit": {"documentChanges": True}},
    }
    with server() as made:
        made.initialize(folder, capabilities, initializationOptions={"commands": ["flow.run"]})
        made.folder = folder  # type: ignore[attr-defined]
        yield made


@pytest.fixture
def uri(client: Client, request: pytest.FixtureRequest) -> str:
    """A document of its own for each test, with `lib.flow` beside it, both opened."""
    folder = client.folder / request.node.name.split("[")[0]  # type: ignore[attr-defined]
    folder.mkdir(exist_ok=True)
    (folder / "lib.flow").write_text(LIB)
    (folder / "main.flow").write_text(MAIN)
    uri = (folder / "main.flow").as_uri()
    client.open(uri, MAIN)
    return uri


def codes(found: list[dict[str, object]]) -> list[object]:
    return [each["code"] for each in found]


def edit(line: int, start: int, end: int, text: str) -> dict[str, object]:
    """A change within a line."""
    return {
        "range": {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}},
        "text": text,
    }


# Diagnostics


def test_diagnostics_follow_the_text_and_say_of_which_version_they_are(client, uri):
    assert client.diagnostics(uri, 1) == []
    found = client.diagnostics(uri, client.change(uri, edit(8, 9, 13, "sice")))
    assert codes(found) == ["E201"]
    assert found[0]["range"] == {"start": {"line": 8, "character": 9}, "end": {"line": 8, "character": 13}}
    assert found[0]["source"] == "flow"
    assert client.diagnostics(uri, client.change(uri, edit(8, 9, 13, "size"))) == []


def test_an_importer_hears_of_a_mistake_that_an_edit_of_another_file_makes(client, uri):
    library = uri.replace("main.flow", "lib.flow")
    client.open(library, LIB)
    client.change(library, edit(1, 12, 13, "m"), edit(2, 9, 10, "m"))
    assert codes(client.diagnostics(uri)) != []
    client.close(library)  # and so it is what stands on disk again
    assert client.diagnostics(uri) == []


def test_what_another_request_has_looked_at_is_told_all_the_same(client, uri):
    library = uri.replace("main.flow", "lib.flow")
    client.open(library, LIB)
    assert client.diagnostics(uri, 1) == []
    client.change(library, edit(1, 12, 13, "m"), edit(2, 9, 10, "m"))
    client.request("workspace/symbol", query="main")  # has all files checked
    assert codes(client.diagnostics(uri)) != []
    client.close(library)


def test_a_client_that_asks_is_told_when_to_ask_again(tmp_path):
    (tmp_path / "lib.flow").write_text(LIB)
    uri, library = ((tmp_path / name).as_uri() for name in ("main.flow", "lib.flow"))
    capabilities = PULLED | {"workspace": {"diagnostics": {"refreshSupport": True}}}
    with server() as client:
        client.initialize(tmp_path, capabilities)
        client.open(uri, MAIN)
        client.open(library, LIB)
        first = client.about("textDocument/diagnostic", uri)
        assert first["items"] == []
        client.change(library, edit(1, 12, 13, "m"), edit(2, 9, 10, "m"))
        client.wait_for_request("workspace/diagnostic/refresh")
        again = client.about("textDocument/diagnostic", uri, previousResultId=first["resultId"])
        assert codes(again["items"]) != []


def test_files_that_nobody_has_opened_have_diagnostics_too(tmp_path):
    (tmp_path / "broken.flow").write_text("flow f() { return nobody }\n")
    with server() as client:
        client.initialize(tmp_path)
        assert codes(client.diagnostics((tmp_path / "broken.flow").as_uri())) == ["E201"]
        (tmp_path / "broken.flow").unlink()
        event = {"uri": (tmp_path / "broken.flow").as_uri(), "type": 3}
        client.notify("workspace/didChangeWatchedFiles", changes=[event])
        assert client.diagnostics((tmp_path / "broken.flow").as_uri()) == []


def test_a_client_that_asks_is_told_once_and_then_that_nothing_has_changed(tmp_path):
    (tmp_path / "other.flow").write_text("flow f() { return nobody }\n")
    uri = (tmp_path / "main.flow").as_uri()
    with server() as client:
        client.initialize(tmp_path, PULLED)
        client.open(uri, "flow g() { return nothing }\n")
        first = client.about("textDocument/diagnostic", uri)
        assert (first["kind"], codes(first["items"])) == ("full", ["E201"])
        again = client.about("textDocument/diagnostic", uri, previousResultId=first["resultId"])
        assert again == {"kind": "unchanged", "resultId": first["resultId"]}
        whole = client.request("workspace/diagnostic", previousResultIds=[])
        assert {Path(each["uri"]).name: codes(each["items"]) for each in whole["items"]} == {
            "main.flow": ["E201"],
            "other.flow": ["E201"],
        }
        client.change(uri, {"text": "flow g() { return null }\n"})
        last = client.about("textDocument/diagnostic", uri, previousResultId=first["resultId"])
        assert (last["kind"], last["items"]) == ("full", [])


def test_a_client_that_does_not_watch_files_hears_of_their_changes(tmp_path):
    (tmp_path / "tools.py").write_text("def one() -> int:\n    return 1\n")
    text = 'use python tools = "tools.py"\nflow main() -> int {\n  step a = tools.one()\n  return a\n}\n'
    uri = (tmp_path / "main.flow").as_uri()
    with server() as client:
        client.initialize(tmp_path)
        client.open(uri, text)
        assert client.diagnostics(uri, 1) == []
        (tmp_path / "tools.py").write_text("def two() -> int:\n    return 1\n")
        assert codes(client.diagnostics(uri)) == ["E201"]


def test_an_unsaved_document_has_no_neighbours(client):
    text = 'import "lib.flow" as lib\nuse python tools = "tools.py"\nflow main() { step a = tools.x() }\n'
    client.open("untitled:new", text)
    found = client.diagnostics("untitled:new", 1)
    assert any("save this file first" in each["message"] for each in found)
    client.close("untitled:new")


# Requests, each as an editor would use it


def test_completion_inserts_a_call_with_places_for_its_arguments(client, uri):
    client.change(uri, edit(6, 14, 28, "fi"))
    found = client.at("textDocument/completion", uri, 6, 16)
    item = next(each for each in found["items"] if each["label"] == "find")
    assert item["textEdit"]["range"] == {
        "start": {"line": 6, "character": 14},
        "end": {"line": 6, "character": 16},
    }
    assert item["textEdit"]["newText"].startswith("find(")


def test_hover_and_signature_help(client, uri):
    found = client.at("textDocument/hover", uri, 6, 16)
    assert "find(url: string" in found["contents"]["value"]
    assert "Finds a page." in found["contents"]["value"]
    help = client.at("textDocument/signatureHelp", uri, 6, 22)
    assert help["signatures"][0]["label"].startswith("find(")
    assert help["activeParameter"] == 0


def test_definition_references_and_highlights_across_files(client, uri):
    (target,) = client.at("textDocument/definition", uri, 7, 20)
    assert target["uri"].endswith("/lib.flow")
    assert target["range"]["start"] == {"line": 1, "character": 5}
    found = client.at("textDocument/references", uri, 7, 20, context={"includeDeclaration": True})
    names = sorted((Path(each["uri"]).name, each["range"]["start"]["line"]) for each in found)
    assert names == [("lib.flow", 1), ("main.flow", 7)]
    marks = client.at("textDocument/documentHighlight", uri, 6, 8)
    assert [mark["range"]["start"]["line"] for mark in marks] == [6, 7]
    ranges = client.at("textDocument/linkedEditingRange", uri, 6, 8)["ranges"]
    assert [each["start"]["line"] for each in ranges] == [6, 7]


def test_rename_changes_all_files_and_refuses_what_is_no_name(client, uri):
    place = client.at("textDocument/prepareRename", uri, 7, 20)
    assert place["placeholder"] == "double"
    changed = client.at("textDocument/rename", uri, 7, 20, newName="twice")["documentChanges"]
    assert sorted(Path(each["textDocument"]["uri"]).name for each in changed) == ["lib.flow", "main.flow"]
    versions = {Path(each["textDocument"]["uri"]).name: each["textDocument"]["version"] for each in changed}
    assert versions == {"lib.flow": None, "main.flow": 1}
    asked = {"textDocument": {"uri": uri}, "position": {"line": 5, "character": 1}}
    assert client.failing("textDocument/prepareRename", **asked) == -32803
    asked["position"] = {"line": 7, "character": 20}
    assert client.failing("textDocument/rename", **asked, newName="no name") == -32803


def test_calls_lead_up_and_down(client, uri):
    (item,) = client.at("textDocument/prepareCallHierarchy", uri, 5, 6)
    assert item["name"] == "main"
    down = client.request("callHierarchy/outgoingCalls", item=item)
    assert sorted(each["to"]["name"] for each in down) == ["double", "find"]
    double = next(each["to"] for each in down if each["to"]["name"] == "double")
    up = client.request("callHierarchy/incomingCalls", item=double)
    assert "main" in [each["from"]["name"] for each in up]


def test_the_outline_the_folds_and_the_links(client, uri):
    found = client.about("textDocument/documentSymbol", uri)
    assert [each["name"] for each in found] == ["lib", "find", "main"]
    assert [each["name"] for each in found[2]["children"]] == ["url", "page", "size"]
    folds = client.about("textDocument/foldingRange", uri)
    assert {"startLine": 5, "endLine": 8} in folds
    (link,) = client.about("textDocument/documentLink", uri)
    assert link["target"].endswith("/lib.flow")
    assert any(each["name"] == "double" for each in client.request("workspace/symbol", query="dbl"))
    (grown,) = client.about("textDocument/selectionRange", uri, positions=[{"line": 8, "character": 10}])
    assert grown["range"]["start"] == {"line": 8, "character": 9}
    assert grown["parent"]["range"]["start"] == {"line": 8, "character": 2}


def test_a_path_that_begins_with_two_slashes_is_a_path(client, uri):
    client.change(uri, {"text": 'use python tools = "//nowhere/tools.py"\n'})
    (link,) = client.about("textDocument/documentLink", uri)
    assert link["target"] == "file:///nowhere/tools.py"


def test_tokens_in_full_as_a_difference_and_of_a_range(client, uri):
    first = client.about("textDocument/semanticTokens/full", uri)
    assert len(first["data"]) % 5 == 0
    client.change(uri, edit(8, 2, 2, "let more = size\n  "))
    delta = client.about("textDocument/semanticTokens/full/delta", uri, previousResultId=first["resultId"])
    (change,) = delta["edits"]
    patched = first["data"][:]
    patched[change["start"] : change["start"] + change["deleteCount"]] = change["data"]
    assert patched == client.about("textDocument/semanticTokens/full", uri)["data"]
    unknown = client.about("textDocument/semanticTokens/full/delta", uri, previousResultId="no")
    assert unknown["data"] == patched
    inside = {"start": {"line": 6, "character": 0}, "end": {"line": 7, "character": 0}}
    part = client.about("textDocument/semanticTokens/range", uri, range=inside)["data"]
    assert part[0] == 6
    assert sum(part[5::5]) == 0


def test_formatting_of_all_of_a_part_and_while_typing(client, uri):
    client.change(uri, {"text": "type A={a:int}\n\ntype B={b:int}\n\nflow f()->int { return 1 }\n"})
    assert len(client.about("textDocument/formatting", uri, **OPTIONS)) == 3
    part = {"start": {"line": 2, "character": 0}, "end": {"line": 2, "character": 3}}
    (change,) = client.about("textDocument/rangeFormatting", uri, range=part, **OPTIONS)
    assert change["range"]["start"]["line"] == 2
    typed = client.at("textDocument/onTypeFormatting", uri, 4, 26, ch="}", **OPTIONS)
    assert {each["range"]["start"]["line"] for each in typed} == {4}


def test_hints_and_lenses(client, uri):
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    assert ": string" in [each["label"] for each in client.about("textDocument/inlayHint", uri, range=whole)]
    (lens,) = client.about("textDocument/codeLens", uri)
    assert lens["command"]["command"] == "flow.run"
    assert lens["command"]["arguments"][0]["name"] == "main"


def test_what_is_misspelt_can_be_mended_by_an_action(client, uri):
    client.change(uri, edit(8, 9, 13, "sice"))
    place = {"start": {"line": 8, "character": 10}, "end": {"line": 8, "character": 10}}
    found = client.about("textDocument/codeAction", uri, range=place, context={"diagnostics": []})
    best = next(each for each in found if each.get("isPreferred"))
    assert best["diagnostics"][0]["code"] == "E201"
    (change,) = best["edit"]["documentChanges"][0]["edits"]
    assert change["newText"] == "size"
    kinds = {each["kind"] for each in found}
    assert not any(kind.startswith("source") for kind in kinds)
    context = {"diagnostics": [], "only": ["source"]}
    (all_at_once,) = client.about("textDocument/codeAction", uri, range=place, context=context)
    assert all_at_once["kind"] == "source.fixAll"


def test_the_picture_of_a_flow_stays_while_the_file_is_broken(client, uri):
    made = client.about("flow/graph", uri)
    assert (made["flow"], made["flows"], made["current"]) == ("main", ["main"], True)
    assert made["nodes"][0]["range"]["start"]["line"] == 6
    assert [(each["source"], each["target"]) for each in made["edges"]] == [
        ("page", "size"),
        ("size", "!return"),
    ]
    client.change(uri, edit(8, 9, 13, "("))
    old = client.about("flow/graph", uri)
    assert (old["current"], old["svg"]) == (False, made["svg"])
    assert client.about("flow/graph", uri, flow="nobody") is None
    assert client.failing("flow/graph") == -32602
    assert client.failing("flow/graph", textDocument={"uri": uri}, position="x") == -32602


def test_the_last_run_is_shown_beside_the_text(tmp_path):
    (tmp_path / "main.flow").write_text(
        "flow main() -> int {\n  step five = one()\n  return five\n}\nagent one() -> int effect read\n"
    )
    (tmp_path / "flow.toml").write_text('[agents.one]\ncommand = ["echo", "5"]\n')
    store = str(tmp_path / "runs.db")
    command = [sys.executable, "-m", "flowlang", "run", str(tmp_path / "main.flow"), "--store", store]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PATIENCE_SECONDS).returncode == 0
    uri = (tmp_path / "main.flow").as_uri()
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}}
    with server(FLOW_STORE=store) as client:
        capabilities = PUSHED | {"workspace": {"codeLens": {"refreshSupport": True}}}
        options = {"commands": ["flow.show"], "lastRun": True}
        client.initialize(tmp_path, capabilities, initializationOptions=options)
        client.open(uri, (tmp_path / "main.flow").read_text())
        client.wait_for_request("workspace/codeLens/refresh")
        (lens,) = client.about("textDocument/codeLens", uri)
        assert lens["command"]["title"].startswith("done ")
        hints = client.about("textDocument/inlayHint", uri, range=whole)
        assert "= 5" in [hint["label"] for hint in hints]
        stopped = {"frameId": 1, "stoppedLocation": whole}
        (value,) = client.about("textDocument/inlineValue", uri, range=whole, context=stopped)
        assert value["text"] == "= 5"


def test_the_tables_of_the_environment_hold_that_the_editor_names(tmp_path):
    for name, operation in (("dev", "look"), ("prod", "find")):
        paths = {"/x": {"get": {"operationId": operation, "responses": {}}}}
        (tmp_path / f"{name}.json").write_text(json.dumps({"openapi": "3.1.0", "paths": paths}))
    (tmp_path / "flow.toml").write_text(
        '[http.shop]\nopenapi = "dev.json"\n[env.prod.http.shop]\nopenapi = "prod.json"\n'
    )
    text = 'use http shop = "shop"\nflow main() -> json {\n  step a = shop.find()\n  return a\n}\n'
    (tmp_path / "main.flow").write_text(text)
    uri = (tmp_path / "main.flow").as_uri()
    for environment, expected in (("prod", []), ("", ["E201"]), (3, ["E201"])):
        with server() as client:
            client.initialize(tmp_path, PULLED, initializationOptions={"environment": environment})
            client.open(uri, text)
            assert codes(client.about("textDocument/diagnostic", uri)["items"]) == expected


# Positions


def test_positions_count_utf_16_unless_something_else_was_agreed_on():
    text = 'flow f() -> string {\n  let a = "😀é" return nobody\n}\n'
    for encodings, start in ([], 23), (["utf-8"], 26), (["utf-32"], 22):
        with server() as client:
            general = {"general": {"positionEncodings": encodings}} if encodings else {}
            result = client.initialize(None, PUSHED | general)
            assert result["capabilities"]["positionEncoding"] == (encodings or ["utf-16"])[0]
            client.open("untitled:one", text)
            (found,) = client.diagnostics("untitled:one")
            assert found["range"]["start"]["character"] == start


def test_edits_in_lines_of_every_kind(client, uri):
    client.change(uri, {"text": "// 😀\r\nflow f() -> int {\r  return 1\n}"})
    client.change(uri, edit(0, 5, 5, "!"), edit(2, 9, 10, "nobody"), edit(99, 0, 9, "\n"), edit(0, 4, 4, "?"))
    # the two halves of a character are one: what is put between them stands before it
    (found,) = client.diagnostics(uri, client.versions[uri])
    assert found["range"] == {"start": {"line": 2, "character": 9}, "end": {"line": 2, "character": 15}}
    tokens = client.about("textDocument/semanticTokens/full", uri)["data"]
    assert tokens[:3] == [1, 0, 4]


@pytest.mark.parametrize(
    "method", ["hover", "completion", "definition", "signatureHelp", "prepareCallHierarchy"]
)
@pytest.mark.parametrize(("line", "character"), [(10_000, 0), (0, 10_000), (9, 1), (2**31 - 1, 2**31 - 1)])
def test_a_position_behind_the_end_is_no_mistake(client, uri, method, line, character):
    client.at(f"textDocument/{method}", uri, line, character)


# What nobody should send


@pytest.mark.parametrize(
    "method", ["hover", "documentSymbol", "foldingRange", "semanticTokens/full", "codeLens"]
)
@pytest.mark.parametrize("uri", ["file:///nowhere/at/all.flow", "nonsense", "", "file://", "git:/a.flow?x"])
def test_an_unknown_document_is_answered_with_nothing(client, method, uri):
    assert client.at(f"textDocument/{method}", uri, 0, 0) is None


def test_documents_may_be_changed_and_closed_that_were_never_opened(client, uri):
    gone = uri.replace("main", "never")
    client.change(gone, {"text": "flow"})
    client.close(gone)
    client.close(gone)
    client.open(uri, MAIN)  # once more
    assert client.about("textDocument/documentSymbol", uri)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"jsonrpc": "2.0", "id": 7001, "method": "textDocument/nonsense", "params": {}}, -32601),
        ({"jsonrpc": "2.0", "id": 7002, "method": "textDocument/hover", "params": {}}, -32602),
        ({"jsonrpc": "2.0", "id": 7003, "method": "textDocument/hover", "params": [1]}, -32602),
        ({"jsonrpc": "2.0", "id": 7004, "method": "textDocument/hover"}, -32602),
        ({"jsonrpc": "2.0", "id": 7005, "method": "initialize", "params": {"capabilities": {}}}, -32600),
        (
            {"jsonrpc": "2.0", "id": 7006, "method": "textDocument/hover",
             "params": {"textDocument": {"uri": "a:b"}, "position": {"line": -1, "character": "x"}}},
            -32602,
        ),
        (
            {"jsonrpc": "2.0", "id": 7007, "method": "workspace/executeCommand", "params": {"command": "x"}},
            -32602,
        ),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense_has_an_answer(client, message, code):
    client.send(message)
    assert client.answer(message["id"]).error["code"] == code


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"7",
        b"\xff\xfe",
        b"null",
        b'{"jsonrpc": "1.0"}',
        b'{"jsonrpc": "2.0"}',
        b"[" * 100_000,
        b'{"id": 1}',
    ],
)
def test_a_message_that_is_none_is_answered_with_an_error_of_nobody(client, body):
    client.responses.pop(None, None)
    client.send_bytes(body)
    assert client.answer(None).error["code"] in (-32700, -32600)


def test_notifications_that_make_no_sense_are_passed_over(client, uri):
    client.notify("textDocument/didOpen")
    client.notify("textDocument/didChange", textDocument={"uri": uri}, contentChanges="x")
    client.notify("$/cancelRequest", id=99_999)
    client.notify("$/whatever")
    client.notify("workspace/didChangeWatchedFiles", changes=[{"uri": "file:///nowhere.flow", "type": 1}])
    assert client.about("textDocument/documentSymbol", uri)


def test_a_request_can_be_cancelled_and_the_next_is_answered(client, uri):
    ids = [client.ask("workspace/symbol", {"query": "x"}) for _ in range(20)]
    for id in ids:
        client.notify("$/cancelRequest", id=id)
    errors = {(client.answer(id).error or {}).get("code") for id in ids}
    assert errors <= {None, -32800}
    assert client.about("textDocument/documentSymbol", uri)


def test_a_request_about_a_text_that_has_changed_since_is_dropped_or_right(client, uri):
    hover = {"textDocument": {"uri": uri}, "position": {"line": 6, "character": 16}}
    ids = []
    for _ in range(20):
        ids.append(client.ask("textDocument/hover", hover))
        client.change(uri, edit(0, 0, 0, "// one more line\n"))
        client.change(uri, {"text": MAIN})
    answers = [client.answer(id) for id in ids]
    assert {(each.error or {}).get("code") for each in answers} <= {None, -32801}
    assert all("find" in each.result["contents"]["value"] for each in answers if each.result)


def test_of_very_many_mistakes_the_first_are_told(client, uri):
    client.open(uri, "type T = int\n" * 3_000)
    assert len(client.diagnostics(uri, 1)) == 1_000


def test_files_that_are_large_or_no_text(client, uri):
    folder = Path(uri.removeprefix("file://")).parent
    (folder / "binary.flow").write_bytes(b"\x00\xff\xfe" * 100)
    binary = (folder / "binary.flow").as_uri()
    assert client.about("textDocument/documentSymbol", binary) is None
    client.open(binary, "\x00\ud83d \ufffe" * 1000)
    assert client.diagnostics(binary, 1)
    large = (folder / "large.flow").as_uri()
    client.open(large, "// " + "x" * 2_000_000)
    assert codes(client.diagnostics(large, 1)) == ["E003"]
    assert client.about("textDocument/documentSymbol", large) == []
    client.open(uri, "flow " + "{" * 50_000)
    assert client.diagnostics(uri, 1)
    client.close(binary)
    client.close(large)


# Its life


def test_before_initialize_and_after_shutdown_requests_are_refused():
    with server() as client:
        assert client.failing("textDocument/hover") == -32002
        client.notify("textDocument/didOpen")
        client.initialize()
        client.request("shutdown")
        assert client.failing("workspace/symbol", query="x") == -32600
        client.notify("exit")
        assert client.process.wait(PATIENCE_SECONDS) == 0


def test_leaving_without_a_shutdown_is_an_error():
    with server() as client:
        client.initialize()
        client.notify("exit")
        assert client.process.wait(PATIENCE_SECONDS) == 1


def test_it_ends_when_the_client_hangs_up():
    with server() as client:
        client.initialize()
        client.open("untitled:a", MAIN)
        client.process.stdin.close()
        client.process.wait(PATIENCE_SECONDS)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes end otherwise here")
def test_it_ends_when_the_process_of_the_client_is_gone():
    idle = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with server() as client:
        client.initialize(processId=idle.pid)
        idle.send_signal(signal.SIGKILL)
        idle.wait()
        client.process.wait(PATIENCE_SECONDS)


def test_it_serves_one_client_over_tcp_and_ends_with_it():
    command = [sys.executable, "-m", "flowlang", "lsp", "--tcp", "127.0.0.1:0"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    try:
        address = process.stderr.readline().decode().rsplit(" ", 1)[1]
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connection:
            body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}'
            connection.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert b"Content-Length" in connection.recv(65536)
        process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()


def test_an_address_that_cannot_be_had_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for address in (f"127.0.0.1:{taken.getsockname()[1]}", "nonsense", "127.0.0.1:99999"):
            command = [sys.executable, "-m", "flowlang", "lsp", "--tcp", address]
            run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
            assert run.returncode != 0
            assert "Traceback" not in run.stderr


def test_without_its_packages_it_says_what_to_install(tmp_path):
    (tmp_path / "pygls").mkdir()
    (tmp_path / "pygls" / "__init__.py").write_text("raise ModuleNotFoundError('no', name='pygls')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "flowlang", "lsp"]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert run.stderr.strip().endswith("pip install 'flowlang[lsp]'")
