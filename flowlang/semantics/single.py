"""Check one declaration against the names of its module: names and a tree -> side tables and an interface.

The checker does this once for each declaration; whoever wants to know more of one than its facts hold does
it again, with an `Expressions` that looks on. Imports and uses are not here: what they show lies in other
files."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from flowlang.semantics.declare import Declarer, Resolver
from flowlang.semantics.expressions import Expressions
from flowlang.semantics.facts import Declared, Interface
from flowlang.semantics.flows import check_flow, defaults
from flowlang.semantics.inference import Tables
from flowlang.semantics.lookup import Lookup
from flowlang.semantics.suggest import Guesses
from flowlang.semantics.tests import check_test
from flowlang.syntax import ast
from flowlang.text.diagnostics import Problems
from flowlang.text.source import Anchor


@attrs.frozen(eq=False, repr=False)
class Session:
    """What the check of one declaration works with."""

    lookup: Lookup
    problems: Problems
    expressions: Expressions
    declarer: Declarer


def session_for(
    path: str,
    item: ast.Item,
    names: Mapping[str, Interface],
    guesses: Guesses,
    expressions: type[Expressions] = Expressions,
) -> Session:
    """A session for a declaration of the module at `path`, which sees the names of that module."""
    problems, tables = Problems(), Tables()
    lookup = Lookup(path, names, problems, tables.symbols, guesses)
    resolver = Resolver(lookup, problems)
    declaration = item.declaration
    name = declaration.name
    text = name.name if isinstance(name, ast.Ident) else ""
    span = name.span if name is not None else declaration.span
    doc = getattr(declaration, "doc", None)
    declared = Declared(path, text, span, Anchor(path, item.key), doc)
    inferring = expressions(lookup, problems, resolver, tables)
    return Session(lookup, problems, inferring, Declarer(path, resolver, declared))


def check_single(item: ast.Item, session: Session) -> Interface | None:
    """Check a declaration; returns what it shows to the outside."""
    declarer, declaration = session.declarer, item.declaration
    match declaration:
        case ast.TypeDecl():
            return declarer.type(declaration)
        case ast.ErrorDecl():
            return declarer.error(declaration)
        case ast.EventDecl():
            return declarer.event(declaration)
        case ast.AgentDecl():
            made = declarer.agent(declaration)
            defaults(session.expressions, made.parameters)
            return made
        case ast.FlowDecl():
            lint = not item.parsed.diagnostics
            return check_flow(declarer, session.expressions, declaration, lint=lint)
        case ast.TestDecl():
            check_test(session.expressions, declaration)
    return None
