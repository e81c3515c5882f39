"""Attach comments and blank lines: tree + comments + text -> what stands at which node.

The tree has neither, so each comment is given to the node it is about: one on a line of its own to the
node that follows it, one at the end of a line to the node it follows. Within brackets these are the items
of the list; a comment right after the opening bracket or before the closing one belongs to the node that
owns the brackets. Where a comment has no such neighbour (after a keyword, say) it goes above.

The printer puts comments back at their nodes, so they travel with them, for instance when clauses change
places. Blank lines are kept between the statements of a block, the arms of a `match` or `choose`, and
the comments among them; anywhere else they are the printer's to choose."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import attrs

from flowlang.syntax import ast
from flowlang.text.source import Span

Comments: TypeAlias = dict[ast.Node, list[ast.Comment]]


def no_comments() -> Comments:
    return defaultdict(list)


@attrs.frozen
class Attached:
    """The comments of a declaration by their nodes, and what has a blank line before it."""

    above: Comments = attrs.field(factory=no_comments)
    beside: Comments = attrs.field(factory=no_comments)
    opening: Comments = attrs.field(factory=no_comments)  # at the end of the opening bracket's line
    closing: Comments = attrs.field(factory=no_comments)  # on lines before the closing bracket
    spaced: set[ast.Node | ast.Comment] = attrs.field(factory=set)


def attach(root: ast.Node, comments: Sequence[ast.Comment], text: str) -> Attached:
    """Give each comment to a node. `text` is what the spans of `root` and `comments` point into."""
    attached = Attached()
    places = Places(text)
    for comment in comments:
        owners, node = place(comment, root, places, attached)
        owners[node].append(comment)
    for node in ast.walk(root):
        if isinstance(node, ast.Block | ast.TestDecl | ast.Choose | ast.Match):
            attached.spaced.update(spaced(node, attached, text))
    return attached


def written(comment: ast.Comment) -> str:
    """A comment as it is printed. A `///` that documents nothing becomes one of the other comments, or it
    would document what it comes to stand before."""
    text = comment.text.rstrip()
    if not text.startswith("///"):
        return text
    return f"// {text[2:]}" if text.startswith("////") else text[1:]


def place(
    comment: ast.Comment, root: ast.Node, places: Places, attached: Attached
) -> tuple[Comments, ast.Node]:
    around, previous, following, bracketed = places.surroundings(root, comment.span.start)
    if not comment.own_line:
        if previous is not None:
            return attached.beside, previous
        if bracketed:
            return attached.opening, around
    if bracketed and following is None:
        return attached.closing, around
    owner = following or previous or around
    # The variants of a type begin on the line of the first, which is not that of the type's name.
    return attached.above, owner.variants[0] if isinstance(owner, ast.Variants) else owner


class Surroundings(NamedTuple):
    """Where an offset lies: the innermost node around it, and its children before and after. `bracketed`
    tells that the offset lies in a list between brackets; then the children are the items of the list."""

    around: ast.Node
    previous: ast.Node | None
    following: ast.Node | None
    bracketed: bool


@attrs.frozen
class Places:
    """Finds nodes by offset. Remembers what it learnt of a node, so that many comments in one long block
    do not cost more than their number."""

    text: str
    children: dict[ast.Node, tuple[list[ast.Node], list[int]]] = attrs.field(factory=dict)
    spans: dict[ast.Node, Span | None] = attrs.field(factory=dict)

    def surroundings(self, root: ast.Node, offset: int) -> Surroundings:
        around: ast.Node = root
        while True:
            children, starts = self.ordered(around)
            index = bisect_right(starts, offset)
            previous = children[index - 1] if index else None
            if previous is None or previous.span.end <= offset:
                break
            around = previous
        following = children[index] if index < len(children) else None

        brackets = self.brackets(around)
        if brackets is None or offset < brackets.start:
            return Surroundings(around, previous, following, False)
        previous = previous if previous and previous.span.start > brackets.start else None
        if offset < brackets.end:
            following = following if following and following.span.start < brackets.end else None
            return Surroundings(around, previous, following, True)
        previous = previous if previous and previous.span.start > brackets.end else None
        return Surroundings(around, previous, following, False)

    def ordered(self, node: ast.Node) -> tuple[list[ast.Node], list[int]]:
        """The children of a node in the order of the text, and where they start."""
        if node not in self.children:
            children = sorted(ast.children(node), key=lambda child: child.span.start)
            self.children[node] = children, [child.span.start for child in children]
        return self.children[node]

    def brackets(self, node: ast.Node) -> Span | None:
        """From the opening to the closing bracket of a list that a node owns; None if it has none."""
        if node not in self.spans:
            self.spans[node] = self.find_brackets(node)
        return self.spans[node]

    def find_brackets(self, node: ast.Node) -> Span | None:
        listed = bracketed_list(node)
        if listed is None:
            return None
        head, items, pair = listed
        start = self.find(pair[0], head.span.end if head else node.span.start, node.span.end)
        if start < 0:
            return None
        end = self.find(pair[1], items[-1].span.end if items else start + 1, node.span.end)
        return Span(start, end if end >= 0 else node.span.end)

    def find(self, bracket: str, start: int, end: int) -> int:
        """The offset of a bracket in the text between two nodes, where comments may stand too; -1 if none."""
        for found in BRACKET_OR_COMMENT.finditer(self.text, start, end):
            if found[0] == bracket:
                return found.start()
        return -1


BRACKET_OR_COMMENT = re.compile(r"//[^\n]*|[][(){}<>]")


def bracketed_list(node: ast.Node) -> tuple[ast.Node | None, Sequence[ast.Node], str] | None:
    """What stands right before the brackets of a node, what stands within, and the brackets."""
    match node:
        case ast.Block(statements=items):
            return None, items, "{}"
        case ast.TestDecl(name=name, statements=items):
            return name, items, "{}"
        case ast.Choose():
            return None, arms(node), "{}"
        case ast.Match(subject=subject, arms=items):
            return subject, items, "{}"
        case ast.Race(count=count, branches=tuple(items)):
            return count, items, "{}"
        case ast.RecordType(fields=items):
            return None, items, "{}"
        case ast.RecordLiteral(entries=items):
            return None, items, "{}"
        case ast.ListLiteral(items=items):
            return None, items, "[]"
        case ast.Call(callee=callee, arguments=items):
            return callee, items, "()"
        case ast.ConstructorPattern(case=name, bindings=items):
            return name, items, "()"
        case ast.Signature(params=items):
            return None, items, "()"
        case ast.ErrorDecl(name=name, fields=items) | ast.EventDecl(name=name, fields=items):
            return name, items, "()"
        case ast.Variant(name=name, fields=items):
            return name, items, "()"
    return None


def arms(node: ast.Choose) -> Sequence[ast.Node]:
    """All arms of a `choose`; that of `else` is its task alone."""
    return (*node.arms, node.otherwise) if node.otherwise else node.arms


def spaced(node: ast.Node, attached: Attached, text: str) -> list[ast.Node | ast.Comment]:
    """The items of a list, and the comments among them, that have a blank line before them."""
    listed = bracketed_list(node)
    assert listed is not None
    elements: list[ast.Node | ast.Comment] = []
    for item in listed[1]:
        elements += attached.above.get(item, ())
        elements.append(item)
    elements += attached.closing.get(node, ())
    return [
        element
        for previous, element in pairwise(elements)
        if BLANK_LINE.search(text, previous.span.end, element.span.start)
    ]


BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
