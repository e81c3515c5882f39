"""The codec: JSON at a boundary, values inside, and the words for what does not fit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlang.plan import model as plan
from flowlang.values.codec import decode, encode, parse_argument, read_json, widen, write_json
from flowlang.values.schema import schema
from flowlang.values.value import MAX_BOUNDARY, MAX_INT, MIN_INT, Misfit, normalise

STRING, INT, FLOAT, BOOL, NULL, DURATION, DATETIME, JSON, FILE = (
    plan.ScalarType(kind=kind)
    for kind in ("string", "int", "float", "bool", "null", "duration", "datetime", "json", "file")
)


def list_of(item: plan.Type) -> plan.ListType:
    return plan.ListType(item=item)


def map_of(value: plan.Type) -> plan.MapType:
    return plan.MapType(value=value)


def optional(inner: plan.Type) -> plan.OptionalType:
    return plan.OptionalType(inner=inner)


def fields(**types: plan.Type) -> tuple[plan.FieldType, ...]:
    return tuple(plan.FieldType(name=name, type=type) for name, type in types.items())


def record(name: str | None = None, **types: plan.Type) -> plan.RecordType:
    return plan.RecordType(name=name, fields=fields(**types))


VERDICT = plan.EnumType(values=("accept", "revise"), name="Verdict")
SOURCE = record("Source", url=STRING, score=FLOAT, published=optional(DATETIME))
OUTCOME = plan.UnionType(
    name="Outcome",
    cases=(
        plan.CaseType(name="Published", fields=fields(url=STRING, wait=optional(DURATION))),
        plan.CaseType(name="Rejected"),
    ),
)

GOOD = [
    (STRING, "a", "a"),
    (INT, 3, 3),
    (INT, 3.0, 3),
    (FLOAT, 3, 3.0),
    (FLOAT, 2.5, 2.5),
    (BOOL, True, True),
    (NULL, None, None),
    (DURATION, "1h30m", 5_400_000_000),
    (DATETIME, "2024-05-01T14:00:00+02:00", 1_714_564_800_000_000),
    (JSON, {"a": [1, None, 2.5]}, {"a": [1, None, 2.5]}),
    (
        FILE,
        {"hash": "sha256:00", "size": 3, "media_type": "text/plain", "more": 1},
        {"hash": "sha256:00", "size": 3, "media_type": "text/plain"},
    ),
    (VERDICT, "accept", "accept"),
    (list_of(FLOAT), [1, 2.5], [1.0, 2.5]),
    (list_of(INT), (1, 2), [1, 2]),
    (map_of(DURATION), {"a": "30s"}, {"a": 30_000_000}),
    (optional(INT), None, None),
    (plan.SecretType(inner=STRING), "key", "key"),
    (SOURCE, {"score": 1, "url": "u", "extra": []}, {"url": "u", "score": 1.0, "published": None}),
    (
        OUTCOME,
        {"case": "Published", "url": "u", "wait": "1s", "x": 1},
        {"case": "Published", "url": "u", "wait": 1_000_000},
    ),
    (OUTCOME, {"case": "Rejected"}, {"case": "Rejected"}),
]


@pytest.mark.parametrize(("type", "outside", "inside"), GOOD)
def test_what_fits_is_read(type, outside, inside):
    found = decode(outside, type)
    assert repr(found) == repr(inside)
    assert decode(encode(found, type), type) == found


BAD = [
    (STRING, 1, "", "expected a string, found an int (1)"),
    (INT, "1", "", 'expected an int, found a string ("1")'),
    (INT, 2.5, "", "expected an int, found a float (2.5)"),
    (INT, True, "", "expected an int, found a bool (true)"),
    (INT, MAX_INT + 1, "", "9223372036854775808 does not fit a 64-bit int"),
    (INT, 1e300, "", "expected an int, found a float (1e+300)"),
    (FLOAT, float("inf"), "", "inf is not a finite number"),
    (FLOAT, True, "", "expected a float, found a bool (true)"),
    (BOOL, 1, "", "expected a bool, found an int (1)"),
    (NULL, 0, "", "expected null, found an int (0)"),
    (STRING, "\ud800", "", "the string is not valid UTF-8: it holds half of a surrogate pair"),
    (DURATION, 30, "", "expected a duration, found an int (30)"),
    (DURATION, "30 s", "", '"30 s" is no duration; write one like 30s, 1h30m or 2d'),
    (
        DATETIME,
        "2024-05-01",
        "",
        '"2024-05-01" is a day; a datetime has a time and an offset too, like 2024-05-01T00:00:00Z',
    ),
    (VERDICT, "acept", "", 'expected one of "accept", "revise", found a string ("acept")'),
    (list_of(INT), {"a": 1}, "", "expected a list, found an object with 1 field"),
    (list_of(INT), [1, "x"], "[1]", 'expected an int, found a string ("x")'),
    (map_of(INT), {"a b": None}, '["a b"]', "expected an int, found null"),
    (map_of(INT), {1: 1}, "", "a key must be a string, not an int (1)"),
    (SOURCE, {"url": "u"}, "", 'the field "score" is missing'),
    (SOURCE, [], "", "expected Source, found an empty list"),
    (
        list_of(SOURCE),
        [{"url": "u", "score": "high"}],
        "[0].score",
        'expected a float, found a string ("high")',
    ),
    (
        OUTCOME,
        {"url": "u"},
        "",
        'expected Outcome, an object whose "case" is one of "Published", "Rejected"; it has no "case"',
    ),
    (
        OUTCOME,
        {"case": "Posted"},
        "case",
        'expected one of "Published", "Rejected", found a string ("Posted")',
    ),
    (OUTCOME, {"case": "Published", "url": 1}, "url", "expected a string, found an int (1)"),
    (record(a=JSON), {"a": {"b": {1}}}, "a.b", "a set is not plain data"),
    (JSON, {"a": [10**30]}, "a[0]", "a number of 100 bits does not fit a 64-bit int"),
    (list_of(STRING), ["x" * 1000] * 1100, "", "the value is larger than 1 MiB of JSON, or nests too deep"),
]


@pytest.mark.parametrize(("type", "outside", "path", "message"), BAD, ids=lambda part: str(part)[:40])
def test_what_does_not_fit_says_where(type, outside, path, message):
    with pytest.raises(Misfit) as caught:
        decode(outside, type)
    assert (caught.value.path, caught.value.message) == (path, message)


def test_long_texts_are_cut_in_messages():
    with pytest.raises(Misfit) as caught:
        decode("x" * 1000, INT)
    assert len(str(caught.value)) < 100
    with pytest.raises(Misfit) as caught:
        decode("\x1b[31m\n", INT)
    assert str(caught.value) == 'expected an int, found a string ("\\u{1b}[31m\\u{a}")'


WIDENED = [
    (FLOAT, 1, 1.0),
    (FLOAT, None, None),
    (optional(FLOAT), None, None),
    (list_of(FLOAT), [1, 2.5], [1.0, 2.5]),
    (map_of(list_of(FLOAT)), {"a": [1]}, {"a": [1.0]}),
    (record(a=FLOAT, b=optional(INT)), {"a": 1}, {"a": 1.0, "b": None}),
    (list_of(INT), [1], [1]),
    (OUTCOME, {"case": "Rejected"}, {"case": "Rejected"}),
]


@pytest.mark.parametrize(("type", "narrow", "wide"), WIDENED)
def test_widening(type, narrow, wide):
    before = repr(narrow)
    assert repr(widen(narrow, type)) == repr(wide)
    assert repr(narrow) == before


ARGUMENTS = [
    (STRING, "42", "42"),
    (STRING, "null", "null"),
    (STRING, "", ""),
    (optional(STRING), "null", "null"),
    (plan.SecretType(inner=STRING), '"x"', '"x"'),
    (INT, "1_000", 1000),
    (INT, "-3", -3),
    (FLOAT, "3", 3.0),
    (FLOAT, "1e3", 1000.0),
    (BOOL, "true", True),
    (optional(INT), "null", None),
    (optional(INT), "7", 7),
    (DURATION, "30s", 30_000_000),
    (DATETIME, "2024-05-01T12:00:00Z", 1_714_564_800_000_000),
    (VERDICT, "accept", "accept"),
    (list_of(STRING), '["a"]', ["a"]),
    (SOURCE, '{"url": "u", "score": 1}', {"url": "u", "score": 1.0, "published": None}),
    (JSON, '[1, {"a": null}]', [1, {"a": None}]),
]


@pytest.mark.parametrize(("type", "text", "value"), ARGUMENTS)
def test_arguments_on_the_command_line(type, text, value):
    assert repr(parse_argument(text, type)) == repr(value)


BAD_ARGUMENTS = [
    (INT, "3.5", "expected an int, found a float (3.5)", None),
    (INT, "many", 'expected an int, found a string ("many")', None),
    (INT, "true", "expected an int, found a bool (true)", None),
    (BOOL, "yes", 'expected a bool, found a string ("yes")', None),
    (FLOAT, "NaN", "nan is not a finite number", None),
    (DURATION, "30", '"30" is no duration; write one like 30s, 1h30m or 2d', None),
    (
        list_of(STRING),
        "a,b",
        "this is no JSON: expecting value at line 1, column 1",
        'write it as JSON, for example \'["a", "b"]\'',
    ),
    (SOURCE, "[1]", "expected Source, found a list of 1", None),
    (
        JSON,
        "{",
        "this is no JSON: expecting property name enclosed in double quotes at line 1, column 2",
        "write it as JSON, for example '{\"a\": [1, true, null]}'",
    ),
]


@pytest.mark.parametrize(("type", "text", "message", "help"), BAD_ARGUMENTS)
def test_arguments_that_do_not_fit(type, text, message, help):
    with pytest.raises(Misfit) as caught:
        parse_argument(text, type)
    assert (caught.value.message, caught.value.help) == (message, help)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this is no JSON: expecting value at line 1, column 1"),
        ("[1,\n 2", "this is no JSON: expecting ',' delimiter at line 2, column 3"),
        ("[NaN]", "NaN is not a finite number"),
        ("[1e999]", "inf is not a finite number"),
        (b"\xff\xfe\xff", "the JSON text is not valid UTF-8"),
        ('"\\ud800"', "the string is not valid UTF-8: it holds half of a surrogate pair"),
        ("1" * 5000, "the JSON text holds a number of more than 4,300 digits"),
        ("[" * 100_000, "the value nests deeper than 128 levels"),
        ("[" * 200 + "]" * 200, "the value holds itself or nests deeper than 128 levels"),
        ('"' + "x" * MAX_BOUNDARY + '"', "the JSON text is larger than 1 MiB (1,048,578 bytes)"),
    ],
    ids=lambda part: str(part)[:30],
)
def test_json_text_that_is_refused(text, message):
    with pytest.raises(Misfit) as caught:
        read_json(text)
    assert caught.value.message == message


def test_canonical_text_is_one_for_equal_values():
    one, other = {"b": 1, "a": -0.0}, {"a": 0.0, "b": 1}
    assert one == other
    assert write_json(one, canonical=True) == write_json(other, canonical=True) == '{"a":0.0,"b":1}'
    assert write_json({"é": "\u2028"}) == '{"é":"\u2028"}'


# Properties over random types and their values


def typed(type: plan.Type) -> st.SearchStrategy:
    """Values of a type, in their JSON form."""
    match type:
        case plan.ScalarType(kind=kind):
            return SCALARS[kind]
        case plan.ListType(item=item):
            return st.lists(typed(item), max_size=3)
        case plan.MapType(value=value):
            return st.dictionaries(st.text(max_size=3), typed(value), max_size=3)
        case plan.OptionalType(inner=inner):
            return st.none() | typed(inner)
        case plan.RecordType():
            return st.fixed_dictionaries({field.name: typed(field.type) for field in type.fields})
        case plan.EnumType(values=values):
            return st.sampled_from(values)
        case _:
            raise TypeError(type)


SCALARS = {
    "string": st.text(max_size=5),
    "int": st.integers(MIN_INT, MAX_INT),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "null": st.none(),
    "duration": st.sampled_from(["1h30m", "0s", "-2d", "1.5s", "0.001ms"]),
    "datetime": st.sampled_from(["2024-05-01T12:00:00Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59.5Z"]),
}
TYPES = st.recursive(
    st.sampled_from([STRING, INT, FLOAT, BOOL, DURATION, DATETIME, VERDICT]),
    lambda inner: st.one_of(
        inner.map(list_of),
        inner.map(map_of),
        inner.map(optional),
        st.builds(lambda a, b: record(a=a, b=b), inner, inner),
    ),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None)
@given(st.data(), TYPES)
def test_decode_and_encode_are_each_others_reverse(data, type):
    outside = data.draw(typed(type))
    inside = decode(outside, type)
    assert normalise(inside) == inside, "what is decoded is a value"
    assert encode(inside, type) == outside
    assert read_json(write_json(outside)) == outside
    assert decode(json.loads(json.dumps(outside)), type) == inside


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters(), max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(PLAIN, TYPES)
def test_any_data_is_read_or_is_a_misfit(data, type):
    for read in (lambda: decode(data, type), lambda: normalise(data)):
        try:
            assert normalise(read()) is not read
        except Misfit as misfit:
            assert str(misfit)


SCHEMAS = [
    (STRING, {"type": "string"}),
    (list_of(optional(INT)), {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}),
    (map_of(BOOL), {"type": "object", "additionalProperties": {"type": "boolean"}}),
    (JSON, {}),
    (VERDICT, {"title": "Verdict", "type": "string", "enum": ["accept", "revise"]}),
    (
        SOURCE,
        {
            "title": "Source",
            "type": "object",
            "properties": {
                "url": {"type": "string"},
                "score": {"type": "number"},
                "published": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
            },
            "required": ["url", "score"],
            "additionalProperties": False,
        },
    ),
]


@pytest.mark.parametrize(("type", "expected"), SCHEMAS)
def test_schemas(type, expected):
    assert schema(type) == expected


def test_the_schema_of_a_union_tells_its_cases_apart():
    published, rejected = schema(OUTCOME)["oneOf"]
    assert published["properties"]["case"] == {"const": "Published"}
    assert published["required"] == ["case", "url"]
    assert rejected["required"] == ["case"]


def test_the_schema_keeps_what_fields_say():
    documented = plan.RecordType(fields=(plan.FieldType(name="a", type=INT, doc="How many."),))
    assert schema(documented)["properties"]["a"] == {"type": "integer", "description": "How many."}
    assert schema(plan.SecretType(inner=STRING)) == {"type": "string", "writeOnly": True}
