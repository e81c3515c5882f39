"""Plans that are made up: well typed by construction, over every construct of the language.

They are made as text, since then the front end reads, checks and compiles them as it does what people write,
and an example that fails can be read, kept and run. What a piece needs is declared when it needs it, so an
example shrinks to a few lines with the few declarations that they use."""

from __future__ import annotations

from functools import cache

import attrs
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from flowlang.agents.describe import describe
from flowlang.plan.lower import lower
from flowlang.plan.model import Plan
from flowlang.semantics.check import check
from flowlang.semantics.modules import load
from flowlang.syntax.printer import format_source
from flowlang.testing.making.flows import Flows
from flowlang.testing.making.kinds import NULL
from flowlang.testing.making.modules import IMPORTED, spread
from flowlang.testing.making.scope import Around
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Source
from flowlang.tools.frontend import compile_plan

PIECES = 60


@attrs.frozen
class Written:
    """A plan, and the text that it was compiled from; `imported` is that of `lib.flow`, if there is one."""

    text: str
    plan: Plan = attrs.field(eq=False)
    imported: str = ""

    def __repr__(self) -> str:
        imported = f', imported="""\\\n{self.imported}"""' if self.imported else ""
        return f'Written("""\\\n{self.text}"""{imported})'

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        printer.text(repr(self))  # as Hypothesis shows an example; else it would take the plan apart


def plans(*, pieces: int = PIECES) -> st.SearchStrategy[Written]:
    """Plans whose main flow is `main`, with their text. `pieces` is about how many there may be in one."""
    return _compiled(well_typed(pieces))


def expressions(*, depth: int = 5) -> st.SearchStrategy[Written]:
    """Plans whose main flow only returns an expression of its parameters."""
    return _compiled(_expressions(depth).map(formatted))


@st.composite
def _compiled(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> Written:
    return compiled(draw(texts))


def compiled(text: str) -> Written:
    return Written(text, compile_plan("made.flow", text=text))


@cache
def well_typed(pieces: int = PIECES) -> st.SearchStrategy[str]:
    """Text of modules that check without an error, laid out as `flow fmt` does."""
    return _modules(pieces).map(formatted)


@st.composite
def _modules(draw: st.DrawFn, pieces: int) -> str:
    return "\n\n".join(_declarations(draw, pieces)) + "\n"


def _declarations(draw: st.DrawFn, pieces: int) -> list[str]:
    maker = Flows(draw, pieces)
    result = maker.type() if not maker.maybe(5) else NULL
    maker.flow("main", result, Around(depth=3))
    return sorted(maker.lines, key=_order)


def projects(*, pieces: int = PIECES) -> st.SearchStrategy[tuple[Written, Written]]:
    """Plans of which some declarations are imported from another module; each behind the same in one file."""
    return _spread(pieces)


@st.composite
def _spread(draw: st.DrawFn, pieces: int) -> tuple[Written, Written]:
    declarations = _declarations(draw, pieces)
    others = [n for n, text in enumerate(declarations) if not text.startswith("flow main(")]
    moved = draw(st.sets(st.sampled_from(others), max_size=4)) if others else set()
    entry, imported = map(formatted, spread(declarations, moved))
    texts = {"made.flow": entry, f"{IMPORTED}.flow": imported}
    return compiled(formatted("\n\n".join(declarations))), Written(entry, _of_texts(texts), imported)


def _of_texts(texts: dict[str, str]) -> Plan:
    def read(path: str) -> Source | Diagnostic:
        return Source(path, texts[path])

    checked = check(load("made.flow", read=read, describe=describe, root=""))
    if checked.has_errors:
        raise AssertionError("\n".join(d.message for d in checked.diagnostics) + str(texts))
    return lower(checked)


@st.composite
def _expressions(draw: st.DrawFn, depth: int) -> str:
    maker = Flows(draw, PIECES)
    maker.expression_flow("main", maker.type(), Around(depth=depth))
    return "\n\n".join(sorted(maker.lines, key=_order)) + "\n"


def _order(declaration: str) -> int:
    undocumented = declaration.partition("\n")[2] if declaration.startswith("///") else declaration
    return ("type", "error", "event", "agent", "ask", "flow").index(undocumented.partition(" ")[0])


def formatted(text: str) -> str:
    made = format_source(Source("made.flow", text))
    if not isinstance(made, str):
        raise AssertionError(f"{made[0].message}\n{text}")
    return made
