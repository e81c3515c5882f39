"""`flow fmt`: what formatted text looks like, and what formatting never does."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest

from flowlang.syntax import ast
from flowlang.syntax.layout import Above, Beside, Group, Indent, Line, render
from flowlang.syntax.parser import parse
from flowlang.syntax.printer import format_source, print_declarations, print_expression, print_type
from flowlang.text import codes
from flowlang.text.source import Source

ROOT = Path(__file__).resolve().parent.parent
CASES = sorted(p for p in (ROOT / "tests/cases/format").glob("*.flow") if not p.name.endswith(".out.flow"))
EXAMPLES = sorted((ROOT / "examples").rglob("*.flow"))


def formatted(text: str) -> str:
    result = format_source(Source("a.flow", text))
    assert isinstance(result, str), result
    return result


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_cases(path: Path) -> None:
    """`name.flow` is formatted to `name.out.flow`, which is left alone; UPDATE_CASES=1 writes the latter."""
    wanted = path.with_suffix(".out.flow")
    result = formatted(path.read_text(encoding="utf-8"))
    if os.environ.get("UPDATE_CASES"):
        wanted.write_text(result, encoding="utf-8")
    assert result == wanted.read_text(encoding="utf-8")
    assert formatted(result) == result


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


# Files


def test_a_file_that_does_not_parse_gives_its_mistakes() -> None:
    result = format_source(Source("a.flow", "error  A\nflow f( {\n}\n"))
    assert isinstance(result, tuple)
    assert [mistake.path for mistake in result] == ["a.flow"]
    assert result[0].primary.span.start > len("error  A\n")


def test_a_warning_does_not_keep_a_file_from_being_formatted() -> None:
    assert formatted("flow f() {\n/// about nothing\nlet a=1 }") == dedent("""\
        flow f() {
          // about nothing
          let a = 1
        }
        """)


def test_line_breaks_of_windows_become_plain_ones_also_in_strings() -> None:
    text = 'flow f() {\r\n  // c\r\n  let a = """\r\n  b\r\n    c\r\n"""\r\n}\r\n'
    assert formatted(text) == formatted(text.replace("\r\n", "\n"))
    assert "\r" not in formatted(text)


def test_a_byte_order_mark_is_dropped() -> None:
    assert formatted("\ufeff// c\nerror  A") == "// c\nerror A\n"


def test_what_would_grow_too_large_is_left_alone() -> None:
    text = "flow f() {\n  let a = [" + "1," * 8000 + "]\n}"
    result = format_source(Source("a.flow", text))
    assert isinstance(result, tuple)
    assert [mistake.code for mistake in result] == [codes.EXPRESSION_TOO_LARGE]
    assert result[0].message.startswith("formatted, ")

    deep = "flow f() { " + "step a = do { " * 30 + "let a=1 " * 16_000 + "}" * 31
    result = format_source(Source("a.flow", deep))
    assert isinstance(result, tuple)
    assert [mistake.code for mistake in result] == [codes.SOURCE_TOO_LARGE]


@pytest.mark.parametrize(
    "value",
    [
        " + ".join(["a"] * 120),
        "not " * 120 + "a",
        "-" * 120 + "a",
        "a" + ".b" * 120,
        "if a then b else " * 120 + "c",
        "[" * 60 + "]" * 60,
        "f(a: not b or c and d == e ?? -" * 12 + "1" + ")" * 12,
    ],
)
def test_nothing_is_too_deep_for_the_printer(value: str) -> None:
    result = formatted(f"flow f() {{ let a = {value} }}")
    assert formatted(result) == result


# Trees without a text


def declarations(text: str) -> list[ast.Declaration]:
    return [item.declaration for item in parse(Source("a.flow", text)).items]


def test_declarations_get_their_blank_lines_from_their_size() -> None:
    text = dedent("""\
        import "a.flow" as a
        import "b.flow" as b

        error A
        error B

        flow f() -> int {
          let a = 1
          let b = 2

          /// What it does.
          step c = g()

          let d = 3
          step e = g()

          step f = g()
            timeout 1m

          return 4
        }

        flow g() {}
        """)
    assert print_declarations(declarations(text.replace("\n\n", "\n"))) == text
    assert print_declarations([]) == ""


def test_expressions_and_types_are_printed_in_one_line() -> None:
    words = ", ".join(f"the_{number}_item" for number in range(20))
    (flow,) = declarations(f"flow f(a: {{ b: int? }}) {{ let a = [{words}].map(x => -x.y) }}")
    assert isinstance(flow, ast.FlowDecl) and isinstance(flow.body.statements[0], ast.Let)
    assert print_expression(flow.body.statements[0].value) == f"[{words}].map(x => -x.y)"
    assert print_type(flow.signature.params[0].type) == "{ b: int? }"


# Documents


def test_a_group_is_flat_if_it_fits_with_what_follows_it() -> None:
    group = Group(("a(", Indent((Line(""), "b")), Line(""), ")"))
    assert render((group, " c"), width=6) == "a(b) c"
    assert render((group, " c"), width=5) == "a(\n  b\n) c"
    assert render((group, Line(None), "c"), width=4) == "a(b)\nc"


def test_a_comment_ends_the_lines_next_to_it_and_no_others() -> None:
    def lines(*comment: object) -> str:
        inner = Group(("b(", Indent((Line(""), *comment, "c")), Line(""), ")"))  # type: ignore[arg-type]
        return render(Group(("a", Indent((Line(" "), inner)))))

    assert lines() == "a b(c)"
    assert lines(Above("// x")) == "a\n  b(\n    // x\n    c\n  )"
    assert render((Group(("a", Line(" "), "b")), Beside("// x"), Group((Line(" "), "c")))) == "a b  // x\nc"


def test_a_second_comment_on_a_line_goes_above_it() -> None:
    assert render(("a", Beside("// x"), " b", Beside("// y"))) == "// y\na b  // x"
