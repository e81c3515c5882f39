"""Plans as documents: what YAML and JSON are read as, where their values stand, and what is refused.

What is refused is E801 `bad-document`, at its place, in bounded time and memory."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, FoldedScalarString, LiteralScalarString
from support.planning import found_in

from flowlang.planning.document import MAX_NODES, Node, Scalar, Unreadable, below, plain
from flowlang.planning.json_text import read_json_text
from flowlang.planning.places import placed
from flowlang.planning.yaml_text import read_yaml_text


def scalars(node: Node) -> list[Scalar]:
    return [node] if isinstance(node, Scalar) else [s for _, inner in below(node) for s in scalars(inner)]


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_json_is_read_as_the_standard_library_reads_it(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert plain(read_json_text(text)) == value


@given(TEXT, st.booleans())
def test_each_character_of_a_json_string_has_its_place(value, ascii_only):
    text = json.dumps([value], ensure_ascii=ascii_only)
    found = placed(scalars(read_json_text(text))[0], text)
    assert found.exact
    pieces = [text[slice(*found.span(i, i + 1))] for i in range(len(value))]
    assert [json.loads(f'"{piece}"') for piece in pieces] == list(value)


WORDS = st.lists(st.text("abc${}'\"\\:# é\n", max_size=12), max_size=4).map("\n".join)
STYLES = [str, DoubleQuotedScalarString, LiteralScalarString, FoldedScalarString]


@given(WORDS, st.sampled_from(STYLES), st.integers(0, 3))
def test_each_character_of_a_yaml_string_has_its_place(value, style, depth):
    from io import StringIO

    nested = style(value)
    for _ in range(depth):
        nested = {"key": nested}
    out = StringIO()
    yaml = YAML()
    yaml.width = 20
    yaml.dump({"top": nested}, out)
    text = out.getvalue()
    scalar = scalars(read_yaml_text(text))[0]
    found = placed(scalar, text)
    assert found.exact
    for index, character in enumerate(found.text):
        piece = text[slice(*found.span(index, index + 1))]
        assert piece == character or piece[:1] == "\\" or piece == "''" or character.isspace()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on: off", {"on": "off"}),
        ("[~, null, '', 'null']", [None, None, "", "null"]),
        ("[1, 0x1F, 0o17, 1e3, .5, -2., '1', 1_000]", [1, 31, 15, 1000.0, 0.5, -2.0, "1", "1_000"]),
        ("2024-05-01", "2024-05-01"),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 1\r\nb: |\r\n  x\r\n", {"a": 1, "b": "x\n"}),
    ],
)
def test_yaml_is_1_2_with_its_core_schema(text, value):
    assert plain(read_yaml_text(text)) == value


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this file holds no plan"),
        ("a: [", "this is not YAML"),
        ("\ta: 1", "this is not YAML"),
        ("a: 1\na: 2", "the key `a` stands here twice"),
        ("1: 2", "a key is a string"),
        ("? [a]\n: b", "a key is a string"),
        ("a: !!python/object:os.system x", "tags"),
        ("!x {}", "tags"),
        ("a: *b", "nothing above is called `&b`"),
        ("a: &a [*a]", "nothing above is called `&a`"),
        ("a: .nan", "not a finite number"),
        ("a: -.inf", "not a finite number"),
        ("a: 1e999", "too large"),
        ("a: 99999999999999999999", "too large"),
        ("a: 0x" + "f" * 40, None),
        ("--- 1\n--- 2", "one document"),
        ("a: \x01", "may not stand in YAML"),
        ('a: "\\ud800"', "half of a character"),
        ("[" * 100_000, "64 levels"),
        ("- " * 100_000, "64 levels"),
        ("{a: " * 100_000, "64 levels"),
        (BOMB, f"more than {MAX_NODES:,} values"),
        ("a: &a x\nb: [" + "*a, " * MAX_NODES + "]", f"more than {MAX_NODES:,} values"),
    ],
)
def test_what_yaml_is_refused(text, message):
    if message is None:
        assert isinstance(plain(read_yaml_text(text))["a"], str)
        return
    with pytest.raises(Unreadable, match=message) as refused:
        read_yaml_text(text)
    assert 0 <= refused.value.span.start <= len(text)


@pytest.mark.parametrize("text", ["a: {url: ${results.page}}", "a: [x, ${item}]", "\ufeffa: [at ${item}]"])
def test_a_hole_without_quotes_among_brackets_is_told_to_have_them(text):
    with pytest.raises(Unreadable, match="this is not YAML") as refused:
        read_yaml_text(text)
    assert refused.value.span.start == text.index("{", text.index("$"))
    assert refused.value.help == 'among `{ }` or `[ ]`, write a text with `${…}` in double quotes: `"${…}"`'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ends before it is complete"),
        ('{"a": 1,}', "a value is missing here"),
        ("[1 2]", "`,` or `\\]` is missing"),
        ('{"a" 1}', "`:` is missing"),
        ("{a: 1}", "a key is missing here"),
        ('{"a": 1, "a": 2}', "stands here twice"),
        ("NaN", "`NaN` is no JSON value"),
        ("-Infinity", "`-` is no JSON value"),
        ("1e999", "too large"),
        ("9" * 10_000, "too large"),
        ('"x', "this string is broken"),
        ('["a\nb"]', "this string is broken"),
        ('"\\ud800"', "half of a character"),
        ("1 2", "ends before this"),
        ("// x\n1", "no JSON value"),
        ("[" * 1_000_000, "64 levels"),
        ('{"a":' * 200_000, "64 levels"),
        (f"[{'1,' * MAX_NODES}1]", f"more than {MAX_NODES:,} values"),
    ],
)
def test_what_json_is_refused(text, message):
    with pytest.raises(Unreadable, match=message) as refused:
        read_json_text(text)
    assert 0 <= refused.value.span.start <= len(text)


@given(st.text("{}[]:,\"'\\&*!|>-?# \nab01.e", max_size=40))
def test_any_text_is_read_or_refused(text):
    for name, read in (("x.yaml", read_yaml_text), ("x.json", read_json_text)):
        try:
            read(text)
        except Unreadable as refused:
            assert refused.span.start <= len(text) + 1
        assert all(slug for slug, _ in found_in(text, name))


def test_a_file_that_is_no_document_is_one_mistake():
    assert found_in("a: [", "plan.yaml") == [("bad-document", "")]
    assert found_in('{"a": }', "plan.json") == [("bad-document", "}")]
    assert found_in("[]", "plan.yaml") == [("bad-plan", "[]")]


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    from flowlang.tools.frontend import check_file

    path = tmp_path / "plan.yaml"
    path.write_bytes(b"a: " + b"x" * 100_000_000)
    assert [d.code.slug for d in check_file(str(path)).diagnostics] == ["source-too-large"]


def listed(step: str, count: int) -> str:
    """A plan of many steps that are alike."""
    steps = (f"{{{step.format(i=i, bangs='!' * (i + 1))}}}" for i in range(count))
    return f"plan_id: a\nsteps: [{','.join(steps)}]"


STEP = "steps: [{step_id: x, agent_id: read, parameters: {url: "
LARGE = 150_000
HOSTILE = {
    "keys": "".join(f"k{i}: 1\n" for i in range(LARGE // 12)),
    "fields": "plan_id: a\n" + "".join(f"k{i}: 1\n" for i in range(5_000)) + STEP + "a}}]",
    "parameters": "plan_id: a\nsteps: [{step_id: x, agent_id: read, parameters: {"
    + ",".join(f"p{i}: 1" for i in range(5_000))
    + "}}]",
    "inputs": "plan_id: a\ninputs: {" + ",".join(f"p{i}: int" for i in range(5_000)) + "}\n" + STEP + "a}}]",
    "operators": "plan_id: a\noutput: ${" + "a+" * LARGE + "1}\n" + STEP + "a}}]",
    "chains": "plan_id: a\noutput: ${" + "1+" * 8_000 + "1}\n" + STEP + "a}}]",
    "parentheses": "plan_id: a\noutput: ${" + "(" * LARGE + "}\n" + STEP + "a}}]",
    "openings": "plan_id: a\n" + STEP + '"' + "${" * LARGE + '"}}]',
    "holes": "plan_id: a\n" + STEP + '"' + "${1}" * LARGE + '"}}]',
    "types": 'plan_id: a\ninputs: {a: "' + "list<" * LARGE + '"}\n' + STEP + "a}}]",
    "groups": "plan_id: a\nsteps:" + "".join(
        f"\n{'  ' * n}- step_id: s{n}\n{'  ' * n}  steps:" for n in range(40)
    ) + " []",
    "names": listed("step_id: s{i}, agent_id: raed, parameters: {{url: '${{results.x{i}}}'}}", 1_000),
    "ids": listed("step_id: '{bangs}', agent_id: read, parameters: {{url: a}}", 200),
    "metadata": listed("step_id: s{i}, agent_id: read, parameters: {{url: '${{metadata.a.size()}}'}}", 300)
    + "\nmetadata: {a: [" + "1," * 20_000 + "]}",
    "commas": "a: [" + "1," * LARGE + "]",
    "blanks": "\n" * LARGE,
    "bangs": "!" * 20_000,
    "anchors": "&a " * LARGE,
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_is_answered(text):
    assert all(slug for slug, _ in found_in(text))
