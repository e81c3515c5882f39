"""What targets offer, as flows see it: names, types, and the values that go either way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flowlang.agents.iso_durations import duration_of_iso, iso_of_duration
from flowlang.agents.offered_names import distinct, flow_name
from flowlang.agents.offered_types import (
    agent_names,
    arguments_of,
    description,
    reply_of,
    signature_of,
)
from flowlang.agents.offers import Offered
from flowlang.agents.schemas import MAX_LITERALS
from flowlang.plan.lower_types import Naming
from flowlang.semantics import types
from flowlang.semantics.types import show
from flowlang.values.codec import decode, encode
from flowlang.values.times import format_duration
from flowlang.values.value import Misfit


def parameter_type(schema: Any, **root: Any) -> types.Type:
    """The type of a parameter with a schema."""
    offered = Offered("f", {"properties": {"x": schema}, "required": ["x"], **root})
    (agent,) = description([offered], "here").agents
    return agent.parameters[0].type


def parameter(schema: Any, **root: Any) -> str:
    return show(parameter_type(schema, **root))


def result(schema: Any, **root: Any) -> str:
    (agent,) = description([Offered("f", {}, {**schema, **root})], "here").agents
    return show(agent.result)


TYPES = [
    ({"type": "string"}, "string"),
    ({"type": "integer"}, "int"),
    ({"type": "number"}, "float"),
    ({"type": "boolean"}, "bool"),
    ({"type": "null"}, "null"),
    ({"type": ["integer", "number"]}, "float"),
    ({"type": ["string", "null"]}, "string?"),
    ({"type": ["string", "integer"]}, "json"),
    ({"type": "string", "nullable": True}, "string?"),
    ({}, "json"),
    (True, "json"),
    ({"type": "string", "format": "date-time"}, "datetime"),
    ({"type": "string", "format": "duration"}, "duration"),
    ({"type": "string", "format": "uuid"}, "string"),
    ({"type": "string", "format": "binary"}, "file"),
    ({"type": "string", "format": "byte"}, "file"),
    ({"type": "string", "contentEncoding": "base64"}, "file"),
    ({"enum": ["a", "b"]}, '"a" | "b"'),
    ({"enum": ["a", None]}, '"a"?'),
    ({"enum": ["a", "b"], "nullable": True}, '("a" | "b")?'),
    ({"const": "a"}, '"a"'),
    ({"enum": [1, 2]}, "int"),
    ({"enum": [1, 2.5]}, "float"),
    ({"enum": [True]}, "bool"),
    ({"enum": [1, "a"]}, "json"),
    ({"const": None}, "null"),
    ({"type": "array", "items": {"type": "string"}}, "list<string>"),
    ({"type": "array"}, "list<json>"),
    ({"type": "array", "prefixItems": [{"type": "string"}]}, "list<json>"),
    ({"type": "object"}, "json"),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, "map<int>"),
    ({"type": "object", "additionalProperties": True}, "map<json>"),
    ({"type": "object", "additionalProperties": False}, "{}"),
    ({"properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, "{ a: string, b: json? }"),
    ({"properties": {"@id": {"type": "string"}, "if": {"type": "null"}}}, "{ id: string?, if: null }"),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string?"),
    ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "float"),
    ({"anyOf": [{"const": "a"}, {"const": "b"}]}, '"a" | "b"'),
    ({"anyOf": [{"type": "string"}, {"type": "array"}]}, "json"),
    ({"oneOf": [{"enum": ["a"]}, {"type": "string"}, {"type": "null"}]}, "string?"),
    ({"allOf": [{"type": "string"}], "description": "a name"}, "string"),
    (
        {"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "integer"}}}]},
        "{ a: string?, b: int? }",
    ),
    (
        {
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        "{ a: string?, b: string? }",
    ),
    ({"properties": {"a": {}}, "oneOf": [{"properties": {"b": {}}}, {"properties": {"c": {}}}]}, "json"),
    ({"not": {"type": "string"}}, "json"),
    ({"$ref": "#/nowhere"}, "json"),
    ({"$ref": "https://example.com/other.json"}, "json"),
    ({"$ref": "#"}, "json"),
    ({"type": "any"}, "json"),
]


@pytest.mark.parametrize(("schema", "expected"), TYPES, ids=lambda part: str(part)[:50])
def test_a_schema_means_a_type(schema: Any, expected: str) -> None:
    assert parameter(schema) == expected
    if isinstance(schema, dict):
        assert result(schema) == expected


TREE = {
    "properties": {"name": {"type": "string"}, "parts": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}
}


def test_references_give_types_their_names() -> None:
    page = {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}
    assert result({"$ref": "#/$defs/Page"}, **{"$defs": {"Page": page}}) == "Page"
    assert result({"$ref": "#/definitions/Page"}, definitions={"Page": page}) == "Page"
    assert result({"$ref": "#/components/schemas/Page"}, components={"schemas": {"Page": page}}) == "Page"
    assert result({**page, "title": "Page"}) == "Page"
    assert result({**page, "title": "A page"}) == "{ url: string }"
    assert result({"$ref": "#/$defs/string"}, **{"$defs": {"string": page}}) == "{ url: string }"


def test_what_is_referred_to_twice_does_not_contain_itself() -> None:
    base = {"properties": {"a": {"type": "string"}}, "required": ["a"]}
    both = {"allOf": [{"$ref": "#/$defs/Base"}, {"properties": {"up": {"$ref": "#/$defs/Base"}}}]}
    (agent,) = description([Offered("f", {}, {**both, "$defs": {"Base": base}})], "here").agents
    assert show(agent.result) == "{ a: string, up: Base? }"


def test_what_contains_itself_is_json_there() -> None:
    (agent,) = description(
        [Offered("f", {}, {"$ref": "#/$defs/Tree", "$defs": {"Tree": TREE}})], "here"
    ).agents
    assert isinstance(agent.result, types.Record)
    assert [show(field.type) for field in agent.result.fields] == ["string?", "list<json>?"]
    for cycle in ({"$ref": "#/$defs/A"}, {"allOf": [{"$ref": "#/$defs/A"}, {"type": "string"}]}):
        assert result({"$ref": "#/$defs/A"}, **{"$defs": {"A": cycle}}) in ("json", "string")


def test_one_name_stands_for_one_type() -> None:
    def offer(name: str, kind: str) -> Offered:
        return Offered(name, {}, {"title": "Thing", "properties": {"a": {"type": kind}}, "required": ["a"]})

    same, other = description([offer("a", "string"), offer("b", "string")], "here").agents
    assert (show(same.result), show(other.result)) == ("Thing", "Thing")
    one, two, three = description(
        [offer("a", "string"), offer("b", "integer"), offer("Thing", "null")], ""
    ).agents
    assert [show(a.result) for a in (one, two, three)] == ["{ a: string }", "{ a: int }", "{ a: null }"]


def test_names_are_those_of_the_language() -> None:
    names = [
        "read-file",
        "maxResults",
        "GET /items/{id}",
        "2nd",
        "größe",
        "for",
        "",
        "a b",
        "a-b",
        "a_b_2",
        "::",
    ]
    assert [flow_name(name) for name in names] == [
        "read_file", "maxResults", "GET_items_id", "_2nd", "groe", "for_", "unnamed",
        "a_b", "a_b", "a_b_2", "unnamed",
    ]  # fmt: skip
    assert distinct(["a", "b", "a", "a_2", "a"]) == ("a", "b", "a_2", "a_2_2", "a_3")
    assert agent_names([Offered("a.b", {}), Offered("a/b", {})]) == ("a_b", "a_b_2")


ORDER = Offered(
    "place-order",
    {
        "type": "object",
        "properties": {
            "customer-id": {"type": "string", "description": "who   orders"},
            "for": {"type": "string"},
            "note": {"type": "string"},
            "until": {"type": ["string", "null"], "format": "date-time"},
            "patience": {"type": "string", "format": "duration"},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"item-no": {"type": "integer"}, "gift": {"type": "boolean"}},
                    "required": ["item-no"],
                },
            },
            "id": {"type": "string", "readOnly": True},
        },
        "required": ["customer-id", "lines", "id"],
    },
    effect="write",
    doc="Place an order.\n\nAt once.",
)


def test_parameters_are_the_properties_of_the_input() -> None:
    (agent,) = description([ORDER], "here").agents
    assert (agent.name, agent.effect, agent.doc) == ("place_order", "write", "Place an order. At once.")
    assert [(p.name, show(p.type), p.required, p.doc) for p in agent.parameters] == [
        ("customer_id", "string", True, "who orders"),
        ("for_", "string?", False, None),
        ("note", "string?", False, None),
        ("until", "datetime?", False, None),
        ("patience", "duration?", False, None),
        ("lines", "list<{ item_no: int, gift: bool? }>", True, None),
    ]


def test_a_password_is_a_secret_where_it_is_a_parameter() -> None:
    password = {"type": "string", "format": "password"}
    login = {"properties": {"password": password, "old": password, "more": {"properties": {"pin": password}}}}
    (agent,) = description([Offered("f", {**login, "required": ["password"]}, login)], "here").agents
    assert [show(p.type) for p in agent.parameters] == [
        "secret<string>",
        "secret<string>?",
        "{ pin: string? }?",
    ]
    assert not types.contains(agent.result, types.Secret)


def test_arguments_go_by_the_names_of_the_target() -> None:
    given = {
        "customer_id": "c1",
        "for_": "Ada",
        "note": None,
        "until": None,
        "patience": "1h30m",
        "lines": [{"item_no": 1, "gift": None}, {"item_no": 2, "gift": True}],
    }
    assert arguments_of(ORDER, given) == {
        "customer-id": "c1",
        "for": "Ada",
        "until": None,
        "patience": "PT1H30M",
        "lines": [{"item-no": 1}, {"item-no": 2, "gift": True}],
    }
    assert arguments_of(ORDER, {"lines": []}) == {"lines": []}


def test_an_agent_may_take_any_arguments() -> None:
    anything = Offered("f", {"type": "object", "additionalProperties": True})
    (agent,) = description([anything], "here").agents
    assert [(p.name, show(p.type), p.required) for p in agent.parameters] == [
        ("arguments", "map<json>?", False)
    ]
    assert arguments_of(anything, {"arguments": {"any-thing": 1}}) == {"any-thing": 1}
    assert arguments_of(anything, {}) == {}
    (closed,) = description([Offered("f", {"type": "object", "properties": {}})], "here").agents
    assert closed.parameters == ()


def test_replies_get_the_names_of_the_language() -> None:
    schema = {
        "properties": {"item-no": {"type": "integer"}, "took": {"type": "string", "format": "duration"}},
        "required": ["item-no", "took"],
    }
    offered = Offered("f", {}, {"type": "array", "items": schema})
    assert result(offered.output or {}) == "list<{ item_no: int, took: duration }>"
    assert reply_of(offered, [{"item-no": 1, "took": "P1DT0.5S"}]) == [{"item_no": 1, "took": "1d0.5s"}]
    assert reply_of(offered, "nonsense") == "nonsense"
    assert reply_of(offered, [3, {"took": None}]) == [3, {"took": None}]


def test_content_in_base64_is_a_file() -> None:
    image = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}
    offered = Offered("f", {"properties": {"images": {"type": "array", "items": image}}}, image)
    signature = signature_of(offered)
    reference = {"hash": "sha256:0", "size": 1, "media_type": "image/png"}
    assert signature.arguments({"images": [reference]}, lambda r: r["hash"]) == {"images": ["sha256:0"]}
    assert signature.arguments({"images": [reference]}) == {"images": [reference]}
    assert signature.reply("QQ==", lambda text, kind: {"of": text, "kind": kind}) == {
        "of": "QQ==",
        "kind": "image/png",
    }
    (agent,) = description([Offered("f", {}, {"type": "string"}, file=True)], "here").agents
    assert show(agent.result) == "file"


CAT = {
    "properties": {"kind": {"const": "cat"}, "lives-left": {"type": "integer"}},
    "required": ["kind", "lives-left"],
}
DOG = {"properties": {"kind": {"const": "big.dog"}, "name": {"type": "string"}}, "required": ["kind"]}


def test_objects_that_a_property_tells_apart_are_a_tagged_union() -> None:
    offered = Offered(
        "f", {"properties": {"pet": {"$ref": "#/$defs/Pet"}}, "$defs": {"Pet": {"oneOf": [CAT, DOG]}}}
    )
    (agent,) = description([offered], "zoo.json").agents
    pet = agent.parameters[0].type
    assert show(pet) == "Pet?" and isinstance(pet, types.Optional) and isinstance(pet.inner, types.Union)
    assert [(c.name, [f.name for f in c.fields]) for c in pet.inner.cases] == [
        ("Cat", ["lives_left"]),
        ("Big_dog", ["name"]),
    ]
    told = arguments_of(offered, {"pet": {"case": "Cat", "lives_left": 9}})
    assert told == {"pet": {"kind": "cat", "lives-left": 9}}
    assert arguments_of(offered, {"pet": {"case": "Big_dog", "name": None}}) == {"pet": {"kind": "big.dog"}}
    heard = Offered("f", {}, {"title": "Pet", "anyOf": [CAT, DOG]})
    assert reply_of(heard, {"kind": "cat", "lives-left": 9}) == {"lives_left": 9, "case": "Cat"}
    assert reply_of(heard, {"kind": "cow"}) == {"kind": "cow"}


def test_openapi_tells_cases_apart_by_the_names_of_schemas() -> None:
    plain = {"properties": {"kind": {"type": "string"}, "n": {"type": "integer"}}, "required": ["kind"]}
    pet = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
        "discriminator": {"propertyName": "kind", "mapping": {"dog": "#/components/schemas/Dog"}},
    }
    root = {"components": {"schemas": {"Cat": plain, "Dog": plain, "Pet": pet}}}
    offered = Offered("f", {}, {"$ref": "#/components/schemas/Pet", **root})
    assert reply_of(offered, {"kind": "dog", "n": 1}) == {"kind": "dog", "n": 1, "case": "Dog"}
    assert reply_of(offered, {"kind": "Cat"})["case"] == "Cat"


def test_what_is_too_large_is_said() -> None:
    many = [Offered(f"f{n}", {}) for n in range(1_002)]
    told = description(many, "here")
    assert len(told.agents) == 1_000 and "more than 1,000" in told.mistakes[0].message
    wide = Offered("f", {"properties": {f"p{n}": {} for n in range(300)}})
    (mistake,) = description([wide], "here").mistakes
    assert mistake.agent == "f" and "200 parameters" in mistake.message
    assert parameter({"enum": [str(n) for n in range(MAX_LITERALS + 1)]}) == "string"


def test_a_schema_that_explodes_is_json() -> None:
    doubling = {f"D{n}": {"properties": {k: {"$ref": f"#/$defs/D{n + 1}"} for k in "ab"}} for n in range(60)}
    assert not types.is_too_large(parameter_type({"$ref": "#/$defs/D0"}, **{"$defs": doubling}))
    twice = {f"D{n}": {"allOf": [{"$ref": f"#/$defs/D{n + 1}"}] * 2} for n in range(60)}
    assert parameter({"$ref": "#/$defs/D0"}, **{"$defs": twice}) == "json"


KEYWORDS = """type enum const properties required items anyOf oneOf allOf $ref $defs title nullable format a b
    additionalProperties description discriminator propertyName readOnly prefixItems"""
WORDS = st.sampled_from(KEYWORDS.split())
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), WORDS,
    st.sampled_from(["string", "object", "array", "integer", "null", "duration"]),
    st.sampled_from(["#/$defs/a", "#/properties/a", "#"]),
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(WORDS, inside, max_size=5),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(WORDS, JSON, max_size=5), JSON)
def test_any_json_can_be_offered(schema: dict[str, Any], value: Any) -> None:
    offered = Offered("f", schema, schema)
    told = description([offered], "here")
    assert len(told.agents) + len(told.mistakes) == 1
    arguments_of(offered, dict.fromkeys("ab", value))
    reply_of(offered, value)


DEFS = st.sampled_from("ABCD")
REFERRING = st.recursive(
    st.sampled_from([{"type": "string"}, {"type": "integer", "nullable": True}, {"enum": ["a"]}])
    | DEFS.map(lambda name: {"$ref": f"#/$defs/{name}"}),
    lambda inside: st.one_of(
        st.dictionaries(st.sampled_from("xyz"), inside, min_size=1).map(lambda parts: {"properties": parts}),
        inside.map(lambda item: {"type": "array", "items": item}),
        st.lists(inside, min_size=1, max_size=3).map(lambda parts: {"allOf": parts}),
        st.lists(inside, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts}),
        st.tuples(DEFS, inside).map(
            lambda pair: {"$ref": f"#/$defs/{pair[0]}", "properties": {"w": pair[1]}}
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys("ABCD", REFERRING)), st.lists(REFERRING, min_size=2, max_size=5))
def test_an_offer_means_the_same_by_itself_and_among_others(defs: Any, outputs: list[Any]) -> None:
    offers = [Offered(f"f{n}", {}, {**schema, "$defs": defs}) for n, schema in enumerate(outputs)]
    for offered, agent in zip(offers, description(offers, "").agents, strict=True):
        assert signature_of(offered).result.type == agent.result


def schemas(depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas that types say exactly."""
    leaf = st.sampled_from(
        [
            *({"type": name} for name in ("string", "integer", "number", "boolean", "null")),
            {"type": "string", "format": "date-time"}, {"type": "string", "format": "duration"},
            {"enum": ["a", "b"]}, {"type": ["string", "null"]}, {"const": "c"},
        ]
    )  # fmt: skip
    if depth == 0:
        return leaf
    inner = schemas(depth - 1)
    names = st.sampled_from(["a", "b-c", "@d", "if"])
    records = st.dictionaries(names, inner, min_size=1, max_size=3).flatmap(
        lambda parts: st.sets(st.sampled_from(list(parts))).map(
            lambda needed: {
                "type": "object", "properties": parts, "required": sorted(needed),
                "additionalProperties": False,
            }
        )
    )  # fmt: skip
    return st.one_of(
        leaf,
        inner.map(lambda item: {"type": "array", "items": item}),
        inner.map(lambda item: {"type": "object", "additionalProperties": item}),
        records,
        inner.map(lambda one: {"anyOf": [one, {"type": "null"}]}),
    )


def values(type: Any) -> st.SearchStrategy[Any]:
    """Values of a type of the plan."""
    match type.kind:
        case "string":
            return st.text(alphabet="xyz", max_size=3)
        case "int":
            return st.integers(-9, 9)
        case "float":
            return st.integers(-9, 9).map(lambda n: n / 2)
        case "bool":
            return st.booleans()
        case "null":
            return st.none()
        case "datetime" | "duration":
            return st.integers(-(10**15), 10**15)
        case "enum":
            return st.sampled_from(type.values)
        case "list":
            return st.lists(values(type.item), max_size=2)
        case "map":
            return st.dictionaries(st.sampled_from("pq"), values(type.value), max_size=2)
        case "optional":
            return st.none() | values(type.inner)
        case "record":
            return st.fixed_dictionaries({field.name: values(field.type) for field in type.fields})
    raise AssertionError(type)


FORMATS = Draft202012Validator.FORMAT_CHECKER
assert {"date-time", "duration"} <= FORMATS.checkers.keys(), "their packages are not installed"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_fits_the_type_fits_the_schema_and_comes_back(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    offered = Offered("f", {"properties": {"x": schema}, "required": ["x"]}, schema)
    type = Naming({}).type(signature_of(offered).result.type)
    value = data.draw(values(type))
    sent = arguments_of(offered, {"x": encode(value, type)})
    Draft202012Validator(schema, format_checker=FORMATS).validate(sent["x"])
    assert decode(reply_of(offered, json.loads(json.dumps(sent["x"]))), type) == value


@settings(max_examples=200, deadline=None)
@given(st.integers(-(10**17), 10**17))
def test_durations_go_to_iso_and_back(microseconds: int) -> None:
    text = format_duration(microseconds)
    assert duration_of_iso(iso_of_duration(text)) == text


@pytest.mark.parametrize("text", ["P1Y", "P1M", "PT", "P", "P1DT", "", "PT1.S"])
def test_a_duration_that_has_no_length_is_left_alone(text: str) -> None:
    assert duration_of_iso(text) == text
    with pytest.raises(Misfit):
        decode(text, Naming({}).type(types.DURATION))
