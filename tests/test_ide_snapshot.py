"""Snapshots: from an offset to nodes, from a node to a place in its file."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.ide import at_mark, snapshot

from flowlang.ide.snapshot import Location, Snapshot, span_of
from flowlang.syntax import ast
from flowlang.text.source import Span

FLOW = """// a comment
agent find(id: string) -> string { effect read }

flow main(id: string) -> string {
STATEMENT
}
"""

SPOTS = [
    # statement, the nodes from the statement inwards
    ("  step a = fi$0nd(id: id)", "Step Call Name"),
    ("  step a = find$0(id: id)", "Step Call Name"),
    ("  step a = $0find(id: id)", "Step Call Name"),
    ("  step $0a = find(id: id)", "Step Ident"),
    ("  step a$0 = find(id: id)", "Step Ident"),
    ("  step a = find(i$0d: id)", "Step Call Argument Ident"),
    ("  step a = find(id: id$0)", "Step Call Argument Name"),
    ('  let b = "x ${i$0d} y"', "Let Interpolation Name"),
    ("  let b = 1 +$0 2", "Let Binary"),
    ("  let b = 1+$02", "Let Binary IntLiteral"),
    ("  let b = id$0.length", "Let Member Name"),
    ("  let b = id.$0length", "Let Member Ident"),
    ("  let b = { i$0d }", "Let RecordLiteral Entry Name"),
]


@pytest.mark.parametrize(("statement", "expected"), SPOTS)
def test_the_nodes_at_an_offset_go_from_the_outermost_inwards(statement, expected):
    given, offset = at_mark(FLOW.replace("STATEMENT", statement))
    spot = given.spot_at(offset)
    assert [type(node).__name__ for node in spot.nodes] == ["FlowDecl", "Block", *expected.split()]
    assert spot.span.start <= offset <= spot.span.end
    assert spot.nearest(ast.FlowDecl) is spot.nodes[0]


@pytest.mark.parametrize("text", ["", "$0", "// only a comment", "$0\n\nflow f() { return null }"])
def test_there_is_nothing_at_an_offset_outside_of_declarations(text):
    given, offset = at_mark(text if "$0" in text else text + "$0")
    assert given.spot_at(offset) is None


def test_offsets_outside_of_the_file_are_nowhere():
    given = snapshot("flow f() { return null }")
    assert given.spot_at(-1) is None
    assert given.spot_at(10_000) is None


def test_a_name_leads_to_the_place_of_its_declaration_also_in_another_file():
    text = 'import "lib.flow" as lib\n\nflow main() -> int {\n  step a = lib.$0one()\n  return a\n}\n'
    library = "// moved down\n\nflow one() -> int { return 1 }\n"
    given, offset = at_mark(text, files={"lib.flow": library})
    spot = given.spot_at(offset)
    symbol = given.symbol_of(spot.item, spot.nearest(ast.Member))
    assert given.place_of(symbol) == Location("lib.flow", Span(20, 23))
    assert library[20:23] == "one"


def test_diagnostics_are_those_of_the_file_alone():
    files = {"lib.flow": "flow one() -> int { return zero }\n"}
    given = snapshot('import "lib.flow" as lib\nflow main() -> int { return two }\n', files=files)
    assert [found.primary.anchor.path for found in given.diagnostics] == ["main.flow"]
    assert [f.code.number for f in Snapshot("lib.flow", given.checked).diagnostics] == ["E201"]


EXAMPLES = sorted((Path(__file__).parent.parent / "examples").rglob("*.flow"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_node_lies_in_its_parent_and_is_found_by_its_place(path):
    given = snapshot(path.read_text(encoding="utf-8"))
    for item in given.tree.items:
        for node in ast.walk(item.declaration):
            for child in ast.children(node):
                assert node.span.start <= child.span.start <= child.span.end <= node.span.end
            found = given.spot_at(span_of(item, node).start)
            assert found.item is item
            assert node in found.nodes or any(n.span == node.span for n in found.nodes)
