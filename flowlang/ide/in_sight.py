"""The values that can be mentioned where a mark stands, and the type that is wanted there.

In a block order means nothing, so a step may mention any other, above or below, as long as the other does
not wait for it in turn: names that would close a circle are left out. In a block that is `in order` only
what stands above is in sight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from flowlang.ide import offers
from flowlang.ide.half import MARK, Half
from flowlang.ide.offers import Offer
from flowlang.semantics import builtins, functions
from flowlang.semantics.facts import Callable, Interface, Namespace
from flowlang.semantics.placing import declared_name
from flowlang.semantics.types import DURATION, UNKNOWN, ListOf, Type, present
from flowlang.syntax import ast

MOST_AGENTS = 500
"""That are offered for `calls("…")`: through modules of modules there may be any number of ways."""


def in_sight(half: Half, wanted: Type | None) -> Iterator[Offer]:
    """The values that may be mentioned at the mark, those of the wanted type first."""
    env = half.known.env if half.known else None
    if env is None:
        return
    out = circular(half)
    for name in dict.fromkeys(env.names):
        found = env.names.find(name)
        if found is not None and found.local.node not in out and name != MARK:
            yield offers.value(found, env, wanted)
    for name, type in builtins.AMBIENT.items():
        if env.names.find(name) is None and (name != "attempt" or _in_step(half)):
            yield offers.ambient(name, type)


def _in_step(half: Half) -> bool:
    return any(isinstance(node, ast.Step) for node in half.nodes)


def circular(half: Half) -> frozenset[int]:
    """What a statement around the mark cannot mention: itself, and those that wait for it; by the names'
    ids."""
    out: set[int] = set()
    for block, statement, inside in zip(half.nodes, half.nodes[1:], (*half.nodes[2:], None), strict=False):
        if isinstance(block, ast.Block):
            out |= {name.id for name in _waiting(half, block, statement)}
            name = declared_name(statement) if isinstance(statement, ast.Step | ast.Let) else None
            if isinstance(inside, ast.Undo) and name is not None:
                out.discard(name.id)
    return frozenset(out)


def _waiting(half: Half, block: ast.Block, statement: ast.Node) -> list[ast.Ident]:
    """The names of the statements of a block that depend on one of them, with its own."""
    assert half.known is not None
    facts = half.known.tables.statements
    waiting, statements = {statement.id}, list(block.statements)
    if block.in_order and statement in statements:
        waiting.update(s.id for s in statements[statements.index(statement) :])
    after: dict[int, list[int]] = {}
    for each in statements:
        for needed in facts[each.id].depends if each.id in facts else ():
            after.setdefault(needed, []).append(each.id)
    pending = [*waiting]
    while pending:
        more = set(after.get(pending.pop(), ())) - waiting
        waiting |= more
        pending += more
    named = (declared_name(s) for s in statements if s.id in waiting)
    return [name for name in named if name is not None]


def steps_before(half: Half) -> list[str]:
    """The steps that the step at the mark may stand `after`."""
    index = max(i for i, node in enumerate(half.nodes) if isinstance(node, ast.Block))
    block, statement = half.nodes[index], half.nodes[index + 1]
    assert isinstance(block, ast.Block) and isinstance(statement, ast.Step)
    out = {name.name for name in _waiting(half, block, statement)}
    out |= {name.name for c in statement.clauses if isinstance(c, ast.After) for name in c.names}
    named = (declared_name(s) for s in block.statements if isinstance(s, ast.Step))
    return [name.name for name in named if name is not None and name.name not in out]


# What is wanted


def wanted_at(half: Half) -> Type | None:
    """The type that is asked for at the mark, or that goes with what it is compared with."""
    mark, around = half.nodes[-1], half.nodes[-2]
    wanted = half.wanted(mark)
    if wanted is not None:
        return wanted
    match around:
        case ast.Binary(operator="==" | "!=" | "<" | "<=" | ">" | ">=", left=left, right=right):
            return half.type_of(left if right is mark else right)
        case ast.Binary(operator="in", left=left, right=right) if left is mark:
            type = half.type_of(right)
            return type.item if isinstance(type, ListOf) else None
        case ast.Param(type=written) | ast.Let(annotation=ast.Node() as written) if half.known:
            return half.known.resolver.type(written)
        case ast.Timeout() | ast.Backoff() | ast.Cache() | ast.PerWindow() | ast.Breaker():
            return DURATION
        case ast.ForEach(source=source) if source is mark:
            return ListOf(UNKNOWN)
        case ast.ListLiteral():
            type = half.wanted(around)
            return type.item if isinstance(type, ListOf) else None
    return None


def calls_at(half: Half, call: ast.Call, names: Mapping[str, Interface]) -> Iterator[Offer]:
    """What an argument of `calls("…")` or of a built-in function may be: the name of an agent, a function."""
    if isinstance(call.callee, ast.Name) and call.callee.name == "calls":
        yield from (
            Offer(offers.quoted(name), "literal", "agent", rank=0)
            for name in islice(agents(names), MOST_AGENTS)
        )
    signature = signature_of(half, call)
    place = next((i for i, a in enumerate(call.arguments) if a.value is half.nodes[-1]), 0)
    if signature is None or place >= len(signature.parameters):
        return
    pattern = signature.parameters[place].pattern
    if isinstance(pattern, functions.LambdaPattern):
        params = ["x"] if len(pattern.parameters) == 1 else ["a", "b"]
        head = params[0] if len(params) == 1 else f"({', '.join(params)})"
        yield Offer(
            f"{head} => …", "function", signature.text, signature.doc, f"{head} => ", f"{head} => $0", 0
        )


def signature_of(half: Half, call: ast.Call) -> functions.Signature | None:
    """The built-in function that a call calls."""
    if not isinstance(call.callee, ast.Member):
        return None
    type = half.type_of(call.callee.target)
    return None if type is None else functions.signature(present(type), call.callee.name.name)


def agents(names: Mapping[str, Interface]) -> Iterator[str]:
    """The agents and asks that a test can answer, as it writes them."""
    for name, found in names.items():
        if isinstance(found, Namespace):
            yield from (f"{name}.{member}" for member in agents({**found.modules, **found.members}))
        elif isinstance(found, Callable) and found.kind != "flow":
            yield name
