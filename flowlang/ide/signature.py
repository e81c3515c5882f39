"""What the call at a cursor takes: its parameters, and which of them the cursor is at.

In a text that is being typed a call is seldom whole, so the text is made whole first (`half.py`). Arguments
of declarations have names, so the cursor is at the parameter of the name before it, or else at the first
one that must still be given; those of built-in functions go by their places."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from flowlang.ide.half import Half, checked_half, half_at
from flowlang.ide.snapshot import Snapshot
from flowlang.ide.wording import callee_name, parameters_of, shown_parameter
from flowlang.semantics import builtins, functions
from flowlang.semantics.facts import Callable, Constructor, ErrorName, EventName, Parameter
from flowlang.semantics.types import present, show
from flowlang.syntax import ast
from flowlang.text.source import Span


@attrs.frozen
class SignatureHelp:
    """`parameters` are stretches of `label`; `active` is the index of one of them, None where none is
    left."""

    label: str
    doc: str | None
    parameters: tuple[tuple[Span, str | None], ...]
    active: int | None


def signature_help(snapshot: Snapshot, offset: int) -> SignatureHelp | None:
    """The signature of the innermost call whose arguments an offset is in."""
    half = half_at(snapshot, offset)
    if half.prefix.in_comment or half.item is None:
        return None
    call = call_around(half, offset)
    if call is None:
        return None
    half = checked_half(snapshot, half)
    return of_declaration(half, call) or of_function(half, call)


def call_around(half: Half, offset: int) -> ast.Call | None:
    """The innermost call with the mark between its parentheses."""
    for index in range(len(half.nodes) - 1, -1, -1):
        node = half.nodes[index]
        if isinstance(node, ast.Call):
            inner = half.nodes[index + 1] if index + 1 < len(half.nodes) else None
            if inner is not node.callee and (inner is not None or _is_open(half, node)):
                return node
    return None


def _is_open(half: Half, call: ast.Call) -> bool:
    """Whether the cursor is inside of the parentheses of a call, though at no argument."""
    assert half.item is not None
    at = half.word.end - half.item.offset
    return call.callee.span.end < at and (at < call.span.end or not half.item.parsed.text[:at].endswith(")"))


def of_declaration(half: Half, call: ast.Call) -> SignatureHelp | None:
    found: object = half.known.tables.symbols.get(call.callee.id) if half.known else None
    if found is None and isinstance(call.callee, ast.Name) and call.callee.name in builtins.ERRORS:
        found = call.callee.name
    parameters = parameters_of(found)
    if parameters is None:
        return None
    doc = found.declared.doc if isinstance(found, Callable | Constructor | ErrorName | EventName) else None
    end = ""
    if isinstance(found, Callable):
        end = f" -> {show(found.result)}"
    elif isinstance(found, Constructor):
        end = f" -> {show(found.union)}"
    shown = [(shown_parameter(p), p.doc) for p in parameters]
    return laid_out(callee_name(call.callee), shown, end, doc, active_name(half, call, parameters))


def active_name(half: Half, call: ast.Call, parameters: tuple[Parameter, ...]) -> int | None:
    """The parameter of the argument at the cursor; else the first that is not given, required ones first."""
    names = [parameter.name for parameter in parameters]
    at = next((a for a in call.arguments if a in half.nodes), None) or argument_before(half, call)
    if at is not None and at.name is not None and at.name.name in names:
        return names.index(at.name.name)
    given = {argument.name.name for argument in call.arguments if argument.name is not None}
    left = [p for p in parameters if p.name not in given]
    following = next((p for p in left if p.required), left[0] if left else None)
    return None if following is None else names.index(following.name)


def argument_before(half: Half, call: ast.Call) -> ast.Argument | None:
    """The argument that only blanks separate from the cursor."""
    assert half.item is not None
    text, at = half.item.parsed.text, half.word.end - half.item.offset
    return next((a for a in call.arguments if a.span.end <= at and not text[a.span.end : at].strip()), None)


def of_function(half: Half, call: ast.Call) -> SignatureHelp | None:
    """A built-in function of the value before the dot."""
    if not isinstance(call.callee, ast.Member):
        return None
    target = half.type_of(call.callee.target)
    signature = functions.signature(present(target), call.callee.name.name) if target else None
    if signature is None:
        return None
    shown: list[tuple[str, str | None]] = [(text, None) for text in parameter_texts(signature)]
    place = next((i for i, a in enumerate(call.arguments) if a in half.nodes), len(call.arguments))
    end = signature.text[signature.text.rindex(" -> ") :]
    active = place if place < len(shown) else None
    return laid_out(f"{show(signature.receiver)}.{signature.name}", shown, end, signature.doc, active)


def parameter_texts(signature: functions.Signature) -> Iterator[str]:
    """The parameters as the catalogue writes them."""
    start = signature.text.index("(") + 1
    names = [parameter.name for parameter in signature.parameters]
    for number in range(len(names)):
        is_last = number + 1 == len(names)
        end = (
            signature.text.rindex(") ->")
            if is_last
            else signature.text.index(f", {names[number + 1]}:", start)
        )
        yield signature.text[start:end]
        start = end + len(", ")


def laid_out(
    name: str, parameters: list[tuple[str, str | None]], end: str, doc: str | None, active: int | None
) -> SignatureHelp:
    label = f"{name}("
    places: list[tuple[Span, str | None]] = []
    for number, (text, each_doc) in enumerate(parameters):
        label += ", " if number else ""
        places.append((Span(len(label), len(label) + len(text)), each_doc))
        label += text
    return SignatureHelp(f"{label}){end}", doc, tuple(places), active)
