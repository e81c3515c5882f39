"""What literals mean: the values of strings, numbers and durations."""

from __future__ import annotations

import pytest

from flowlang.syntax import ast
from flowlang.syntax.parser import parse, parse_expression
from flowlang.text.source import Source


def value(literal: str) -> ast.Expr:
    """The tree of a literal as the value of a `let`; spans count from its first character."""
    module = parse(Source("t.flow", f"flow f() {{ let a = {literal} }}"))
    (item,) = module.items
    assert not item.parsed.diagnostics, item.parsed.diagnostics
    assert isinstance(item.declaration, ast.FlowDecl)
    (let,) = item.declaration.body.statements
    assert isinstance(let, ast.Let)
    return let.value


STRINGS = {
    '""': "",
    '"a b"': "a b",
    r'"\n\t\r\\\"\'"': "\n\t\r\\\"'",
    r'"\u{41}\u{1F600}"': "A😀",
    r'"\${a}"': "${a}",
    '"$5 and $ {a}"': "$5 and $ {a}",
    r"'raw \n ${a} " '"' + "'": r'raw \n ${a} "',
    '"naïve 😀"': "naïve 😀",
    '"""one line"""': "one line",
    '"""\n    two\n      lines\n    """': "two\n  lines",
    '"""\n\ttab\n\t\ttabs\n\t"""': "tab\n\ttabs",
    '"""\n  a\n\n  b\n"""': "a\n\nb",
    '"""first\n    second\n  third"""': "first\n  second\nthird",
    '"""\r\n  a\r\n  b\r\n"""': "a\nb",
    r'"""\n  kept\n"""': "\n  kept\n",
    '"""\n  say "hi" and ""\n"""': 'say "hi" and ""',
    r'"""\"\"\""""': '"""',
    '"""\n"""': "",
}


@pytest.mark.parametrize(("literal", "meaning"), STRINGS.items())
def test_strings(literal: str, meaning: str):
    found = value(literal)
    assert isinstance(found, ast.StringLiteral)
    assert (found.value, found.text) == (meaning, literal)


def test_holes():
    found = value('"a${b.c}${ {d: 1}.d }\\n${f("}", e: "${g}")}z"')
    assert isinstance(found, ast.Interpolation)
    shown = [part if isinstance(part, str) else type(part).__name__ for part in found.parts]
    assert shown == ["a", "Member", "Member", "\n", "Call", "z"]


def test_holes_of_a_block_keep_their_places():
    source = 'flow f() {\n  let a = """\n    Dear ${name},\n      ${ text }\n    """\n}'
    (item,) = parse(Source("t.flow", source)).items
    names = [node for node in ast.walk(item.declaration) if isinstance(node, ast.Name)]
    assert [source[slice(*name.span)] for name in names] == ["name", "text"]
    (literal,) = [node for node in ast.walk(item.declaration) if isinstance(node, ast.Interpolation)]
    assert [part for part in literal.parts if isinstance(part, str)] == ["Dear ", ",\n  "]


NUMBERS = {
    "0": 0,
    "1_000": 1000,
    "007": 7,
    "9223372036854775807": 2**63 - 1,
    "1.5": 1.5,
    "1e3": 1000.0,
    "1_0.5e-1": 1.05,
}


@pytest.mark.parametrize(("literal", "number"), NUMBERS.items())
def test_numbers(literal: str, number: float):
    found = value(literal)
    assert isinstance(found, ast.IntLiteral | ast.FloatLiteral)
    assert (type(found.value), found.value, found.text) == (type(number), number, literal)


def test_the_least_int():
    found = value("-9223372036854775808")
    assert isinstance(found, ast.Unary)
    assert isinstance(found.operand, ast.IntLiteral)
    assert -found.operand.value == -(2**63)


DURATIONS = {
    "30s": 30_000_000,
    "1h30m": 5_400_000_000,
    "90m": 5_400_000_000,
    "1.5s": 1_500_000,
    "0.001ms": 1,
    "2d": 172_800_000_000,
    "1d1h1m1s1ms": 90_061_001_000,
}


@pytest.mark.parametrize(("literal", "microseconds"), DURATIONS.items())
def test_durations(literal: str, microseconds: int):
    found = value(literal)
    assert isinstance(found, ast.DurationLiteral)
    assert (found.microseconds, found.text) == (microseconds, literal)


def shown(tree: ast.Expr) -> str:
    """An expression with all its parentheses."""
    match tree:
        case ast.Name(name=name):
            return name
        case ast.IntLiteral(text=text):
            return text
        case ast.Member(target=target, name=name):
            return f"{shown(target)}.{name.name}"
        case ast.Unary(operator=operator, operand=operand):
            return f"({operator} {shown(operand)})"
        case ast.Binary(operator=operator, left=left, right=right):
            return f"({shown(left)} {operator} {shown(right)})"
        case ast.Is(value=inner, case=case):
            return f"({shown(inner)} is {case.text if case else 'null'})"
        case ast.If(condition=condition, then=then, otherwise=otherwise):
            return f"(if {shown(condition)} then {shown(then)} else {shown(otherwise)})"
    raise AssertionError(tree)


PRECEDENCE = {
    "a or b and c": "(a or (b and c))",
    "not a == b": "(not (a == b))",
    "a == b ?? c": "(a == (b ?? c))",
    "a ?? b ?? c": "(a ?? (b ?? c))",
    "a ?? b .. c": "(a ?? (b .. c))",
    "a .. b + c": "(a .. (b + c))",
    "a - b - c": "((a - b) - c)",
    "a + b * -c": "(a + (b * (- c)))",
    "-a.b": "(- a.b)",
    "a in b and c is D": "((a in b) and (c is D))",
    "if a then b else if c then d else e or f": "(if a then b else (if c then d else (e or f)))",
    "(a or b) and c": "((a or b) and c)",
}


@pytest.mark.parametrize(("text", "tree"), PRECEDENCE.items())
def test_precedence(text: str, tree: str):
    assert shown(value(text)) == tree


@pytest.mark.parametrize(("text", "tree"), PRECEDENCE.items())
def test_an_expression_alone(text: str, tree: str):
    found, diagnostics = parse_expression(f"  {text} ")
    assert (shown(found), diagnostics) == (tree, ())
    assert found.span.start >= 2


@pytest.mark.parametrize("text", ["", "a +", "a b", "(a", '"${a', "step x = a", "a; b", "\0", "1" * 40])
def test_what_is_no_expression(text: str):
    found, diagnostics = parse_expression(text)
    assert len(diagnostics) == 1
    assert found.span.end <= len(text)
