"""The layout of expressions.

Operators end their lines before them, methods before their `.`; lists, records and calls one item a line.
Parentheses stand where precedence asks for them, and around a `??` that is compared, which most readers
would take apart the other way; nowhere else. Literals are printed as written."""

from __future__ import annotations

from typing import TypeAlias

from flowlang.syntax import ast
from flowlang.syntax.layout import LINE, SOFT, STEP, Doc, Group, IfBroken, Indent, TextBlock
from flowlang.syntax.literals import margin_of
from flowlang.syntax.printing import Parts, document, joined, whole

# How tightly expressions bind, loosest first; operators of one level share a chain.
CONDITIONAL, OR, AND, NOT, COMPARISON, COALESCE, RANGE, SUM, PRODUCT, UNARY, POSTFIX = range(11)

BINARY_LEVELS = {
    "or": OR,
    "and": AND,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), COMPARISON),
    "??": COALESCE,
    "..": RANGE,
    **dict.fromkeys(("+", "-"), SUM),
    **dict.fromkeys(("*", "/", "%"), PRODUCT),
}


def level(expression: ast.Node) -> int:
    """How tightly an expression binds its parts."""
    match expression:
        case ast.If() | ast.Lambda():
            return CONDITIONAL
        case ast.Binary(operator=operator):
            return BINARY_LEVELS[operator]
        case ast.Is() | ast.Cast():
            return COMPARISON
        case ast.Unary(operator=operator):
            return NOT if operator == "not" else UNARY
    return POSTFIX


def operand(parts: Parts, expression: ast.Node, least: int) -> Doc:
    """An expression where only one that binds at least as tightly as `least` can stand."""
    return parts[expression] if level(expression) >= least else ("(", parts[expression], ")")


def assigned(parts: Parts, head: Doc, value: ast.Node) -> Doc:
    """`head value`, where a chain of operators that does not fit starts on a line of its own."""
    if spreads(value):
        return Group((head, Indent((LINE, Group(parts.open(value))))))
    if parts.attached.above.get(value):
        return Group((head, Indent((LINE, parts[value]))))
    return head, " ", parts[value]


def spreads(value: ast.Node) -> bool:
    """Whether the lines of a value end outside of any brackets of its own."""
    match value:
        case ast.If():
            return not has_block_arm(value)
        case ast.EnumType(values=values):
            return len(values) > 1
    return isinstance(value, ast.Binary | ast.Is | ast.Cast)


# Literals and names


@document.register(ast.Ident)
def ident(node: ast.Ident, parts: Parts) -> Doc:
    return node.name


@document.register(ast.Name)
def name(node: ast.Name, parts: Parts) -> Doc:
    return node.name


@document.register(ast.QualifiedName)
def qualified_name(node: ast.QualifiedName, parts: Parts) -> Doc:
    return (parts[node.module], ".", parts[node.name]) if node.module else parts[node.name]


@document.register(ast.IntLiteral | ast.FloatLiteral | ast.DurationLiteral)
def number(node: ast.IntLiteral | ast.FloatLiteral | ast.DurationLiteral, parts: Parts) -> Doc:
    return node.text


@document.register(ast.StringLiteral | ast.Interpolation | ast.Text)
def string(node: ast.StringLiteral | ast.Interpolation | ast.Text, parts: Parts) -> Doc:
    return block_string(node.text) if "\n" in node.text else node.text


def block_string(text: str) -> Doc:
    """A `\"\"\"` string over several lines. It drops the indentation that its lines have in common, so it may
    have another one: a level deeper than the line that it starts in, and that of the line for its end."""
    first, *others = [line.removesuffix("\r") for line in text.removesuffix(QUOTES).split("\n")]
    opening = first if first.removeprefix(QUOTES).strip() else QUOTES
    margin = len(margin_of(text[3:-3]))
    indented = [" " * STEP + line[margin:] if line.strip() else "" for line in others]
    return TextBlock((opening, *indented[:-1], indented[-1] + QUOTES))


QUOTES = '"""'


@document.register(ast.BoolLiteral)
def boolean(node: ast.BoolLiteral, parts: Parts) -> Doc:
    return "true" if node.value else "false"


@document.register(ast.NullLiteral)
def null(node: ast.NullLiteral, parts: Parts) -> Doc:
    return "null"


# Lists, records, arguments


@document.register(ast.ListLiteral)
def list_literal(node: ast.ListLiteral, parts: Parts) -> Doc:
    return parts.listed(node, parts.each(node.items), "[]")


@document.register(ast.RecordLiteral)
def record_literal(node: ast.RecordLiteral, parts: Parts) -> Doc:
    return parts.listed(node, parts.each(node.entries), "{}", padding=LINE)


@document.register(ast.Entry)
def entry(node: ast.Entry, parts: Parts) -> Doc:
    if node.short:
        return parts[node.name]
    return assigned(parts, (parts[node.name], ":"), node.value)


@document.register(ast.KeyEntry)
def key_entry(node: ast.KeyEntry, parts: Parts) -> Doc:
    return assigned(parts, (parts[node.key], ":"), node.value)


@document.register(ast.Spread)
def spread(node: ast.Spread, parts: Parts) -> Doc:
    return "...", parts[node.value]


@document.register(ast.Argument)
def argument(node: ast.Argument, parts: Parts) -> Doc:
    if node.name is None:
        return parts[node.value]
    return assigned(parts, (parts[node.name], ":"), node.value)


@document.register(ast.Lambda)
def lambda_(node: ast.Lambda, parts: Parts) -> Doc:
    params = joined(parts.each(node.params), ", ")
    head = params if len(node.params) == 1 else ("(", params, ")")
    return assigned(parts, (head, " =>"), node.body)


# Members, indexes and calls: a chain of links from a first value

Link: TypeAlias = ast.Member | ast.Index | ast.Call


@document.register(ast.Member)
def member(node: ast.Member, parts: Parts) -> Doc:
    return "?." if node.safe else ".", parts[node.name]


@document.register(ast.Index)
def index(node: ast.Index, parts: Parts) -> Doc:
    return "[", parts[node.index], "]"


@document.register(ast.Call)
def call(node: ast.Call, parts: Parts) -> Doc:
    return parts.listed(node, parts.each(node.arguments), "()")


@whole.register(ast.Member | ast.Index | ast.Call)
def chain(node: Link, parts: Parts) -> Doc:
    """Two or more method calls are a pipeline: all in one line, or one a line. A comment before its `.`
    puts a single one on a line of its own, too."""
    first, links = links_of(node)
    inner = [first, *links[:-1]]
    methods = [number for number, link in enumerate(links[:-1]) if is_method(link, links[number + 1])]
    laid_out = [parts.own[link] if link is node else parts.beside(link, parts.own[link]) for link in links]
    head: Doc = (tuple(parts.above(link) for link in inner[1:]), operand(parts, first, POSTFIX))
    if len(methods) < 2 and not any(inner[number] in parts.attached.beside for number in methods):
        return head, tuple(laid_out)

    start = methods[0]
    for number in methods:
        laid_out[number] = SOFT, laid_out[number]
    return Group((head, tuple(laid_out[:start]), Indent(tuple(laid_out[start:]))))


def links_of(node: ast.Expr) -> tuple[ast.Expr, list[Link]]:
    """The value that a chain starts from, and its links in the order of the text."""
    links: list[Link] = []
    while isinstance(node, Link):
        links.append(node)
        node = node.callee if isinstance(node, ast.Call) else node.target
    return node, links[::-1]


def is_method(link: Link, following: Link) -> bool:
    return isinstance(link, ast.Member) and isinstance(following, ast.Call)


# Operators


@document.register(ast.Unary)
def unary(node: ast.Unary, parts: Parts) -> Doc:
    if node.operator == "not":
        return "not ", operand(parts, node.operand, NOT)
    return "-", operand(parts, node.operand, UNARY)


@document.register(ast.Binary)
def binary(node: ast.Binary, parts: Parts) -> Doc:
    own = BINARY_LEVELS[node.operator]
    left = in_chain(parts, node.left, own, chains=own not in (COMPARISON, COALESCE, RANGE))
    right = in_chain(parts, node.right, own, chains=own == COALESCE)
    if own == RANGE:
        blank = " " if isinstance(node.left, ast.Binary) or isinstance(node.right, ast.Binary) else ""
        return left, f"{blank}..{blank}", right
    return left, LINE, f"{node.operator} ", right


def in_chain(parts: Parts, side: ast.Expr, own: int, *, chains: bool) -> Doc:
    """An operand of a binary operator: one of the same level goes on with the same chain, on the side
    that the operator groups to."""
    if chains and level(side) == own:
        return parts.open(side)
    return compared(parts, side) if own == COMPARISON else operand(parts, side, own + 1)


def compared(parts: Parts, side: ast.Expr) -> Doc:
    """An operand of a comparison: `(a ?? 0) < b`."""
    return operand(parts, side, COALESCE + 1)


@document.register(ast.Is)
def is_(node: ast.Is, parts: Parts) -> Doc:
    case = parts[node.case] if node.case else "null"
    return compared(parts, node.value), LINE, "is ", case


@document.register(ast.Cast)
def cast(node: ast.Cast, parts: Parts) -> Doc:
    one_type = parts[node.type]
    if isinstance(node.type, ast.EnumType) and len(node.type.values) > 1:
        one_type = "(", one_type, ")"
    return compared(parts, node.value), LINE, "as ", one_type


@whole.register(ast.Binary | ast.Is | ast.Cast)
def operators(node: ast.Binary | ast.Is | ast.Cast, parts: Parts) -> Doc:
    return Group(Indent(parts.own[node]))


# Choices


@document.register(ast.If)
def if_(node: ast.If, parts: Parts) -> Doc:
    """A ladder of `else if` is one chain; with blocks in its arms it ends lines only within them."""
    if has_block_arm(node):
        arms = parts[node.then], " else ", parts[node.otherwise]
        return "if ", parts[node.condition], " then ", arms
    otherwise = parts.open(node.otherwise) if isinstance(node.otherwise, ast.If) else parts[node.otherwise]
    rung = Group(("if ", parts[node.condition], Indent((LINE, "then ", parts[node.then]))))
    return rung, LINE, "else ", otherwise


@whole.register(ast.If)
def ladder(node: ast.If, parts: Parts) -> Doc:
    return parts.own[node] if has_block_arm(node) else Group(Indent(parts.own[node]))


def has_block_arm(node: ast.If) -> bool:
    arms: list[ast.Task] = [node.then]
    while isinstance(node.otherwise, ast.If):
        node = node.otherwise
        arms.append(node.then)
    return any(isinstance(arm, BLOCK_TASKS) for arm in (*arms, node.otherwise))


BLOCK_TASKS = (ast.Do, ast.ForEach, ast.While, ast.Choose, ast.Race)


@document.register(ast.Match)
def match_(node: ast.Match, parts: Parts) -> Doc:
    arms = parts.lines(node, parts.each(node.arms), line=LINE, between=IfBroken("", ","))
    return "match ", parts[node.subject], " {", arms


@whole.register(ast.Match)
def match_in_expression(node: ast.Match, parts: Parts) -> Doc:
    return Group(parts.own[node])


@document.register(ast.MatchArm)
def match_arm(node: ast.MatchArm, parts: Parts) -> Doc:
    return assigned(parts, (parts[node.pattern], " ->"), node.task)


@document.register(ast.ConstructorPattern)
def constructor_pattern(node: ast.ConstructorPattern, parts: Parts) -> Doc:
    if not node.bindings and not parts.opening(node) and not parts.closing(node):
        return parts[node.case]
    return parts[node.case], parts.listed(node, parts.each(node.bindings), "()", reluctant=True)


@document.register(ast.Binding)
def binding(node: ast.Binding, parts: Parts) -> Doc:
    if node.field.name == node.name.name:
        return parts[node.name]
    return parts[node.field], ": ", parts[node.name]


@document.register(ast.LiteralPattern)
def literal_pattern(node: ast.LiteralPattern, parts: Parts) -> Doc:
    return parts[node.value]


@document.register(ast.ElsePattern)
def else_pattern(node: ast.ElsePattern, parts: Parts) -> Doc:
    return "else"
