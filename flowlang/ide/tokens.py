"""What each word of a file is, for colours that know the meaning of names.

Names come from the tree and its facts: what a name is called by is what it refers to, not how it is written.
The language's words are soft, so a word is a keyword where the tree has no name. Literals and comments are
the same in every grammar that an editor highlights by; they are given only to an editor that has none.

Tokens are made once for each declaration, do not overlap, and none spans a line break."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Literal, NamedTuple, TypeAlias, get_args

from flowlang.ide.snapshot import Snapshot
from flowlang.semantics import builtins
from flowlang.semantics.check import Entry
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    EventName,
    Facts,
    Local,
    Namespace,
    Symbol,
    TypeName,
)
from flowlang.syntax import ast
from flowlang.syntax.lexer import compiled
from flowlang.syntax.literals import Hole, string_pieces
from flowlang.syntax.remembered import remembered
from flowlang.syntax.tables import load
from flowlang.syntax.words import TYPES
from flowlang.text.source import Span

TokenKind: TypeAlias = Literal[
    "namespace", "type", "class", "enumMember", "event", "function", "method", "parameter", "variable",
    "property", "keyword", "string", "number", "comment",
]  # fmt: skip
Modifier: TypeAlias = Literal["declaration", "defaultLibrary", "modification", "documentation"]

KINDS: tuple[TokenKind, ...] = get_args(TokenKind)
MODIFIERS: tuple[Modifier, ...] = get_args(Modifier)

DECLARATION, BUILT_IN, CHANGES, DOC = (1 << index for index in range(len(MODIFIERS)))
"""The modifiers as bits: a name where it is declared, what comes with the language, an agent whose effect is
`write`, documentation."""

MOST_NESTED_HOLES = 8


class Token(NamedTuple):
    start: int
    end: int
    kind: TokenKind
    modifiers: int = 0


def tokens(snapshot: Snapshot, *, within: Span | None = None, literals: bool = False) -> list[Token]:
    """The tokens of a file, or of its declarations that touch a stretch, in order; with literals and
    comments if wanted."""
    entries = snapshot.module.entries
    found: list[Token] = []
    for item in snapshot.tree.items:
        if within is None or (
            item.offset < within.end and within.start < item.offset + len(item.parsed.text)
        ):
            made = _of_declaration(entries[item.key])
            base = item.offset
            found += [
                Token(base + start, base + end, kind, bits)
                for start, end, kind, bits in made
                if literals or kind not in _LITERALS
            ]
    if literals:
        comments = (comment.span for comment in snapshot.tree.comments)
        found = sorted([*found, *(Token(*span, "comment") for span in comments)])
    return found


_LITERALS = frozenset({"string", "number", "comment"})


@remembered
def _of_declaration(entry: Entry) -> tuple[Token, ...]:
    """The tokens of a declaration, relative to it."""
    text = entry.parsed.text
    names: dict[int, Token] = {}
    for token in _names(entry.parsed.declaration, entry.facts):
        names.setdefault(token.start, token)
    words = (token for token in _words(text, 0, len(text), 0) if token.start not in names)
    return tuple(sorted(chain(names.values(), words)))


# Names


def _names(declaration: ast.Declaration, facts: Facts) -> Iterator[Token]:
    """The names of a tree, parents first: what a node says of a name goes before what the name says."""
    for node in ast.walk(declaration):
        named = _declared(node) or _mentioned(node, facts)
        for ident, kind, modifiers in named:
            yield Token(*ident.span, kind, modifiers)


_Named: TypeAlias = tuple[tuple[ast.Node, TokenKind, int], ...]


def _declared(node: ast.Node) -> _Named:
    """The names that a node declares; () for one that declares none."""
    match node:
        case ast.Import(name=name):
            return ((name, "namespace", DECLARATION),)
        case ast.Use(provider=provider, name=name):
            return ((provider, "namespace", BUILT_IN), (name, "namespace", DECLARATION))
        case ast.TypeDecl(name=name):
            return ((name, "type", DECLARATION),)
        case ast.Variant(name=name):
            return ((name, "enumMember", DECLARATION),)
        case ast.ErrorDecl(name=name):
            return ((name, "class", DECLARATION),)
        case ast.EventDecl(name=name):
            return ((name, "event", DECLARATION),)
        case ast.AgentDecl(name=name) | ast.FlowDecl(name=name):
            return ((name, "function", DECLARATION),)
        case ast.Field(name=name):
            return ((name, "property", DECLARATION),)
        case ast.Param(name=name):
            return ((name, "parameter", DECLARATION),)
        case ast.Step(name=name) | ast.Let(name=name) | ast.Run(name=name):
            return ((name, "variable", DECLARATION),)
        case ast.Broken(name=ast.Ident() as name):
            return ((name, "variable", DECLARATION),)
        case ast.ForEach(first=first, second=second):
            return tuple((name, "variable", DECLARATION) for name in (first, second) if name is not None)
        case ast.While(state=name):
            return ((name, "variable", DECLARATION),)
        case ast.Catch(binding=ast.Ident() as name):
            return ((name, "variable", DECLARATION),)
        case ast.Lambda(params=params):
            return tuple((name, "parameter", DECLARATION) for name in params)
        case ast.Binding(field=field, name=name):
            short: _Named = ((name, "variable", DECLARATION),)
            return short if field.span == name.span else ((field, "property", 0), *short)
    return ()


def _mentioned(node: ast.Node, facts: Facts) -> _Named:
    """The names that a node refers to by, and labels."""
    match node:
        case ast.Argument(name=ast.Ident() as name):
            return ((name, "parameter", 0),)
        case ast.Entry(name=name, short=False):
            return ((name, "property", 0),)
        case ast.Effect(name=name):
            return ((name, "enumMember", BUILT_IN),)
        case ast.After(names=names):
            return tuple((name, "variable", 0) for name in names)
        case ast.GenericType(name=name):
            return ((name, "type", BUILT_IN),)
        case ast.NamedType(name=ast.QualifiedName(module=None, name=name)) if name.name in TYPES:
            return ((name, "type", BUILT_IN),)
        case ast.QualifiedName(module=module, name=name):
            space: _Named = ((module, "namespace", 0),) if isinstance(module, ast.Ident) else ()
            return (*space, *_as(name, facts.symbols.get(node.id)), *_built_in_error(node, facts))
        case ast.Name(name=text):
            if node.id not in facts.symbols and text in builtins.ERRORS:
                return ((node, "class", BUILT_IN),)
            return _as(node, facts.symbols.get(node.id))
        case ast.Member(name=name):
            if node.id in facts.symbols:
                return _as(name, facts.symbols[node.id])
            return ((name, "property", 0),)
        case ast.Call(callee=ast.Member(name=name)) if node.id in facts.methods:
            return ((name, "method", BUILT_IN),)
    return ()


def _built_in_error(name: ast.QualifiedName, facts: Facts) -> _Named:
    if name.module is None and name.id not in facts.symbols and name.name.name in builtins.ERRORS:
        return ((name.name, "class", BUILT_IN),)
    return ()


def _as(name: ast.Node, symbol: Symbol | None) -> _Named:
    match symbol:
        case Local(kind="param" | "lambda"):
            return ((name, "parameter", 0),)
        case Local(node=node):
            return ((name, "variable", BUILT_IN if node < 0 else 0),)
        case Callable(effect=effect):
            return ((name, "function", CHANGES if effect == "write" else 0),)
        case TypeName():
            return ((name, "type", 0),)
        case Constructor():
            return ((name, "enumMember", 0),)
        case ErrorName():
            return ((name, "class", 0),)
        case EventName():
            return ((name, "event", 0),)
        case Namespace():
            return ((name, "namespace", 0),)
    return ()


# Words, literals and comments


def _words(text: str, start: int, end: int, depth: int) -> Iterator[Token]:
    """Keywords, literals and comments of a stretch, each in pieces that lie in one line."""
    matches, keywords = compiled(load())
    for match in matches(text, start, end):
        kind = match.lastgroup or ""
        at = Span(*match.span(kind))
        if kind in ("NAME", "FIRST"):
            if match[kind] in keywords and not _is_label(text, at):
                yield Token(*at, "keyword")
        elif kind in ("COMMENT", "DOC"):
            yield Token(at.start, at.start + len(match[kind].rstrip()), "comment", DOC * (kind == "DOC"))
        elif "STRING" in kind or kind == "UNCLOSED":
            yield from _string(text, at, depth)
        elif kind in ("INT", "FLOAT", "DURATION"):
            yield Token(*at, "number")


def _is_label(text: str, at: Span) -> bool:
    """Whether a word that has no node, because what it stands in is broken, is a name all the same."""
    return text[at.start - 1 : at.start] == "." or text[at.end : at.end + 1] == ":"


def _string(text: str, at: Span, depth: int) -> Iterator[Token]:
    """A string around its holes, and what stands in these."""
    start = at.start
    if depth < MOST_NESTED_HOLES:
        holes = (piece for piece in string_pieces(text[at.start : at.end]) if isinstance(piece, Hole))
        for hole in holes:
            yield from _in_lines(text, Span(start, at.start + hole.start), "string")
            yield from _words(text, at.start + hole.start, at.start + hole.end, depth + 1)
            start = at.start + hole.end
    yield from _in_lines(text, Span(start, at.end), "string")


def _in_lines(text: str, span: Span, kind: TokenKind) -> Iterator[Token]:
    start = span.start
    while start < span.end:
        stop = text.find("\n", start, span.end)
        stop = span.end if stop < 0 else stop
        if text[start:stop].strip():
            yield Token(start, stop, kind)
        start = stop + 1
