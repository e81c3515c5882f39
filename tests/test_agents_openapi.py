"""OpenAPI documents -> agents: names, parameters, results, effects, and what is wrong with a document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlang.agents.describe import describe
from flowlang.agents.http_route import Place, Route, route_of
from flowlang.agents.offered_types import description
from flowlang.agents.offers import Offered
from flowlang.agents.openapi import offers_of
from flowlang.agents.openapi_text import NoDocument, line_of, read_text
from flowlang.semantics.types import show

YAML = """\
openapi: 3.0.3
info: { title: shop, version: "1" }
servers: [{ url: "https://{region}.shop.test/v1", variables: { region: { default: eu } } }]
x-common: &common
  400: { description: no }
paths:
  /items/{id}:
    parameters:
      - { name: id, in: path, required: true, schema: { type: string } }
      - { name: lang, in: query, schema: { type: string } }
    get:
      operationId: get-item
      x-widget: { target: 1, put: 2 }
      summary: Look at an item.
      description: Not shown.
      deprecated: true
      parameters:
        - { name: lang, in: query, description: two letters, schema: { type: string, enum: [de, en] } }
        - { name: id, in: query, schema: { type: integer } }
        - { name: Authorization, in: header, schema: { type: string } }
        - { $ref: "#/components/parameters/Since" }
      responses:
        <<: *common
        200: { content: { application/json: { schema: { $ref: "#/components/schemas/Item" } } } }
    delete:
      responses: { 204: { description: gone } }
    put:
      requestBody: { content: { application/octet-stream: {} } }
      responses: { 200: { description: ok, content: { text/plain: {} } } }
  /items:
    post:
      operationId: addItem
      x-flow-effect: idempotent
      requestBody:
        required: true
        content: { application/json: { schema: { $ref: "#/components/schemas/Item" } } }
      responses:
        200: { description: was there, content: { application/json: { schema: { type: integer } } } }
        201: { description: made, content: { application/json: { schema: { type: integer } } } }
        204: { description: nothing }
  /photos:
    post:
      operationId: addPhoto
      parameters: [{ name: Idempotency-Key, in: header, schema: { type: string } }]
      requestBody:
        content:
          multipart/form-data:
            schema:
              type: object
              required: [photo]
              properties: { photo: { type: string, format: binary }, title: { type: string } }
      responses: { 200: { description: ok, content: { image/png: {} } } }
components:
  parameters:
    Since: { name: since, in: query, schema: { type: string, format: date-time } }
  schemas:
    Item:
      type: object
      required: [id, name]
      properties:
        id: { type: string, readOnly: true }
        name: { type: string }
        price: { type: number, nullable: true }
        parts: { type: array, items: { $ref: "#/components/schemas/Item" } }
    Unused: { type: string }
"""


def shop() -> dict[str, Offered]:
    document, _ = read_text(YAML.encode())
    return {offered.name: offered for offered in offers_of(document)}


def signatures(offers: tuple[Offered, ...]) -> list[str]:
    def parameters(agent: Any) -> str:
        return ", ".join(f"{p.name}{'' if p.required else '?'}: {show(p.type)}" for p in agent.parameters)

    agents = description(offers, "shop.yaml").agents
    return [f"{agent.name}({parameters(agent)}) -> {show(agent.result)} {agent.effect}" for agent in agents]


def test_operations_are_agents() -> None:
    assert signatures(tuple(shop().values())) == [
        'get_item(id: string, lang?: ("de" | "en")?, id_query?: int?, since?: datetime?) -> Item read',
        "delete_items_id(id: string, lang?: string?) -> null idempotent",
        "put_items_id(id: string, lang?: string?, body?: file?) -> string idempotent",
        "addItem(name: string, price?: float?, "
        "parts?: list<{ name: string, price: float?, parts: list<json>? }>?) -> int? idempotent",
        "addPhoto(photo?: file?, title?: string?) -> file idempotent",
    ]


def test_an_offer_holds_all_that_a_call_needs() -> None:
    found = shop()
    item = Offered.from_json(json.loads(json.dumps(found["get-item"].to_json())))
    assert item == found["get-item"]
    assert route_of(item) == Route(
        "GET",
        "/items/{id}",
        "https://eu.shop.test/v1",
        places={
            "id": Place("path", "id", "simple", False),
            "lang": Place("query", "lang", "form", True),
            "id_query": Place("query", "id", "form", True),
            "since": Place("query", "since", "form", True),
        },
    )
    assert (item.output or {})["components"]["schemas"].keys() == {"Item"}
    assert item.doc == "Deprecated. Look at an item."
    photo = route_of(found["addPhoto"])
    assert photo is not None and (photo.body, photo.key_header) == ("multipart", "Idempotency-Key")


def document(**operation: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "paths": {"/x": {"post": operation}}}


def only(**operation: Any) -> str:
    (signature,) = signatures(offers_of(document(**operation)))
    return signature


def json_body(schema: Any, **others: Any) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}, **others}


BODIES = [
    ({"type": "array", "items": {"type": "string"}}, "body: list<string>"),
    ({"type": "object", "additionalProperties": {"type": "string"}}, "body: map<string>"),
    ({"properties": {"a": {"type": "string"}}, "required": ["a"]}, "a: string"),
    ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": True}}]}, "a?: json?, b?: json?"),
    ({"anyOf": [{"properties": {"a": {}}}, {"type": "null"}]}, "body: { a: json? }?"),
    ({}, "body: json"),
]


@pytest.mark.parametrize(("schema", "expected"), BODIES)
def test_a_body_is_its_properties_or_a_parameter(schema: Any, expected: str) -> None:
    assert only(**json_body(schema)) == f"post_x({expected}) -> json write"


def test_a_body_with_a_name_that_is_taken_stays_whole() -> None:
    parameters = [{"name": "a", "in": "query", "schema": {"type": "string"}}]
    body = json_body({"properties": {"a": {"type": "integer"}}}, parameters=parameters)
    assert only(**body) == "post_x(a?: string?, body: { a: int? }) -> json write"


def test_any_kind_of_content_is_json_if_its_schema_is_no_content() -> None:
    def reply(kind: str, schema: Any) -> Any:
        return {"responses": {"200": {"content": {kind: {"schema": schema}}}}}

    number, content = {"type": "integer"}, {"type": "string", "format": "binary"}
    assert only(**reply("*/*", number)) == "post_x() -> int write"
    assert only(**reply("*/*", content)) == "post_x() -> file write"
    assert only(**reply("application/pdf", number)) == "post_x() -> file write"
    (offered,) = offers_of(document(requestBody={"content": {"*/*": {"schema": number}}}))
    route = route_of(offered)
    assert route is not None and (route.body, route.media_type) == ("json", None)


def test_a_path_may_be_referred_to() -> None:
    root = {"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/components/pathItems/A"}}}
    root["components"] = {"pathItems": {"A": {"get": {"operationId": "look"}}}}
    assert [offered.name for offered in offers_of(root)] == ["look"]


def test_operations_of_one_name_get_numbers() -> None:
    twice = {"openapi": "3.0.0", "paths": {f"/{n}": {"get": {"operationId": "same"}} for n in "ab"}}
    assert [offered.name for offered in offers_of(twice)] == ["same", "same_2"]


def test_servers_are_found_from_where_the_document_is() -> None:
    root = document() | {"servers": [{"url": "/v2"}]}
    (offered,) = offers_of(root, "https://a.test/docs/openapi.json")
    assert (route := route_of(offered)) is not None and route.server == "https://a.test/v2"
    (offered,) = offers_of(document(), "https://a.test/docs/openapi.json")
    assert (route := route_of(offered)) is not None and route.server == "https://a.test/"


PATHS = "openapi: 3.0.0\npaths:\n"
WRONG = [
    ("{", "it is not JSON: expecting property name enclosed in double quotes", 1),
    ("openapi: 3.0.0\npaths: [", "it is not YAML: ", 2),
    ("", "it is empty", None),
    ("- a", "it holds no object", None),
    ('swagger: "2.0"', "it is a Swagger 2 document", 1),
    ("paths: {}", "it has no `openapi`", None),
    ("openapi: 4.0.0", "it is of OpenAPI 4.0.0", 1),
    ("openapi: 3.0.0\npaths: {}", "it has no operations", 2),
    (PATHS + "  /a: 3", "`paths./a` is to be an object", 3),
    (PATHS + "  /a:\n    get: []", "`paths./a.get` is to be an object", 4),
    (PATHS + "  /a:\n    get:\n      parameters: 3", "`paths./a.get.parameters` is to be a list", 5),
    (
        PATHS + "  /a:\n    get:\n      parameters:\n        - {name: x}",
        "`paths./a.get.parameters.0` needs a `name`, and `in`",
        5,
    ),
    (
        PATHS + "  /a:\n    get:\n      requestBody: {$ref: 'other.yaml#/x'}",
        "`paths./a.get.requestBody` refers to another file",
        5,
    ),
    (
        PATHS + "  /a:\n    get:\n      parameters: [{$ref: '#/nowhere'}]",
        "`paths./a.get.parameters.0` is no object, or refers to none",
        5,
    ),
    (PATHS + "  /a:\n    get: {x-flow-effect: harmless}", "`paths./a.get.x-flow-effect` is pure", 4),
    ("a: &a [*a]\nopenapi: 3.0.0", "it has no operations", None),
    ("[" * 100_000, "it is not JSON: it is nested too deeply", None),
    ("a: " + "[" * 5_000, "it is nested too deeply", None),
    ('{"openapi": "3.0.0", "info": "\\ud800"}', "half of a character", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "line"), WRONG, ids=[message for _, message, _ in WRONG])
def test_what_is_wrong_with_a_document_is_said_with_its_place(
    text: str, message: str, line: int | None
) -> None:
    with pytest.raises(NoDocument) as wrong:
        found, _ = read_text(text.encode())
        offers_of(found)
    assert message in wrong.value.message
    assert (wrong.value.line or line_of(text, wrong.value.path)) == line


def test_no_text_is_too_much() -> None:
    with pytest.raises(NoDocument, match="larger than 16 MiB"):
        read_text(b" " * (17 << 20))
    with pytest.raises(NoDocument, match="larger than 2 MiB of YAML"):
        read_text(b"a: " + b"x" * (2 << 20))
    with pytest.raises(NoDocument, match="not UTF-8 at byte 1"):
        read_text(b"a\xff")


def test_aliases_do_not_explode() -> None:
    lines = ["a0: &a0 {type: string}"]
    lines += [
        f"a{n}: &a{n} {{properties: {{x: *a{n - 1}, y: *a{n - 1}, z: *a{n - 1}}}}}" for n in range(1, 40)
    ]
    lines += [
        "openapi: 3.0.0",
        "paths: {/x: {get: {responses: {200: {content: {application/json: {schema: *a39}}}}}}}",
    ]
    found, _ = read_text("\n".join(lines).encode())
    assert len(description(offers_of(found), "here").agents) == 1


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4))
WORDS = """get post /a/{b} parameters requestBody responses 200 content application/json schema $ref name in
    servers url components schemas operationId type properties paths"""
KEYS = st.sampled_from(WORDS.split())
PARTS = st.recursive(
    LEAVES | st.sampled_from(["#/components/schemas/a", "path", "query", "object", "#/paths"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(KEYS, inside, max_size=4),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, PARTS, max_size=4), PARTS)
def test_any_document_is_read_or_refused(operation: dict[str, Any], components: Any) -> None:
    root = document(**operation) | {"components": components}
    try:
        offers = offers_of(root)
    except NoDocument:
        return
    description(offers, "here")
    for offered in offers:
        assert route_of(Offered.from_json(json.loads(json.dumps(offered.to_json())))) == route_of(offered)


# Through the checker


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "flow.toml").write_text("")
    (tmp_path / "shop.yaml").write_text(YAML)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_checker_reads_a_document_beside_the_flow(project: Path) -> None:
    told = describe("http", "shop.yaml", "main.flow")
    assert told.path == "shop.yaml" and len(told.agents) == 5 and not told.mistakes


def test_the_checker_reads_the_document_that_flow_toml_names(project: Path) -> None:
    (project / "flow.toml").write_text(
        '[http.shop]\nopenapi = "shop.yaml"\n[http.bare]\nbase = "https://a.test"\n'
    )
    (project / "flows").mkdir()
    assert len(describe("http", "shop", "flows/main.flow").agents) == 5
    (mistake,) = describe("http", "bare", "main.flow").mistakes
    assert "names no document" in mistake.message


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("missing.yaml", "no such file"),
        ("../outside.yaml", "outside the project"),
        (".", "it cannot be read"),
        ("https://shop.test/openapi.json", "not known yet what http"),
    ],
)
def test_a_document_that_cannot_be_had_is_said(project: Path, target: str, message: str) -> None:
    (project.parent / "outside.yaml").write_text(YAML)
    (mistake,) = describe("http", target, "main.flow").mistakes
    assert message in mistake.message and mistake.help != ""


def test_a_document_that_changes_is_read_again(project: Path) -> None:
    assert len(describe("http", "shop.yaml", "main.flow").agents) == 5
    (project / "shop.yaml").write_text("openapi: 3.0.0\npaths: {/a: {get: {}}}")
    assert [agent.name for agent in describe("http", "shop.yaml", "main.flow").agents] == ["get_a"]


def test_each_operation_stands_in_a_line(project: Path) -> None:
    lines = YAML.splitlines()
    agents = describe("http", "shop.yaml", "main.flow").agents
    assert [lines[(agent.line or 0) - 1].strip() for agent in agents] == [
        "get:",
        "delete:",
        "put:",
        "post:",
        "post:",
    ]
    document, _ = read_text(YAML.encode())
    (project / "shop.json").write_text(json.dumps(document, indent=1))
    lines = (project / "shop.json").read_text().splitlines()
    agents = describe("http", "shop.json", "main.flow").agents
    assert [lines[(agent.line or 0) - 1].split('"')[1] for agent in agents] == [
        "get",
        "delete",
        "put",
        "post",
        "post",
    ]
    (project / "shop.json").write_text(json.dumps(document))
    assert {agent.line for agent in describe("http", "shop.json", "main.flow").agents} == {1}
