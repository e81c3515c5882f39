"""Documents behind a URL: fetched by `flow lock`, and needed no more by whoever checks and runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from support.http_service import Service, service

import flowlang
from flowlang.tools.cli import invoke

FLOW = """
use http shop = "shop"
flow main() -> json { return shop.look(id: "a b") }
"""

Lock = Callable[..., tuple[int, str]]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    with service() as made:
        Path("main.flow").write_text(FLOW)
        Path("flow.toml").write_text(f'[http.shop]\nopenapi = "{made.url}/openapi.json"\n')
        yield made


@pytest.fixture
def lock(shop: Service, capfd: pytest.CaptureFixture[str]) -> Lock:
    """`flow lock` while the service answers with a document; its exit code and what it says."""

    def locked(reply: Response, *options: str) -> tuple[int, str]:
        shop.replies.append(reply)
        capfd.readouterr()
        code = invoke(["lock", "main.flow", *options])
        return code, "".join(capfd.readouterr())

    return locked


def document(path: str = "/echo/{id}", **others: Any) -> Response:
    operation = {
        "operationId": "look",
        "parameters": [{"name": "id", "in": "path", "schema": {"type": "string"}}],
        "responses": {"200": {"content": {"application/json": {}}}},
    }
    return JSONResponse({"openapi": "3.1.0", "paths": {path: {"get": operation}}, **others})


NAMED = {"type": "object", "required": ["name"]} | {"properties": {"name": {"type": "string"}}}


def typed(schema: dict[str, Any]) -> Response:
    """A document of an operation that gives what the schema says."""
    content = {"application/json": {"schema": schema}}
    operation = {"operationId": "look", "responses": {"200": {"content": content}}}
    return JSONResponse({"openapi": "3.1.0", "paths": {"/next": {"get": operation}}})


def asked(shop: Service, reply: object) -> flowlang.Result:
    shop.replies.append(JSONResponse(reply))
    return flowlang.run_sync(flowlang.compile("main.flow"))


def test_a_service_that_is_not_what_was_locked_is_said(shop: Service, lock: Lock) -> None:
    step = "step found = shop.look()  return found.name"
    Path("main.flow").write_text(f'use http shop = "shop"\nflow main() -> string {{ {step} }}\n')
    assert lock(typed(NAMED))[0] == 0
    assert asked(shop, {"name": "ink"}).data == "ink"
    failure = asked(shop, {"title": "ink"}).failure
    assert failure is not None and failure.error == "BadOutput"
    assert failure.message == (
        "http shop: GET /next: the reply is not what the document of the service says: "
        'the field "name" is missing; `flow lock --check` shows whether that has changed since it was locked'
    )


def test_times_without_an_offset_mean_what_flow_toml_says(shop: Service, lock: Lock) -> None:
    Path("main.flow").write_text('use http shop = "shop"\nflow main() -> datetime { return shop.look() }\n')
    assert lock(typed({"type": "string", "format": "date-time"}))[0] == 0
    failure = asked(shop, "2024-05-01T12:00:00").failure
    assert failure is not None and failure.message == (
        "http shop: GET /next: the reply is not what the document of the service says: "
        '"2024-05-01T12:00:00" has no offset; say in flow.toml what its times mean: '
        '`offset = "Z"` for UTC, or "+02:00", below its target'
    )
    with Path("flow.toml").open("a") as config:
        config.write('offset = "+02:00"\n')
    assert asked(shop, "2024-05-01T12:00:00.5").data == "2024-05-01T10:00:00.5Z"
    assert asked(shop, "2024-05-01T12:00:00Z").data == "2024-05-01T12:00:00Z"


def test_what_is_locked_needs_no_document(shop: Service, lock: Lock) -> None:
    code, said = lock(document())
    assert code == 0, said
    assert invoke(["check", "main.flow"]) == 0
    result = flowlang.run_sync(flowlang.compile("main.flow"))
    assert result.data["path"] == "/echo/a%20b"
    assert [asked["path"] for asked in shop.asked] == ["/openapi.json", "/echo/a%20b"]


def test_a_server_is_told_in_the_document(shop: Service, lock: Lock) -> None:
    assert lock(document("/{id}", servers=[{"url": "/echo"}]))[0] == 0
    assert flowlang.run_sync(flowlang.compile("main.flow")).data["path"] == "/echo/a%20b"


def test_a_document_that_changes_is_seen_and_changes_nothing(shop: Service, lock: Lock) -> None:
    lock(document())
    code, said = lock(document("/echo/new/{id}"), "--check")
    assert code == 1 and "look" in said
    assert flowlang.run_sync(flowlang.compile("main.flow")).data["path"] == "/echo/a%20b"


EXPLODING = "\n".join(
    ["a0: &a0 {type: string}"]
    + [f"a{n}: &a{n} {{properties: {{x: *a{n - 1}, y: *a{n - 1}}}}}" for n in range(1, 40)]
    + ["openapi: 3.0.0", "paths:", "  /x:", "    get:", "      operationId: look"]
    + ["      responses: {200: {content: {application/json: {schema: *a39}}}}"]
)

WRONG = [
    (PlainTextResponse(EXPLODING), "`look` takes more than 8 MiB to describe"),
    (PlainTextResponse("openapi: 3.0.0\npaths:\n  /a: 3"), "openapi.json:3: `paths./a` is to be an object"),
    (PlainTextResponse("<html>"), "it holds no object"),
    (PlainTextResponse("{"), "openapi.json:1: it is not JSON"),
    (JSONResponse({"detail": "gone"}, 404), "404 Not Found: gone"),
    (Response("x" * (17 << 20)), "larger than 16,777,216 bytes; no document is read"),
]


@pytest.mark.parametrize(("reply", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_document_that_is_none_is_said(lock: Lock, reply: Response, message: str) -> None:
    code, said = lock(reply)
    assert code != 0 and message in said, said
    assert not Path("flow.lock").exists()


def test_a_server_that_is_gone_is_said(shop: Service, lock: Lock) -> None:
    Path("flow.toml").write_text('[http.shop]\nopenapi = "http://127.0.0.1:1/openapi.json"\n')
    code, said = lock(document())
    assert code != 0 and "127.0.0.1:1 cannot be reached" in said


def test_a_document_from_elsewhere_leads_into_no_private_network(shop: Service, lock: Lock) -> None:
    lock(document(servers=[{"url": "http://127.0.0.2:9/"}]))
    failure = flowlang.run_sync(flowlang.compile("main.flow")).failure
    assert failure is not None and "private address 127.0.0.2" in failure.message
    assert json.loads(Path("flow.lock").read_text())["targets"]["http"]["shop"]["look"]["effect"] == "read"
