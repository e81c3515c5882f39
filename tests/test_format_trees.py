"""Parsing what was printed gives the same tree, for trees that no one ever wrote."""

from __future__ import annotations

from hypothesis import given, settings

from flowlang.syntax import ast
from flowlang.syntax.compare import first_difference
from flowlang.syntax.parser import parse
from flowlang.syntax.printer import format_source, print_declaration, print_expression, print_type
from flowlang.testing.trees import declarations, expressions, types
from flowlang.text.source import Source


def only_declaration(text: str) -> ast.Declaration:
    module = parse(Source("a.flow", text))
    mistakes = [mistake.message for item in module.items for mistake in item.parsed.diagnostics]
    assert len(module.items) == 1 and not mistakes, (text, mistakes)
    return module.items[0].declaration


@given(expressions())
@settings(max_examples=300, deadline=None)
def test_expressions(expression: ast.Expr) -> None:
    text = print_expression(expression)
    flow = only_declaration(f"flow f() {{ let a = {text} }}")
    assert isinstance(flow, ast.FlowDecl)
    let = flow.body.statements[0]
    assert isinstance(let, ast.Let)
    assert first_difference(let.value, expression) is None, text


@given(types())
@settings(max_examples=100, deadline=None)
def test_types(type: ast.TypeExpr) -> None:
    text = print_type(type)
    event = only_declaration(f"event A(a: {text})")
    assert isinstance(event, ast.EventDecl)
    assert first_difference(event.fields[0].type, type) is None, text


@given(declarations())
@settings(max_examples=300, deadline=None)
def test_declarations(declaration: ast.Declaration) -> None:
    text = print_declaration(declaration)
    assert first_difference(only_declaration(text), declaration) is None, text
    assert format_source(Source("a.flow", text)) == text + "\n"
