"""Whatever the text, checking ends with diagnostics: never with a traceback, never far too late.

Random trees (printed, so that they parse), soups of tokens, good files cut and shuffled, and texts that are
large or deep in each way that a text can be. What checks without a mistake also lowers to a plan."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.checking import check_text, check_texts

from flowlang.plan.lower import lower
from flowlang.semantics.check import Checked
from flowlang.syntax import ast
from flowlang.syntax.parser import parse
from flowlang.syntax.printer import print_declaration, print_expression
from flowlang.testing.trees import declarations, expressions, node, statements
from flowlang.text.render import render_all
from flowlang.text.source import Source

VALID = Path(__file__).parent / "cases/valid"
DESK = (VALID / "desk.flow").read_text(encoding="utf-8")
TRIPS = (VALID / "trips.flow").read_text(encoding="utf-8")

NAMES = """\
type Trip = { a: int, xs: list<string>, trips: map<float>?, b: json }
type Shape = Published(a: int, xs: string?) | Rejected(b: duration) | Waiting
error NotFound(a: int)
event Paid(a: string, xs: int)
agent search(a: int = 1, xs: list<int> = []) -> list<int> raises NotFound effect read
agent write(b: string) -> Shape effect write retry 2 times
ask approve(a: string) -> bool
"""
SIGNATURE = "flow main(a: int, xs: list<Trip>, trips: Shape?, b: string, c: json) -> "
TOKENS = sorted(
    {*DESK.split(), "(", ")", "{", "}", "[", "]", ".", "?.", "??", "..", "=>", "?", "|", "not", "%"}
)


def examine(checked: Checked) -> None:
    """What must hold of every result: messages with a place in their file, and a plan if none is an error."""
    modules = checked.project.modules
    for found in checked.diagnostics:
        assert 0 <= found.primary.span.start <= found.primary.span.end <= len(modules[found.path].source.text)
        assert found.message and "unknown`" not in found.message, found.message
    render_all(checked.diagnostics, lambda path: modules[path].source if path in modules else None)
    if not checked.has_errors:
        lower(checked)


@settings(max_examples=150, deadline=None)
@given(st.lists(declarations(), min_size=1, max_size=4))
def test_any_declarations(trees):
    examine(check_text(NAMES + "\n\n".join(print_declaration(tree) for tree in trees)))


@settings(max_examples=200, deadline=None)
@given(expressions(), st.sampled_from(["int", "string", "list<int>", "Shape?", "Trip", "bool", "json"]))
def test_any_expression(tree, wanted):
    examine(check_text(f"{NAMES}{SIGNATURE}{wanted} {{ return {print_expression(tree)} }}"))


@settings(max_examples=150, deadline=None)
@given(st.lists(statements(2), max_size=4))
def test_any_statements(trees):
    examine(check_text(NAMES + print_declaration(with_body(trees))))


def with_body(trees: list[ast.Statement]) -> ast.FlowDecl:
    main = parse(Source("", f"{SIGNATURE}int {{}}")).items[0].declaration
    assert isinstance(main, ast.FlowDecl)
    return node(ast.FlowDecl, main.name, main.signature, (), node(ast.Block, tuple(trees), False), None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=60))
def test_any_tokens(tokens):
    text = " ".join(tokens)
    examine(check_text(text))
    examine(check_text(f"{NAMES}{SIGNATURE}int {{ {text} }}"))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(DESK)), st.integers(0, 400), st.integers(0, len(DESK)))
def test_any_cut_of_a_good_file(start, length, place):
    piece = DESK[start : start + length]
    rest = DESK[:start] + DESK[start + length :]
    examine(check_texts({"desk.flow": rest, "trips.flow": TRIPS}, "desk.flow"))
    examine(check_texts({"desk.flow": rest[:place] + piece + rest[place:], "trips.flow": TRIPS}, "desk.flow"))


def flow(body: str, result: str = "int") -> str:
    return f"{NAMES}{SIGNATURE}{result} {{\n{body}\n}}\n"


def numbered(form: str, count: int, joint: str = "\n") -> str:
    return joint.join(form.format(n=n, next=n + 1) for n in range(count))


STEP = "step s{next} = search(xs: s{n})"
LARGE = {
    "a long sum": flow("return " + " + ".join(["a"] * 120)),
    "a sum beyond the limit": flow("return " + " + ".join(["a"] * 4_000)),
    "many conditions": flow("return " + numbered("a > {n}", 120, " and "), "bool"),
    "many alternatives": flow("return " + numbered("a == {n}", 120, " or "), "bool"),
    "many defaults": flow("return " + "trips ?? " * 100 + "Waiting()", "Shape"),
    "many negations": flow("return " + "not " * 120 + "(a == 1)", "bool"),
    "many members": flow("return a" + ".b" * 120),
    "many functions": flow("return b" + ".trim()" * 120, "string"),
    "a choice in a choice": flow("return " + numbered("if a == {n} then {n} else", 100, " ") + " 0"),
    "a list in a list": flow("let l = " + "[" * 60 + "a" + "]" * 60 + "\nreturn a"),
    "a block in a block": flow("step s = do { " * 60 + "yield a" + " }" * 60 + "\nreturn a"),
    "a loop in a loop": flow(
        "step s = "
        + numbered("while s{n} < 9.0, at most 2 times, from s{n} = a {{ next", 30, " ")
        + " a.float()"
        + " }" * 30
        + "\nreturn a"
    ),
    "many records": flow("let r0 = { a, b }\n" + numbered("let r{next} = {{ x: r{n}, y: r{n} }}", 80)),
    "many lists": flow("let l0 = a\n" + numbered("let l{next} = [l{n}]", 200) + "\nreturn a"),
    "many maps": flow("return xs" + ".map(x => { x, y: x })" * 50 + ".size()"),
    "many aliases": numbered("type T{n} = T{next}", 2_000) + "\ntype T2000 = int\n",
    "many types in a row": numbered("type T{n} = {{ a: T{next} }}", 300) + "\ntype T300 = int\n",
    "many types in twos": numbered("type T{n} = {{ a: T{next}, b: T{next} }}", 60) + "\ntype T60 = int\n",
    "many unions in twos": numbered("type T{n} = A{n}(a: T{next}, b: T{next}) | B{n}", 60)
    + "\ntype T60 = int\n",
    "many types in a ring": numbered("type T{n} = {{ a: T{next} }}", 300) + "\ntype T300 = T0\n",
    "many cases": "type T = " + numbered("A{n}", 1_000, " | ") + "\nflow f(t: T) -> bool { return t is A5 }",
    "many flows": numbered("flow f{n}(x: int) -> int {{ step a = f{next}(x: x) return a }}", 500),
    "many flows in a ring": numbered("flow f{n}(x: int) -> int {{ step a = f{next}(x: x) return a }}", 300)
    + "\nflow f300(x: int) -> int { step a = f0(x: x) return a }",
    "many steps in a row": flow("step s0 = search()\n" + numbered(STEP, 3_000) + "\nreturn a"),
    "many steps in a ring": flow("step s0 = search(xs: s1000)\n" + numbered(STEP, 1_000)),
    "many barriers": flow(numbered("fail NotFound(a: {n}) when a == {n}", 500) + "\nreturn a"),
    "many guards": flow(numbered("step s{n} = search()\n when a > {n}", 500) + "\nreturn a"),
    "many arms": flow("step s = choose { " + numbered("when a == {n} -> {n}", 500) + " }\nreturn s ?? 0"),
    "many unknown names": flow(numbered("let l{n} = nothing{n}", 500) + "\nreturn a"),
    "many slips": numbered("agent one_of_many{n}(x: int) -> int effect read", 300)
    + "\n"
    + flow(numbered("step s{n} = one_of_many{n}x(x: 1)", 300) + "\nreturn a"),
}  # fmt: skip


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_large_and_deep_texts(text):
    examine(check_text(text))


def test_a_long_chain_of_imports():
    texts = {
        f"m{n}.flow": f'import "m{n + 1}.flow" as next_one\n'
        f"flow f(x: int) -> int {{ step a = next_one.f(x: x) return a }}\n"
        for n in range(300)
    } | {"m300.flow": "flow f(x: int) -> int { return x }\n"}
    checked = check_texts(texts, "m0.flow")
    assert len(checked.modules) == 301 and not checked.diagnostics
    examine(checked)


def test_a_long_ring_of_imports():
    texts = {f"m{n}.flow": f'import "m{(n + 1) % 300}.flow" as next_one\n' for n in range(300)}
    found = [d.code.slug for d in check_texts(texts, "m0.flow").diagnostics]
    assert found.count("import-cycle") == 1


def test_of_an_expression_that_is_too_long_nothing_else_is_said():
    long = f'"{"a" * 16_384}".size()'
    text = f"flow main(n: int) -> int {{\n  return if n > 1 then (if n > 1 then nme else 2) else {long}\n}}\n"
    (found,) = check_text(text).diagnostics
    assert found.code.slug == "expression-too-large"
