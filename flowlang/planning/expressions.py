"""Expressions of a plan -> trees at their places, by the language's own grammar.

What they may name is settled: `results.STEP`, `inputs.NAME`, `metadata.NAME`, the items of the loops around
them, and `run` and `attempt`. The first three become what they stand for; of the others nothing else is in
sight, and nothing can be called but the constructors of the types that a library declares. So an expression
cannot reach an agent, however it is written; the checker would refuse it where it may not stand, but here it
may not stand at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from flowlang.planning.agents import Agents
from flowlang.planning.literals import interpolation_text
from flowlang.planning.places import Placed
from flowlang.planning.trees import Maker
from flowlang.semantics.facts import Constructor, ErrorName, TypeName
from flowlang.semantics.suggest import FEW, Guesses, WayOut, way_out
from flowlang.syntax import ast
from flowlang.syntax.parser import parse_expression
from flowlang.syntax.sizes import MAX_EXPRESSION
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Edit, Fix, Label, Problems
from flowlang.text.source import Span

AMBIENT = frozenset(("run", "attempt"))
MOST_GUESSES = 100_000  # comparisons of names in one plan
ROOTS = ("results", "inputs", "metadata")


@attrs.frozen(eq=False)
class Scope:
    """What expressions see at a place: what is written, by the language's name for it. `items` are what loops
    bind; the others stand behind `results.`, `inputs.` and `metadata.`. `ids` are those of the steps."""

    steps: Mapping[str, str] = attrs.field(factory=dict)
    inputs: Mapping[str, str] = attrs.field(factory=dict)
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    items: Mapping[str, str] = attrs.field(factory=dict)
    ids: frozenset[str] = frozenset()

    def with_steps(self, steps: Mapping[str, str]) -> Scope:
        """With more steps, by their ids. Where no other has that id, a step is found by its name as well."""
        names = {name: name for name in steps.values() if name not in self.ids}
        return attrs.evolve(self, steps={**self.steps, **names, **steps}, ids=self.ids | steps.keys())

    def with_item(self, item: str, name: str) -> Scope:
        return attrs.evolve(self, items={**self.items, item: name})

    def known(self, root: str) -> Mapping[str, str]:
        return {"results": self.steps, "inputs": self.inputs, "metadata": self.metadata}[root]

    def names(self) -> set[str]:
        """The names of the language that are in sight."""
        every = (self.steps, self.inputs, self.metadata, self.items)
        return {name for names in every for name in names.values()}


@attrs.frozen(eq=False)
class Expressions:
    agents: Agents
    make: Maker
    problems: Problems
    guesses: Guesses = attrs.field(factory=lambda: Guesses(MOST_GUESSES))

    def parse(self, text: Placed, scope: Scope) -> ast.Expr:
        """The tree of a text that is one expression."""
        if self.is_too_large(text):
            return self.make(ast.BrokenExpr, text.whole)
        tree, found = parse_expression(text.text)
        self.problems.found += [_moved(diagnostic, text) for diagnostic in found]
        naming = _Naming(self, text, scope, dict(bound_names(tree)), set(_roots(tree)))
        return self.make.again(tree, lambda span: _place(span, text), naming.replaced)

    def is_too_large(self, text: Placed) -> bool:
        """Whether an expression, or a text with holes, is larger than the language has them; reports it."""
        if len(text.text) <= MAX_EXPRESSION:
            return False
        message = f"this expression has {len(text.text):,} characters; {MAX_EXPRESSION:,} is the most"
        help = "give a part of it to a step, an input or `metadata`"
        at = Span(text.whole.start, text.whole.start)
        self.problems.report(codes.EXPRESSION_TOO_LARGE, at, message, help=help)
        return True


def _place(span: Span, text: Placed) -> Span:
    length = len(text.text)
    return text.span(min(span.start, length), min(span.end, length))


def _moved(found: Diagnostic, text: Placed) -> Diagnostic:
    def label(one: Label) -> Label:
        return attrs.evolve(one, span=_place(one.span, text))

    fix = found.fix if text.exact else None
    if fix is not None:
        fix = attrs.evolve(fix, edits=tuple(Edit(_place(e.span, text), e.text) for e in fix.edits))
    return attrs.evolve(
        found, primary=label(found.primary), related=tuple(map(label, found.related)), fix=fix
    )


# Which names mean what


def bound_names(tree: ast.Node) -> Iterator[tuple[ast.Node, frozenset[str]]]:
    """The names of values, each with the names that the expression itself binds where it stands."""
    pending: list[tuple[ast.Node, frozenset[str]]] = [(tree, frozenset())]
    while pending:
        node, bound = pending.pop()
        match node:
            case ast.Name():
                yield node, bound
            case ast.Call(callee=ast.Name(), arguments=arguments):
                pending.extend((argument, bound) for argument in arguments)
            case ast.Lambda(params=params, body=body):
                pending.append((body, bound | {param.name for param in params}))
            case ast.MatchArm(pattern=ast.ConstructorPattern(bindings=bindings), task=task):
                pending.append((task, bound | {binding.name.name for binding in bindings}))
            case _:
                pending.extend((child, bound) for child in ast.children(node))


def _roots(tree: ast.Node) -> Iterator[ast.Node]:
    """The names that stand before a `.name` or a `["name"]`."""
    for node in ast.walk(tree):
        match node:
            case ast.Member(target=ast.Name() as root):
                yield root
            case ast.Index(target=ast.Name() as root, index=ast.StringLiteral()):
                yield root


@attrs.frozen(eq=False)
class _Naming:
    """The names of one expression. `bound` has each name of a value, with what the expression binds there;
    `roots` are those that have a member read, so they are looked at together with it."""

    expressions: Expressions
    text: Placed
    scope: Scope
    bound: Mapping[ast.Node, frozenset[str]]
    roots: set[ast.Node]

    def replaced(self, node: ast.Node, moved: Callable[[Any], Any]) -> ast.Node | None:
        """What stands in the place of a node; None for the node itself."""
        match node:
            case ast.Call(callee=callee, arguments=arguments):
                return self.called(node, callee, arguments, moved)
            case ast.Member(target=ast.Name() as root, name=ast.Ident(name=name) as at) if self.is_free(root):
                return self.member(node, root, name, at, moved)
            case ast.Index(target=ast.Name() as root, index=ast.StringLiteral(value=name) as at) if (
                self.is_free(root) and root.name in ROOTS
            ):
                return self.member(node, root, name, at, moved)
            case ast.Name() if self.is_free(node) and node not in self.roots:
                return self.value(node)
            case ast.Entry(name=name, value=value, short=True):
                return self.short_entry(node, name, moved(name), moved(value))
            case ast.Interpolation(parts=parts):
                pieces = moved(parts)
                return self.expressions.make(
                    ast.Interpolation, self.place(node), pieces, interpolation_text(pieces)
                )
            case ast.QualifiedName(module=None, name=name):
                return self.qualified(node, name.name)
        return None

    def short_entry(self, node: ast.Node, written: ast.Ident, name: ast.Ident, value: ast.Node) -> ast.Entry:
        """`{ page }`, in which the value may have another name by now."""
        short = isinstance(value, ast.Name) and value.name == written.name
        return self.expressions.make(ast.Entry, self.place(node), name, value, short)

    def is_free(self, name: ast.Name) -> bool:
        return name in self.bound and name.name not in self.bound[name]

    def place(self, node: ast.Node) -> Span:
        return _place(node.span, self.text)

    def broken(self, node: ast.Node) -> ast.BrokenExpr:
        return self.expressions.make(ast.BrokenExpr, self.place(node))

    def member(
        self, node: ast.Node, root: ast.Name, name: str, at: ast.Node, moved: Callable[[Any], Any]
    ) -> ast.Node | None:
        """`results.fetch`, `inputs["x-y"]`, `metadata.owner`; or a field of an item."""
        if root.name not in ROOTS:
            if self.is_alias(root.name):
                return None
            target, make = self.value(root) or moved(root), self.expressions.make
            if isinstance(target, ast.BrokenExpr) or not isinstance(node, ast.Member):
                return self.broken(node)
            return make(ast.Member, self.place(node), target, moved(node.name), node.safe)
        known = self.scope.known(root.name)
        if name in known:
            return self.named(node, known[name], root)
        span = self.place(at)
        what = {"results": "step", "inputs": "input", "metadata": "metadata"}[root.name]
        guessed = self.expressions.guesses.among(known)
        help, fix = way_out(name, span, guessed, list_as="there is")
        if isinstance(node, ast.Index) or not self.text.exact:
            fix = None
        said = f"there is no {what} `{name}`" + (" in sight" if what == "step" else "")
        self.expressions.problems.report(codes.UNKNOWN_NAME, span, said, help=help, fix=fix)
        return self.broken(node)

    def named(self, node: ast.Node, name: str, root: ast.Name) -> ast.Node:
        """A name of the language for what a plan calls otherwise, unless the expression binds it itself."""
        if name not in self.bound[root]:
            return self.expressions.make.name(self.place(node), name)
        message = f"`{name}` is bound here, so this step or input cannot be reached"
        help = f"give what is called `{name}` inside of this expression another name"
        self.expressions.problems.report(codes.SHADOWED_NAME, self.place(node), message, help=help)
        return self.broken(node)

    def value(self, node: ast.Name) -> ast.Node | None:
        """A name that stands alone: an item of a loop, or a slip."""
        if node.name in self.scope.items:
            return self.named(node, self.scope.items[node.name], node)
        if node.name in AMBIENT:
            return None
        if node.name in ROOTS:
            message = f"`{node.name}` is no value of its own"
            help = f"name one of its members: `{node.name}.NAME`"
            self.expressions.problems.report(codes.WRONG_KIND, self.place(node), message, help=help)
        else:
            self.unknown(node)
        return self.broken(node)

    def unknown(self, node: ast.Name) -> None:
        """A name that is not in sight; most likely its `results.` was left out."""
        span, name = self.place(node), node.name
        root = next((root for root in ROOTS if name in self.scope.known(root)), None)
        if root is not None:
            right = f"{root}.{name}"
            way = WayOut(f"write `{right}`", Fix(f"write `{right}`", (Edit(span, right),)))
        else:
            way = way_out(name, span, [*self.scope.items, *ROOTS])
        known = [*self.scope.items, *(f"results.{step}" for step in self.scope.steps)][:FEW]
        listed = f"there are {', '.join(f'`{each}`' for each in known)}" if known else None
        message = f"there is no value `{name}`"
        fix = way.fix if self.text.exact else None
        self.expressions.problems.report(codes.UNKNOWN_NAME, span, message, help=way.help or listed, fix=fix)

    # What is called, and what types and cases are named

    def called(
        self,
        node: ast.Node,
        callee: ast.Node,
        arguments: tuple[ast.Node, ...],
        moved: Callable[[Any], Any],
    ) -> ast.Node | None:
        """A constructor under its module's alias. Anything else that is no method is an error."""
        match callee:
            case ast.Name(name=name):
                library = self.expressions.agents.holder(name, Constructor)
                if library is None:
                    return self.not_called(node, name)
                make, span = self.expressions.make, self.place(callee)
                head = make.member(span, make.name(span, library.alias), name)
                return make(ast.Call, self.place(node), head, tuple(map(moved, arguments)))
            case ast.Member(target=ast.Name(name=root) as first, name=ast.Ident(name=name)):
                if not self.is_free(first) or root in self.scope.items:
                    return None
                if root in ROOTS or (self.is_alias(root) and not self.is_constructor(root, name)):
                    return self.not_called(node, f"{root}.{name}")
        return None

    def not_called(self, node: ast.Node, name: str) -> ast.Node:
        message = f"an expression cannot call `{name}`"
        help = "an agent is called by a step of its own; expressions have methods, such as `.size()`"
        self.expressions.problems.report(codes.CALL_IN_EXPRESSION, self.place(node), message, help=help)
        return self.broken(node)

    def is_alias(self, name: str) -> bool:
        return any(library.alias == name for library in self.expressions.agents.libraries)

    def is_constructor(self, alias: str, name: str) -> bool:
        libraries = self.expressions.agents.libraries
        return any(library.alias == alias and library.has(name, Constructor) for library in libraries)

    def qualified(self, node: ast.Node, name: str) -> ast.Node | None:
        """A type or a case that a library declares, under its alias."""
        library = self.expressions.agents.holder(name, TypeName, Constructor, ErrorName)
        if library is None:
            return None
        return self.expressions.make.qualified(self.place(node), library.alias, name)
