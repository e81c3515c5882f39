"""Very large and very deep texts: one clear error, and work that grows with the text and not faster.

Work is counted, not timed: the calls that Python's own profiler sees, for a text and for one twice as
large."""

from __future__ import annotations

import cProfile
import pstats

import pytest
from test_parse import placed

from flowlang.syntax.parser import parse
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.reading import MAX_SOURCE_BYTES, decode
from flowlang.text.source import Source


def found(text: str) -> list[Diagnostic]:
    return list(placed(parse(Source("t.flow", text))))


def codes(text: str) -> list[str]:
    return [diagnostic.code.slug for diagnostic in found(text)]


def flow(body: str) -> str:
    block = f"{{\n  step a = g()\n{body}\n  step z = g()\n}}"
    return f"agent above() effect read\nflow f() {block}\nagent below() effect read\n"


HARD = {
    "parentheses": (lambda n: flow("  let x = " + "(" * n + "1" + ")" * n), "too-deep"),
    "lists": (lambda n: flow("  let x = " + "[" * n), "too-deep"),
    "records": (lambda n: flow("  let x = " + "{a:" * n + "1" + "}" * n), "too-deep"),
    "calls": (lambda n: flow("  let x = " + "f(a: " * n + "1" + ")" * n), "too-deep"),
    "blocks": (lambda n: flow("step x = do {" * n + "}" * n), "too-deep"),
    "blocks on lines": (lambda n: flow("step x = do {\n" * n + "}\n" * n), "too-deep"),
    "open blocks": (lambda n: flow("  step x = for each y in z {\n" * n), "unclosed"),
    "types": (lambda n: "type A = " + "list<" * n + "int" + ">" * n, "too-deep"),
    "type records": (lambda n: "type A = " + "{a:" * n + "int" + "}" * n, "too-deep"),
    "nots": (lambda n: flow("  let x = " + "not " * n + "a"), "too-deep"),
    "minus": (lambda n: flow("  let x = " + "-" * n + "a"), "too-deep"),
    "sums": (lambda n: flow("  let x = a" + " + a" * n), "too-deep"),
    "members": (lambda n: flow("  let x = a" + ".b" * n), "too-deep"),
    "alternatives": (lambda n: flow("  let x = a" + " ?? a" * n), "too-deep"),
    "conditions": (lambda n: flow("  let x = " + "if a then b else " * n + "c"), "too-deep"),
    "optionals": (lambda n: "type A = int" + "? " * n, "too-deep"),
    "holes": (lambda n: flow('  let x = "' + "${a}" * n), "unclosed"),
    "nested holes": (lambda n: flow('  let x = "' + '${"' * n), "bad-hole"),
    "open holes": (lambda n: flow('  let x = "' + "${" * n + '"'), "bad-hole"),
    "block string": (lambda n: flow('  let x = """' + "${a} \n" * n), "unclosed"),
    "quotes": (lambda n: flow("  let x = " + '"' * (2 * n + 1)), "syntax"),
    "backslashes": (lambda n: flow('  let x = "' + "\\" * (2 * n + 1)), "unclosed"),
    "closers": (lambda n: flow("  let x = 1" + ")" * n), "syntax"),
    "braces": (lambda n: "}" * n, "syntax"),
    "openers": (lambda n: "(" * n, "syntax"),
    "one long line": (lambda n: flow("  let x = " + "a, " * n), "syntax"),
    "semicolons": (lambda n: flow("  let x = 1" + ";" * n), "syntax"),
    "junk": (lambda n: flow("  junk " * n), "syntax"),
    "junk in paragraphs": (lambda n: "junk f(x) {\n\n" * n, "syntax"),
    "letters": (lambda n: "a" * n, "syntax"),
    "nuls": (lambda n: "\0" * n, "bad-character"),
    "docs": (lambda n: "/// doc\n" * n, "dangling-doc"),
    "keywords": (lambda n: "flow " * n, "syntax"),
    "heads": (lambda n: "flow f(\n" * n, "unclosed"),
    "declarations on a line": (lambda n: "error A " * n + "!", "syntax"),
    "flows on a line": (lambda n: "flow f() { junk } " * n, "syntax"),
    "steps": (lambda n: flow("  step x = g(\n" * n), "unclosed"),
    "digits": (lambda n: flow("  let x = " + "9" * n), "bad-number"),
    "unit": (lambda n: flow("  let x = " + "9" * n + "s"), "bad-number"),
}


@pytest.mark.parametrize("name", HARD)
def test_a_hard_text_is_an_error_with_a_code(name: str):
    text, code = HARD[name]
    assert code in codes(text(1000))


@pytest.mark.parametrize("name", HARD)
def test_work_grows_with_the_text_and_not_faster(name: str):
    text, _ = HARD[name]
    parse(Source("t.flow", text(50)))  # fills what is cached
    once, twice = calls(text(1500)), calls(text(2000))
    assert twice <= 2.6 * once + 2000


def calls(text: str) -> int:
    profile = cProfile.Profile()
    profile.runcall(parse, Source("t.flow", text))
    return pstats.Stats(profile).total_calls  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["parentheses", "lists", "blocks", "sums", "holes", "steps", "nots"])
def test_neighbours_of_a_hard_text_are_whole(name: str):
    text, _ = HARD[name]
    module = parse(Source("t.flow", text(2000)))
    assert [item.key for item in module.items] == ["above", "f", "below"]
    body = module.items[1].declaration.body  # type: ignore[union-attr]
    assert {"a", "z"} <= {s.name.name for s in body.statements if getattr(s, "name", None)}


def test_a_megabyte_in_one_line():
    text = flow("  let x = [" + "1, " * 330_000 + "]")
    assert len(text) < MAX_SOURCE_BYTES
    assert codes(text) == ["expression-too-large"]


def test_a_hundred_thousand_brackets():
    assert codes(flow("  let x = " + "(" * 100_000)) == ["too-deep"]
    assert codes(flow("  step x = do {" * 60_000)) == ["unclosed", "too-deep"]


def test_more_than_a_megabyte_is_refused():
    assert codes(" " * (MAX_SOURCE_BYTES + 1)) == ["source-too-large"]
    assert codes("é" * (MAX_SOURCE_BYTES // 2 + 1)) == ["source-too-large"]
    refused = decode("t.flow", b" " * (MAX_SOURCE_BYTES + 1))
    assert isinstance(refused, Diagnostic)
    assert refused.code.slug == "source-too-large"


def test_an_expression_has_at_most_16_KiB():
    assert codes(flow("  let x = [" + "1, " * 5400 + "1]")) == []
    assert codes(flow("  let x = [" + "1, " * 5500 + "1]")) == ["expression-too-large"]


def test_a_task_may_be_longer_than_an_expression():
    steps = "".join(f"    step s{n} = g()\n" for n in range(1500))
    assert codes(flow(f"  step x = do {{\n{steps}  }}")) == []
    assert codes(flow(f"  step x = match a {{ 1 -> do {{\n{steps}  }} else -> b }}")) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"flow f() { \xff }", "byte 0xFF at offset 11"),
        (b"\x89PNG\r\n\x1a\n", "byte 0x89 at offset 0"),
        (b"\xff\xfef\x00l\x00", "UTF-16"),
        (b"\xed\xa0\x80", "byte 0xED at offset 0"),
    ],
)
def test_what_is_not_text_is_refused(data: bytes, message: str):
    refused = decode("t.flow", data)
    assert isinstance(refused, Diagnostic)
    assert refused.code.slug == "not-text"
    assert message in refused.message


def test_a_text_is_decoded_with_its_mark():
    source = decode("t.flow", "\ufeffflow f() { }".encode())
    assert isinstance(source, Source)
    assert [item.key for item in parse(source).items] == ["f"]
    assert codes(source.text) == []


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\ufeff", "// only a comment", "\r\n"])
def test_an_empty_file_is_fine(text: str):
    assert codes(text) == []


@pytest.mark.parametrize("character", ["\0", "\u202e", "\ud800", "\u2066", "\x1b"])
@pytest.mark.parametrize(
    "form", ["flow f() {{ let a = {} }}", 'flow f() {{ let a = "{}" }}', "// {}", "error A // {}"]
)
def test_characters_that_may_stand_nowhere(character: str, form: str):
    assert "bad-character" in codes(form.format(character))
