"""The live picture of a flow: its nodes, where they stand, and what is kept while the file is broken."""

from __future__ import annotations

from support.ide import at_mark, snapshot

from flowlang.ide.graph import picture

FLOW = """\
agent find(id: string) -> string effect read

flow main(id: string) -> string {
  step a = find(id: id)
  step b = find(id: a)
  return b
}

flow other() -> int {
  step c = 1
  return c
}
"""


def test_nodes_know_where_they_stand():
    made = picture(snapshot(FLOW))
    assert made.flow == "main"
    assert made.flows == ("main", "other")
    stands = {n.node.id: FLOW[slice(*n.at.span)].split("\n")[0] for n in made.nodes if n.at}
    assert stands["a"].strip() == "step a = find(id: id)"
    assert ("a", "b") in [(edge.source, edge.target) for edge in made.edges]
    assert made.mermaid.startswith("flowchart TD")
    assert made.svg.startswith("<svg")


def test_the_flow_is_the_one_named_or_the_one_at_the_cursor():
    assert picture(snapshot(FLOW), flow="other").flow == "other"
    given, offset = at_mark(FLOW.replace("step c", "step $0c"))
    assert picture(given, offset=offset).flow == "other"
    assert picture(snapshot(FLOW), flow="nobody") is None
    assert picture(snapshot("type T = int\n")) is None


def test_the_last_good_picture_stays_while_the_file_is_broken():
    good = picture(snapshot(FLOW))
    kept = picture(snapshot(FLOW.replace("return b", "return ")), last=good)
    assert (kept.is_current, kept.svg) == (False, good.svg)
    assert picture(snapshot("flow f( {"), last=None) is None


def test_a_flow_of_an_imported_file_is_a_node_and_not_in_the_list():
    text = 'import "lib.flow" as lib\nflow main() -> int {\n  step a = lib.one()\n  return a\n}\n'
    made = picture(snapshot(text, files={"lib.flow": "flow one() -> int { return 1 }\n"}))
    assert made.flows == ("main",)
    assert [placed.at.path for placed in made.nodes if placed.at] == ["main.flow"] * 2
