"""Graphs of flows: what is an edge and why, and that every form survives odd names."""

from __future__ import annotations

import json
import xml.dom.minidom
from itertools import pairwise
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.plans import plan_of, plan_of_file

from flowlang.plan.graph import Edge, Graph, graph, to_json
from flowlang.plan.graph_svg import to_svg
from flowlang.plan.graph_text import to_dot, to_mermaid
from flowlang.plan.layout import Box, layered

FOLDER = Path(__file__).parent / "cases" / "plan"
CASES = [path for path in sorted(FOLDER.glob("*.flow")) if path.stem != "expressions"]

FLOW = """
agent read(url: string) -> string effect read
agent log(text: string) effect write
flow main(url: string, ok: bool) -> string {
  step one = read(url: url)
  step two = read(url: one)
    when one != "" and ok
  require ok
  step three = log(text: "x")
    after one
  step four = for each c in ["a", "b"] {
    step inner = read(url: c)
    yield "${inner}${two ?? ""}"
  }
  step five = choose {
    when ok -> read(url: "y")
    else -> do { yield "z" }
  }
    when four.is_empty()
  return five ?? one
}
"""


@pytest.fixture(scope="module")
def drawn() -> Graph:
    return graph(plan_of(FLOW), "main")


def edges(drawn: Graph) -> set[str]:
    return {f"{e.source} -{e.kind}{'*' if e.implied else ''}-> {e.target}" for e in drawn.edges}


def test_edges_say_why(drawn: Graph):
    assert edges(drawn) == {
        "one -data-> two",
        "one -after-> three",
        "!require1 -barrier-> three",
        "!require1 -barrier-> four",
        "two -data-> four",
        "!require1 -barrier*-> five",
        "four -guard-> five",
        "one -data*-> !return",
        "five -data-> !return",
        "!require1 -barrier*-> !return",
        "four/inner -data-> four/!yield",
    }


def test_an_ordered_block_is_a_chain():
    chain = graph(plan_of_file(FOLDER / "order.flow"), "one_by_one")
    assert edges(chain) >= {"first -order-> page", "page -order-> last"}


def test_groups_hold_blocks_and_arms(drawn: Graph):
    parents = {node.id: (node.parent, node.kind, node.group) for node in drawn.nodes}
    assert parents["four"] == (None, "loop", True)
    assert parents["four/inner"] == ("four", "call", False)
    assert parents["five"] == (None, "choice", True)
    assert parents["five|0"] == ("five", "call", False)
    assert parents["five|1/!yield"] == ("five|1", "result", False)


def test_nodes_know_their_place(drawn: Graph):
    made = to_json(drawn)
    assert isinstance(made, dict)
    (inner,) = [node for node in made["nodes"] if node["id"] == "four/inner"]  # type: ignore[union-attr,index,call-overload]
    assert inner["at"] == {"path": "main.flow", "line": 12, "column": 5}  # type: ignore[index,call-overload]
    assert json.loads(json.dumps(made)) == made


def test_mermaid():
    small = graph(plan_of_file(FOLDER / "order.flow"), "side_by_side")
    assert to_mermaid(small) == (
        "flowchart TD\n"
        '  n0["one<br/>read(url: url)"]\n'
        '  n1["two<br/>read(url: #34;${url}/2#34;)"]\n'
        '  n2["logged<br/>log(text: #34;read#34;)"]\n'
        '  n3(["return one + two"])\n'
        "  n0 -.->|after| n2\n"
        "  n1 -.->|after| n2\n"
        "  n0 --> n3\n"
        "  n1 --> n3\n"
    )


def test_dot(drawn: Graph):
    text = to_dot(drawn)
    assert "subgraph cluster_n4 {" in text
    assert '  n1 -> n5 [lhead="cluster_n4"];' in text
    assert '  n6 -> n8 [style="dashed", label="guard", ltail="cluster_n4", lhead="cluster_n7"];' in text


def renamed(drawn: Graph, name: str) -> Graph:
    """A graph whose every text is an odd one."""
    nodes = tuple(attrs.evolve(n, name=name, head=name, notes=(name,), type=name) for n in drawn.nodes)
    return Graph(name, name, nodes, drawn.edges, tuple(name for _ in drawn.sources))


ODD_NAMES = ['"]; x', "</text><script>", "a#quot;b", "end", "%%{init}%%", "\\"]


@given(st.text(max_size=80) | st.sampled_from(ODD_NAMES))
@settings(max_examples=60, deadline=None)
def test_odd_names_break_no_form(name: str):
    drawn = renamed(graph(plan_of_file(FOLDER / "order.flow"), "side_by_side"), name)
    xml.dom.minidom.parseString(to_svg(drawn).encode("utf-8", "replace"))
    for line in to_mermaid(drawn).splitlines()[1:-4]:
        start, end = line.index('"'), line.rindex('"')
        assert not set('"<>&`%\\') & set(line[start + 1 : end].replace("<br/>", ""))
    for line in to_dot(drawn).splitlines()[3:-5]:
        body = line.replace("\\\\", "").replace('\\"', "")
        assert body.count('"') % 2 == 0
    json.dumps(to_json(drawn))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_case_can_be_drawn(path: Path):
    compiled = plan_of_file(path)
    for name in compiled.flows:
        drawn = graph(compiled, name)
        ids = [node.id for node in drawn.nodes]
        assert len(set(ids)) == len(ids)
        assert {e.source for e in drawn.edges} | {e.target for e in drawn.edges} <= set(ids)
        assert to_mermaid(drawn) and to_dot(drawn)
        document = xml.dom.minidom.parseString(to_svg(drawn))
        texts = {text.firstChild.data for text in document.getElementsByTagName("text")}  # type: ignore[union-attr]
        assert f"flow {name}" in texts


def test_unknown_flows_are_a_key_error():
    with pytest.raises(KeyError):
        graph(plan_of("flow a() {}\n"), "b")


boxes = st.lists(st.builds(Box, st.floats(10, 300), st.floats(10, 90)), min_size=1, max_size=14)


@given(boxes, st.data())
@settings(max_examples=60, deadline=None)
def test_boxes_never_overlap_and_edges_run_downwards(boxes: list[Box], data: st.DataObject):
    pairs = [(i, j) for j in range(len(boxes)) for i in range(j)]
    chosen = data.draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20)) if pairs else []
    layout = layered(boxes, chosen)
    spans = [(x, y, x + box.width, y + box.height) for (x, y), box in zip(layout.places, boxes, strict=True)]
    for i, one in enumerate(spans):
        assert one[0] >= -0.01 and one[2] <= layout.width + 0.01 and one[3] <= layout.height + 0.01
        for other in spans[:i]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart
    for (source, target), route in zip(chosen, layout.routes, strict=True):
        assert route[0][1] == pytest.approx(spans[source][3])
        assert route[-1][1] == pytest.approx(spans[target][1])
        assert all(lower[1] >= upper[1] - 0.01 for upper, lower in pairwise(route))


def test_thousands_of_steps_are_drawn_in_bounds():
    steps = "\n".join(f"  step s{i} = read(url: {f's{i // 2}' if i else 'url'})" for i in range(1500))
    agent = "agent read(url: string) -> string effect read"
    drawn = graph(plan_of(f"{agent}\nflow main(url: string) {{\n{steps}\n}}\n"), "main")
    assert len(drawn.edges) == 1499
    assert Edge("s1", "s2", "data", False) in drawn.edges
    assert len(to_svg(drawn)) < 5_000_000
