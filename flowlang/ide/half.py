"""A cursor in a half-typed text -> the declaration that it may become, checked, with a mark at the cursor.

Whoever wants to know what fits at a cursor wants to know what the checker would know there: which names are
in sight, which type is wanted, what a call takes. So the word at the cursor is replaced by a name that
nobody has, the text around it is made whole where it is not (see `prefix.py`), and this one declaration is
parsed and checked again, with a checker that notes what it knew when it came to the mark.

Three texts are tried, until one has the mark in its tree: as it stands, if the statement fits then; with
what the line lacks put in its place; without anything behind the cursor. Nearly always one parse is enough,
and the last always parses, so there is nearly always a tree."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from string import ascii_letters, digits

import attrs

from flowlang.ide.prefix import Prefix, read_prefix
from flowlang.ide.snapshot import Snapshot, nodes_at
from flowlang.semantics.expressions import Expressions
from flowlang.semantics.facts import Parameter, Symbol
from flowlang.semantics.scope import Env
from flowlang.semantics.single import check_single, session_for
from flowlang.semantics.suggest import Guesses
from flowlang.semantics.types import Type
from flowlang.syntax import ast
from flowlang.syntax.declaration import parse_declaration
from flowlang.syntax.tables import load
from flowlang.text.source import Span

MARK = "_mark_"


@attrs.define(eq=False, repr=False)
class Watching(Expressions):
    """Inference that notes what was known where the mark stands, and what type each expression should
    have."""

    marked: frozenset[int] = frozenset()  # the nodes from the declaration to the mark
    env: Env | None = None
    wanted: dict[int, Type] = attrs.field(factory=dict)

    def infer(self, expr: ast.Node, env: Env, wanted: Type | None = None) -> Type:
        self.note(expr, env, wanted)
        return super().infer(expr, env, wanted)

    def arguments(self, expr: ast.Call, env: Env, parameters: tuple[Parameter, ...], name: str) -> None:
        self.note(expr, env, None)
        super().arguments(expr, env, parameters, name)

    def _name(self, expr: ast.Name, env: Env, *, secret: bool = False) -> Type:
        self.note(expr, env, None)
        return super()._name(expr, env, secret=secret)

    def _name_argument(self, value: ast.Name, env: Env, parameter: Parameter, what: str) -> None:
        self.note(value, env, parameter.type)
        super()._name_argument(value, env, parameter, what)

    def note(self, expr: ast.Node, env: Env, wanted: Type | None) -> None:
        if expr.id in self.marked:
            self.env = env
            if wanted is not None:
                self.wanted[expr.id] = wanted


@attrs.frozen(eq=False, repr=False)
class Half:
    """What is known at a cursor.

    `word` is the stretch of the file that a completion replaces, `typed` what of it stands before the cursor.
    `nodes` go from the declaration to the mark; where no name may stand at the cursor they go to what is
    there, and `is_marked` is false. They belong to `item`, which is of no file; `known` is what its check
    noted. Without a declaration at the cursor there are none."""

    prefix: Prefix
    word: Span
    typed: str
    item: ast.Item | None = None
    nodes: tuple[ast.Node, ...] = ()
    is_marked: bool = False
    known: Watching | None = None

    @property
    def in_string(self) -> bool:
        return self.prefix.string is not None

    def type_of(self, node: ast.Node) -> Type | None:
        return self.known.tables.types.get(node.id) if self.known else None

    def wanted(self, node: ast.Node) -> Type | None:
        """The type that a node on the way to the mark should have, where one is asked for."""
        return self.known.wanted.get(node.id) if self.known else None


def half_at(snapshot: Snapshot, offset: int) -> Half:
    """What is known at an offset of a file, however broken the text around it is."""
    offset = max(0, min(offset, len(snapshot.text)))
    start, end = around(snapshot, offset)
    text = snapshot.text[start:end]
    cursor = Cursor(text, offset - start)
    typed = snapshot.text[start + cursor.word.start : offset]
    half = Half(cursor.prefix, cursor.word.shifted(start), typed)
    if cursor.prefix.in_comment:
        return half
    for whole, at in cursor.texts():
        parsed = parse_declaration(whole)
        nodes = nodes_at(parsed.declaration, at)
        is_marked = is_mark(nodes[-1])
        half = attrs.evolve(half, item=ast.Item("", start, parsed), nodes=nodes, is_marked=is_marked)
        if is_marked or not (cursor.mark or isinstance(nodes[-1], BROKEN)):
            break
    return half


BROKEN = (ast.Broken, ast.BrokenDecl, ast.BrokenExpr, ast.BrokenType)


def is_mark(node: ast.Node) -> bool:
    match node:
        case ast.Name(name=name) | ast.Ident(name=name):
            return name == MARK
        case ast.Text(value=value):
            return value == MARK
    return False


def checked_half(snapshot: Snapshot, half: Half) -> Half:
    """The same, with what the checker knows there. What has no meaning yet costs nothing."""
    if half.item is None or isinstance(half.nodes[0], ast.BrokenDecl | ast.Import | ast.Use):
        return half
    names = snapshot.module.namespace
    session = session_for(snapshot.path, half.item, names, Guesses(0), Watching)
    assert isinstance(session.expressions, Watching)
    session.expressions.marked = frozenset(node.id for node in half.nodes)
    check_single(half.item, session)
    return attrs.evolve(half, known=session.expressions)


def symbol_in_half(snapshot: Snapshot, half: Half, word: str) -> tuple[Symbol, Type | None] | None:
    """What a word would refer to where the mark of a checked `half` is, with the type of a value there."""
    if half.in_string or (half.is_marked and isinstance(half.nodes[-2], ast.Member)):
        return None
    env = half.known.env if half.known else None
    value = env.names.find(word) if env else None
    if env is not None and value is not None:
        return value.local, env.type_of(value)
    found = snapshot.module.namespace.get(word)
    return None if found is None else (found, None)


def around(snapshot: Snapshot, offset: int) -> tuple[int, int]:
    """The stretch of the declaration that a cursor is in, or that it stands behind."""
    items = snapshot.tree.items
    index = bisect_right([item.offset for item in items], offset) - 1
    if index < 0:
        return 0, offset
    start = items[index].offset
    return start, max(offset, start + len(items[index].parsed.text))


class Cursor:
    """A cursor in the text of a declaration: the word at it, and the texts that may be whole."""

    def __init__(self, text: str, offset: int) -> None:
        self.text = text
        self.word = word_around(text, offset)
        self.prefix = read_prefix(text[: self.word.start])
        if self.prefix.string is not None:
            self.word = string_at(text, self.prefix.string, offset)
        self.mark = MARK if self.prefix.takes_name else f'"{MARK}"' if self.prefix.takes_string else ""

    def texts(self) -> Iterator[tuple[str, int]]:
        """Texts that may be whole, each with where the mark (or what else is at the cursor) stands in it."""
        before, behind = self.text[: self.word.start], self.text[self.word.end :]
        inside = 1 if self.mark else 0
        if self.is_whole():
            yield before + self.mark + behind, len(before) + inside
        mended, ending = self.prefix.mended, self.mark + self.prefix.ending
        line_end = behind.find("\n")
        yield mended + ending + (behind[line_end:] if line_end >= 0 else ""), len(mended) + inside
        yield mended + ending + "\n}" * self.prefix.blocks, len(mended) + inside

    def is_whole(self) -> bool:
        """Whether the text is sound around the mark, as far as that can be told without parsing it."""
        if not self.mark:
            return not self.word.start < self.word.end
        return self.prefix.goes_on_with(self.text, self.word.end)


def word_around(text: str, offset: int) -> Span:
    """The word that an offset is in, or at an end of; empty where there is none."""
    start = end = offset
    while start > 0 and text[start - 1] in WORD:
        start -= 1
    while end < len(text) and text[end] in WORD:
        end += 1
    return Span(start, end)


WORD = frozenset(f"{ascii_letters}{digits}_")


def string_at(text: str, start: int, offset: int) -> Span:
    """The string that begins at `start` and holds `offset`, as far as it goes."""
    whole = re.compile(load().patterns["STRING"]).match(text, start)
    if whole and whole.end() > offset:
        return Span(start, whole.end())
    return Span(start, offset)
