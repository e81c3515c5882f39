"""The formatter: text or tree -> text, in the one layout that flows have.

Three steps, a module each: comments and blank lines are attached to the nodes they stand at (`comments`),
each node gets a document (`printing`, with the rules in `print_…`), and documents are rendered (`layout`).
Declarations are printed one by one, so a long file costs no more than its declarations.

What the formatter promises: its result has the same tree and the same comments, and formatting it again
changes nothing. The first is not left to hope: the result is parsed and compared before anyone sees it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise, zip_longest
from reprlib import repr

import attrs

# The rules of these modules register themselves for their kinds of nodes.
import flowlang.syntax.print_declarations
import flowlang.syntax.print_tasks  # noqa: F401
from flowlang.syntax import ast
from flowlang.syntax.comments import BLANK_LINE, Attached, attach, written
from flowlang.syntax.compare import first_difference
from flowlang.syntax.layout import render
from flowlang.syntax.parser import parse
from flowlang.syntax.print_expressions import BLOCK_TASKS
from flowlang.syntax.printing import lay_out
from flowlang.syntax.remembered import remembered
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Source, Span


def format_source(source: Source) -> str | tuple[Diagnostic, ...]:
    """The formatted text of a file; the placed diagnostics of one that does not parse, or that formatted
    would be larger than a file or an expression may be.

    Raises AssertionError where the result would not mean the same. That is a bug of ours, and the
    caller leaves the file as it is."""
    return format_module(parse(source))


def format_module(module: ast.Module) -> str | tuple[Diagnostic, ...]:
    """The same of a file that is parsed already."""
    mistakes = placed_diagnostics(module)
    if has_errors(mistakes):
        return mistakes
    text = print_module(module)
    result = parse(Source(module.source.path, text), previous=module)
    if not has_errors(result.diagnostics):
        prove_same(module, result)
    overgrown = errors_of_size(module, result)
    return overgrown or text


def has_errors(found: Iterable[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in found)


def errors_of_size(module: ast.Module, result: ast.Module) -> tuple[Diagnostic, ...]:
    """What is wrong with a result that has the right tree, placed where the original has it."""
    found = [(Span(0, 0), mistake) for mistake in result.diagnostics]
    for old, new in zip(module.items, result.items, strict=False):
        first_line = Span(old.offset, old.offset + len(old.parsed.text.partition("\n")[0]))
        found += [(first_line, mistake) for mistake in new.parsed.diagnostics]
    return tuple(
        attrs.evolve(
            mistake,
            message=f"formatted, {mistake.message}",
            primary=Label(place, anchor=Anchor(module.source.path)),
            related=(),
            fix=None,
        )
        for place, mistake in found
        if mistake.severity == "error"
    )


def placed_diagnostics(module: ast.Module) -> tuple[Diagnostic, ...]:
    home = Anchor(module.source.path)
    found = [(0, mistake) for mistake in module.diagnostics]
    found += [(item.offset, mistake) for item in module.items for mistake in item.parsed.diagnostics]
    placed = [mistake.placed(home, constant(offset)) for offset, mistake in found]
    return tuple(sorted(placed, key=lambda mistake: mistake.primary.span))


def constant(offset: int) -> Callable[[Anchor], int]:
    return lambda anchor: offset


def prove_same(before: ast.Module, after: ast.Module) -> None:
    """Raise AssertionError unless two files have the same declarations and the same comments."""
    for old, new in zip_longest(before.items, after.items):
        if old and new and old.parsed is new.parsed:
            continue  # it was canonical
        difference = first_difference(old.declaration, new.declaration) if old and new else (old, new)
        if difference:
            raise AssertionError(f"formatting changes {repr(difference[0])} to {repr(difference[1])}")
    if comments_of(before) != comments_of(after):
        lost = comments_of(before) - comments_of(after)
        added = comments_of(after) - comments_of(before)
        raise AssertionError(f"formatting loses the comments {list(lost)} and adds {list(added)}")


def comments_of(module: ast.Module) -> Counter[str]:
    inside = (comment for item in module.items for comment in item.parsed.comments)
    return Counter(written(comment) for comment in (*module.comments, *inside))


# Files


def print_module(module: ast.Module) -> str:
    """A parsed file with its comments. Between declarations stands one blank line, but those of one line
    may stand together where the author has put them together."""
    text = ""
    previous: Piece | None = None
    for piece in pieces_of(module):
        text += separator(previous, piece, module.source) + piece.text
        previous = piece
    return text + "\n" if text else ""


@attrs.frozen
class Piece:
    """A printed declaration, or a comment between declarations. A comment is as short as what follows it."""

    text: str
    span: Span
    is_comment: bool
    is_short: bool


def separator(upper: Piece | None, lower: Piece, source: Source) -> str:
    if upper is None:
        return ""
    may_touch = upper.is_comment or (upper.is_short and lower.is_short)
    has_blank_line = BLANK_LINE.search(source.text, upper.span.end, lower.span.start)
    return "\n" if may_touch and not has_blank_line else "\n\n"


def is_short(text: str) -> bool:
    """Whether a declaration takes one line, not counting its documentation and comments."""
    return sum(not line.startswith("//") for line in text.split("\n")) == 1


def pieces_of(module: ast.Module) -> list[Piece]:
    """What a file is made of, in the order of its text."""
    pieces: list[Piece] = []
    beside: list[ast.Comment] = []  # of the next declaration
    short = True
    parts: list[ast.Item | ast.Comment] = [*module.items, *module.comments]
    for part in sorted(parts, key=start_of, reverse=True):
        if isinstance(part, ast.Item):
            text = print_item(part, beside)
            end = beside[0].span.end if beside else part.offset + len(part.parsed.text)
            short = is_short(text)
            pieces.append(Piece(text, Span(part.offset, end), False, short))
            beside = []
        elif part.own_line:
            pieces.append(Piece(written(part), part.span, True, short))
        else:
            beside.append(part)
    return pieces[::-1]


def start_of(part: ast.Item | ast.Comment) -> int:
    return part.offset if isinstance(part, ast.Item) else part.span.start


def print_item(item: ast.Item, beside: list[ast.Comment]) -> str:
    return print_parsed(item.parsed, beside) if beside else print_alone(item.parsed)


@remembered
def print_alone(parsed: ast.Parsed) -> str:
    return print_parsed(parsed, [])


def print_parsed(parsed: ast.Parsed, beside: list[ast.Comment]) -> str:
    attached = attach(parsed.declaration, parsed.comments, parsed.text)
    attached.beside[parsed.declaration] += beside
    return render(lay_out(parsed.declaration, attached))


# Trees that come from no source


def print_declarations(declarations: Iterable[ast.Declaration]) -> str:
    """Declarations as a file. Neighbours of one kind that take a line each stand together."""
    text = ""
    above: tuple[type, bool] | None = None
    for declaration in declarations:
        printed = print_declaration(declaration)
        here = type(declaration), is_short(printed)
        separator = "\n" if here == above and is_short(printed) else "\n\n"
        text += separator + printed if above else printed
        above = here
    return text + "\n" if text else ""


def print_declaration(declaration: ast.Declaration) -> str:
    """The text of a declaration, without a line break at its end."""
    return render(lay_out(declaration, Attached(spaced=airy(declaration))))


def airy(root: ast.Node) -> set[ast.Node | ast.Comment]:
    """The statements that a blank line looks well before: those next to one of several lines."""
    blocks = [node.statements for node in ast.walk(root) if isinstance(node, ast.Block)]
    pairs = [pair for statements in blocks for pair in pairwise(statements)]
    return {lower for upper, lower in pairs if is_tall(upper) or is_tall(lower)}


def is_tall(statement: ast.Statement) -> bool:
    match statement:
        case ast.Step(task=task, clauses=clauses, doc=doc):
            return bool(clauses or doc) or isinstance(task, BLOCK_TASKS)
        case ast.Return(task=task) | ast.Yield(task=task) | ast.Next(task=task):
            return isinstance(task, BLOCK_TASKS)
    return False


def print_expression(expression: ast.Expr) -> str:
    """The text of an expression in one line, unless a text block is in it."""
    return render(lay_out(expression, Attached()), sys.maxsize)


def print_type(type: ast.TypeExpr) -> str:
    """The text of a type in one line, unless its fields are documented."""
    return render(lay_out(type, Attached()), sys.maxsize)
