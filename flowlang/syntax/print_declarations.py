"""The layout of declarations, signatures, policies and types.

A declaration stands in one line where it fits; then an agent puts each policy on a line of its own, and
a signature each parameter."""

from __future__ import annotations

from flowlang.syntax import ast
from flowlang.syntax.layout import LINE, Doc, Group, IfBroken, Indent
from flowlang.syntax.order import policies_in_order
from flowlang.syntax.print_expressions import assigned
from flowlang.syntax.print_tasks import hanging_list
from flowlang.syntax.printing import Parts, document, documented, hanging, joined, whole

# Imports and names for types


@document.register(ast.Import)
def import_(node: ast.Import, parts: Parts) -> Doc:
    return documented(node.doc, ("import ", parts[node.path], " as ", parts[node.name]))


@document.register(ast.Use)
def use(node: ast.Use, parts: Parts) -> Doc:
    names = parts[node.provider], " ", parts[node.name]
    return documented(node.doc, ("use ", names, " = ", parts[node.target]))


@document.register(ast.TypeDecl)
def type_decl(node: ast.TypeDecl, parts: Parts) -> Doc:
    head = "type ", parts[node.name], " ="
    if isinstance(node.definition, ast.Variants):
        return documented(node.doc, (head, parts[node.definition]))
    return documented(node.doc, assigned(parts, head, node.definition))


@document.register(ast.Variants)
def variants(node: ast.Variants, parts: Parts) -> Doc:
    """In one line, or one a line with a `|` before each; one alone needs it where it has no fields."""
    first, *rest = node.variants
    needs_bar = first.doc is not None or not (rest or first.fields)
    if not needs_bar and not rest and first not in parts.attached.above:
        return " ", parts[first]
    bar = "| " if needs_bar else IfBroken("| ")
    return Group(Indent((LINE, bar, parts[first], tuple((LINE, "| ", parts[other]) for other in rest))))


@document.register(ast.Variant)
def variant(node: ast.Variant, parts: Parts) -> Doc:
    content = with_fields(parts, parts[node.name], node, node.fields)
    return Indent(documented(node.doc, content)) if node.doc is not None else content


def with_fields(
    parts: Parts, head: Doc, node: ast.Variant | ast.ErrorDecl | ast.EventDecl, fields: tuple[ast.Field, ...]
) -> Doc:
    if not fields and not parts.opening(node) and not parts.closing(node):
        return head
    return head, parts.listed(node, parts.each(fields), "()")


@document.register(ast.Field)
def field(node: ast.Field, parts: Parts) -> Doc:
    return documented(node.doc, assigned(parts, (parts[node.name], ":"), node.type))


@document.register(ast.ErrorDecl)
def error(node: ast.ErrorDecl, parts: Parts) -> Doc:
    return documented(node.doc, with_fields(parts, ("error ", parts[node.name]), node, node.fields))


@document.register(ast.EventDecl)
def event(node: ast.EventDecl, parts: Parts) -> Doc:
    return documented(node.doc, with_fields(parts, ("event ", parts[node.name]), node, node.fields))


# Agents and flows


@document.register(ast.AgentDecl)
def agent(node: ast.AgentDecl, parts: Parts) -> Doc:
    keyword = "ask " if node.asks else "agent "
    raises = Group(Indent(tuple((LINE, part) for part in raised(parts, node.signature))))
    head = keyword, parts[node.name], parts[node.signature], raises
    return documented(node.doc, hanging(head, *parts.each(policies_in_order(node.policies))))


@document.register(ast.FlowDecl)
def flow(node: ast.FlowDecl, parts: Parts) -> Doc:
    """What follows the signature goes to lines of its own only where it does not fit behind the `)`."""
    head = "flow ", parts[node.name], parts[node.signature]
    tail = [*raised(parts, node.signature), *parts.each(node.policies)]
    if node.body.in_order:
        tail.append("in order")
    lines = Group((Indent(tuple((LINE, part) for part in tail)), LINE)) if tail else " "
    return documented(node.doc, (head, lines, parts[node.body]))


@document.register(ast.Signature)
def signature(node: ast.Signature, parts: Parts) -> Doc:
    """Parameters and result; what it raises is laid out with what follows, by `raised`."""
    result = (" -> ", parts[node.result]) if node.result else ""
    return parts.listed(node, parts.each(node.params), "()"), result


def raised(parts: Parts, signature: ast.Signature) -> list[Doc]:
    return [("raises ", hanging_list(parts, signature.raises))] if signature.raises else []


@document.register(ast.Param)
def param(node: ast.Param, parts: Parts) -> Doc:
    typed = parts[node.name], ": ", parts[node.type]
    content = assigned(parts, (typed, " ="), node.default) if node.default else typed
    return documented(node.doc, content)


# Policies that steps do not have


@document.register(ast.Effect)
def effect(node: ast.Effect, parts: Parts) -> Doc:
    return "effect ", parts[node.name]


@document.register(ast.Limit)
def limit(node: ast.Limit, parts: Parts) -> Doc:
    return "limit ", hanging_list(parts, node.quotas)


@document.register(ast.AtOnce)
def at_once(node: ast.AtOnce, parts: Parts) -> Doc:
    return parts[node.count], " at once"


@document.register(ast.PerWindow)
def per_window(node: ast.PerWindow, parts: Parts) -> Doc:
    return parts[node.count], " per ", parts[node.window]


@document.register(ast.Breaker)
def breaker(node: ast.Breaker, parts: Parts) -> Doc:
    failures = "breaker ", parts[node.failures], " failures"
    return hanging(failures, ("within ", parts[node.within]), ("reset ", parts[node.reset]))


@document.register(ast.Cache)
def cache(node: ast.Cache, parts: Parts) -> Doc:
    return "cache ", parts[node.duration]


# Types


@document.register(ast.NamedType)
def named_type(node: ast.NamedType, parts: Parts) -> Doc:
    return parts[node.name]


@document.register(ast.GenericType)
def generic_type(node: ast.GenericType, parts: Parts) -> Doc:
    arguments = joined(parts.each(node.arguments), ", ")
    return parts[node.name], "<", arguments, ">"


@document.register(ast.OptionalType)
def optional_type(node: ast.OptionalType, parts: Parts) -> Doc:
    """`?` belongs to the last value of an enum, and `??` is another operator."""
    inner = node.inner
    if isinstance(inner, ast.OptionalType) or (isinstance(inner, ast.EnumType) and len(inner.values) > 1):
        return "(", parts[inner], ")?"
    return parts[inner], "?"


@document.register(ast.RecordType)
def record_type(node: ast.RecordType, parts: Parts) -> Doc:
    return parts.listed(node, parts.each(node.fields), "{}", padding=LINE)


@document.register(ast.EnumType)
def enum_type(node: ast.EnumType, parts: Parts) -> Doc:
    return joined(parts.each(node.values), (LINE, "| "))


@whole.register(ast.EnumType)
def enum(node: ast.EnumType, parts: Parts) -> Doc:
    return Group(Indent(parts.own[node]))
