"""What an editor shows beside the text: outline, folds, selections, links and colours."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from support.ide import at_mark, marked, snapshot, snapshots

from flowlang.ide.folding import folds
from flowlang.ide.links import links
from flowlang.ide.selection import selections
from flowlang.ide.symbols import Symbol, document_symbols, workspace_symbols
from flowlang.ide.tokens import MODIFIERS, tokens
from flowlang.text.source import Span

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").rglob("*.flow"))

FLOW = """\
import "lib.flow" as lib
use python tools = "tools.py"

// One comment,
// and another.
type Shape = Circle(r: float) | Dot
error Lost(url: string)
/// Finds.
agent find(url: string) -> string raises Lost
  effect write
  timeout 2s

flow main(urls: list<string>) -> list<string> {
  step all = for each url in urls {
    step found = find(url: url)
      catch Lost as e -> e.url
    yield found
  }
  let count = all.size()
  return all
}

test "it works" {
  given find -> "x"
  run out = main(urls: ["a"])
  expect out.size() == 1
}
"""


def outline(symbols: tuple[Symbol, ...], indent: str = "") -> list[str]:
    lines = []
    for symbol in symbols:
        lines.append(f"{indent}{symbol.kind} {symbol.name} {symbol.detail}".rstrip())
        lines += outline(symbol.inner, indent + "  ")
    return lines


def test_the_outline_names_what_a_file_names():
    assert outline(document_symbols(snapshot(FLOW))) == [
        "import lib",
        "use tools",
        "type Shape",
        "  case Circle",
        "    field r float",
        "  case Dot",
        "error Lost",
        "  field url string",
        "agent find -> string",
        "  parameter url string",
        "flow main -> list<string>",
        "  parameter urls list<string>",
        "  step all list<string>",
        "    step found string",
        "  let count int",
        "test it works",
        "  run out list<string>",
    ]


BROKEN = [
    # text, its outline
    ("flow main() {\n  step a = \n  step b = 1\n}\n", ["flow main -> null", "  step a", "  step b int"]),
    ("flow main( {\n  step a = 1\n}\n", ["flow main"]),
    ("agent \n\nflow f() { return null }\n", ["flow f -> null"]),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), BROKEN)
def test_the_outline_of_a_broken_file_keeps_the_names_that_can_be_read(text, expected):
    assert outline(document_symbols(snapshot(text))) == expected


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_symbols_lie_in_each_other(path):
    text = path.read_text(encoding="utf-8")
    pending = [(Span(0, len(text)), symbol) for symbol in document_symbols(snapshot(text))]
    while pending:
        around, symbol = pending.pop()
        assert around.start <= symbol.span.start <= symbol.name_span.start
        assert symbol.name_span.end <= symbol.span.end <= around.end
        assert symbol.name in text[slice(*symbol.name_span)]
        pending += [(symbol.span, inner) for inner in symbol.inner]


def test_a_search_finds_names_by_their_letters_the_closest_first():
    files = {"a.flow": "flow load() { return null }\nflow reload() { return null }\n", "b.flow": FLOW}
    found = workspace_symbols(snapshots(files), "lo")
    assert [(each.name, each.location.path, each.container) for each in found] == [
        ("load", "a.flow", ""),
        ("Lost", "b.flow", ""),
        ("reload", "a.flow", ""),
    ]
    assert [each.name for each in workspace_symbols(snapshots(files), "rld")] == ["reload"]
    assert [(each.name, each.container) for each in workspace_symbols(snapshots(files), "circ")] == [
        ("Circle", "Shape")
    ]


def test_folds_leave_the_first_line_and_the_closing_bracket():
    assert [(fold.first, fold.last, fold.kind) for fold in folds(snapshot(FLOW))] == [
        (1, 2, "imports"),
        (4, 5, "comment"),
        (9, 11, "region"),  # the agent and its policies
        (13, 20, "region"),  # the flow, without its brace
        (14, 17, "region"),  # the loop
        (15, 16, "region"),  # the step with its catch
        (23, 26, "region"),
    ]


def test_a_broken_file_folds():
    text = "flow main() {\n  step a = = {\n    b: 1,\n  }\n  let c = 1\n}\n"
    assert [(fold.first, fold.last) for fold in folds(snapshot(text))] == [(1, 5), (2, 3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flow f() -> int { return o$0ne + 2 }", ["one", "one + 2", "return one + 2", "{ return one + 2 }"]),
        ("flow f() { return g(a: x.le$0ngth) }", ["length", "x.length", "a: x.length", "g(a: x.length)"]),
        ("// some wo$0rds\n", ["words", "// some words", "// some words\n"]),
        ("$0", []),
    ],
)
def test_a_selection_grows(text, expected):
    given, offset = at_mark(text)
    spans = selections(given, offset)
    assert [given.text[slice(*span)] for span in spans][: len(expected)] == expected
    assert spans[-1] == Span(0, len(given.text))
    for inner, outer in pairwise(spans):
        assert outer.start <= inner.start <= inner.end <= outer.end


def test_paths_are_links_where_they_lead_somewhere():
    text = 'import "lib.flow" as lib\nimport "gone.flow" as gone\nuse python tools = "../tools.py"\n'
    found = links(snapshot(text, "sub/main.flow", files={"sub/lib.flow": ""}))
    assert [(text[slice(*place.span)], target) for place, target in found] == [
        ('"lib.flow"', "sub/lib.flow"),
        ('"../tools.py"', "tools.py"),
    ]


COLOURS = [
    # text, with what is to be coloured between marks, and its colour
    ("agent $0find$0() -> string effect write", "function declaration"),
    ("agent find() -> $0string$0 effect write", "type defaultLibrary"),
    ("agent find() -> string $0effect$0 write", "keyword"),
    ("agent find() -> string effect $0write$0", "enumMember defaultLibrary"),
    ("agent a() effect write\nflow f() { step s = $0a$0() }", "function modification"),
    ("agent a() effect read\nflow f() { step s = $0a$0() }", "function"),
    ("flow f(x: int) -> int { return $0x$0 }", "parameter"),
    ("flow f() -> int {\n let x = 1\n return $0x$0 }", "variable"),
    ('flow f(x: string) -> bool { return x.$0is_empty$0() }', "method defaultLibrary"),
    ("flow f(x: { a: int }) -> int { return x.$0a$0 }", "property"),
    ("flow f() -> { a: int } { return { $0a$0: 1 } }", "property"),
    ("flow f(a: int) -> { a: int } { return { $0a$0 } }", "parameter"),
    ("type T = $0Some$0(x: int) | None", "enumMember declaration"),
    ("flow f() { fail $0AgentFailed$0 }", "class defaultLibrary"),
    ("error E\nflow f() { fail $0E$0() }", "class"),
    ("flow $0timeout$0() { return null }", "function declaration"),
    ("flow f() { $0return$0 null }", "keyword"),
    ("flow f() { step a = = $0for$0 }", "keyword"),
    ('import "x.flow" as $0x$0', "namespace declaration"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), COLOURS)
def test_a_name_has_the_colour_of_what_it_means(text, expected):
    plain, (start, end) = marked(text)
    kinds = {
        (token.start, token.end): [
            token.kind,
            *(m for i, m in enumerate(MODIFIERS) if token.modifiers >> i & 1),
        ]
        for token in tokens(snapshot(plain))
    }
    assert " ".join(kinds.get((start, end), ["nothing"])) == expected


def test_literals_and_comments_are_coloured_where_no_grammar_does():
    text = '// c\nflow f() -> string {\n  let a = 1.5 /// d\n  return "x ${a} ${"y"} z"\n}'
    coloured = [(text[t.start : t.end], t.kind) for t in tokens(snapshot(text), literals=True)]
    wanted = ("string", "number", "comment")
    assert [pair for pair in coloured if pair[1] in wanted] == [
        ("// c", "comment"),
        ("1.5", "number"),
        ("/// d", "comment"),
        ('"x ${', "string"),
        ("} ${", "string"),
        ('"y"', "string"),
        ('} z"', "string"),
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_tokens_are_in_order_do_not_overlap_and_lie_in_one_line(path):
    text = path.read_text(encoding="utf-8")
    found = tokens(snapshot(text), literals=True)
    assert found
    end = 0
    for token in found:
        assert end <= token.start < token.end
        assert "\n" not in text[token.start : token.end]
        end = token.end


def test_a_range_has_the_tokens_of_the_declarations_that_it_touches():
    text = "type A = int\ntype B = int\ntype C = int\n"
    found = tokens(snapshot(text), within=Span(14, 15))
    assert [text[t.start : t.end] for t in found] == ["type", "B", "int"]
