"""The layout of what stands in a block: statements, tasks, clauses, and the statements of tests.

A block ends its lines always, and so does a step before each of its clauses, which stand in one order
whatever the order they were written in."""

from __future__ import annotations

from flowlang.syntax import ast
from flowlang.syntax.layout import HARD, LINE, Doc, Group, Indent
from flowlang.syntax.order import clauses_in_order
from flowlang.syntax.print_expressions import SUM, assigned, operand
from flowlang.syntax.printing import Parts, document, documented, hanging, joined

# Blocks and statements


@document.register(ast.Block)
def block(node: ast.Block, parts: Parts) -> Doc:
    return "{", parts.lines(node, parts.each(node.statements))


@document.register(ast.Step)
def step(node: ast.Step, parts: Parts) -> Doc:
    clauses = tuple((HARD, parts[clause]) for clause in clauses_in_order(node.clauses))
    head = "step ", typed(parts, node.name, node.annotation), " ="
    return documented(node.doc, (named(parts, head, node.task), Indent(clauses)))


@document.register(ast.Let)
def let(node: ast.Let, parts: Parts) -> Doc:
    return named(parts, ("let ", typed(parts, node.name, node.annotation), " ="), node.value)


def named(parts: Parts, head: Doc, task: ast.Task) -> Doc:
    if isinstance(task, ast.Match) and task not in parts.attached.above:
        return head, " ", tall(parts, task)
    return assigned(parts, head, task)


def tall(parts: Parts, task: ast.Task) -> Doc:
    """The task of a statement. A `match` has an arm a line there, as `choose` has anywhere."""
    return parts.open(task) if isinstance(task, ast.Match) else parts[task]


def typed(parts: Parts, name: ast.Ident, annotation: ast.TypeExpr | None) -> Doc:
    return (parts[name], ": ", parts[annotation]) if annotation else parts[name]


@document.register(ast.Require)
def require(node: ast.Require, parts: Parts) -> Doc:
    return with_else(parts, ("require ", parts[node.condition]), node.message)


@document.register(ast.Ensure)
def ensure(node: ast.Ensure, parts: Parts) -> Doc:
    return with_else(parts, ("ensure ", parts[node.condition]), node.message)


def with_else(parts: Parts, head: Doc, message: ast.Expr | None) -> Doc:
    return hanging(head, ("else ", parts[message])) if message else head


@document.register(ast.Fail)
def fail(node: ast.Fail, parts: Parts) -> Doc:
    return with_when(parts, ("fail ", parts[node.error]), node.when)


@document.register(ast.Return)
def return_(node: ast.Return, parts: Parts) -> Doc:
    return with_when(parts, ("return ", tall(parts, node.task)), node.when)


def with_when(parts: Parts, head: Doc, condition: ast.Expr | None) -> Doc:
    return hanging(head, ("when ", parts[condition])) if condition else head


@document.register(ast.Yield)
def yield_(node: ast.Yield, parts: Parts) -> Doc:
    return "yield ", tall(parts, node.task)


@document.register(ast.Next)
def next_(node: ast.Next, parts: Parts) -> Doc:
    return "next ", tall(parts, node.task)


# Tasks


@document.register(ast.ForEach)
def for_each(node: ast.ForEach, parts: Parts) -> Doc:
    names = [parts[name] for name in (node.first, node.second) if name]
    head = "for each ", joined(names, ", "), " in ", parts[node.source]
    options: list[Doc] = []
    if node.at_once:
        options.append((parts[node.at_once], " at once"))
    if node.in_order:
        options.append("in order")
    if node.tolerating:
        options.append(("tolerating ", parts[node.tolerating], " failures"))
    if not node.where and not options:
        return head, " ", parts[node.body]
    return with_body(parts, (head, where(parts, node.where)), options, node.body)


def where(parts: Parts, condition: ast.Node | None) -> Doc:
    return Indent((LINE, "where ", parts[condition])) if condition else ""


@document.register(ast.While)
def while_(node: ast.While, parts: Parts) -> Doc:
    at_most = "at most ", parts[node.limit], " times", " or fail" if node.or_fail else ""
    options: list[Doc] = [at_most]
    if node.every:
        options.append(("every ", parts[node.every]))
    state = "from ", typed(parts, node.state, node.annotation), " ="
    options.append(assigned(parts, state, node.initial))
    return with_body(parts, ("while ", parts[node.condition]), options, node.body)


def with_body(parts: Parts, head: Doc, options: list[Doc], body: ast.Block) -> Doc:
    """`head, option, option {`: in one line, or an option a line and the brace on one of its own."""
    listed = Indent(tuple((",", LINE, option) for option in options))
    return Group((head, listed, LINE)), parts[body]


@document.register(ast.Choose)
def choose(node: ast.Choose, parts: Parts) -> Doc:
    arms = parts.each(node.arms)
    if node.otherwise:
        arms.append(otherwise(parts, node.otherwise))
    return "choose {", parts.lines(node, arms)


def otherwise(parts: Parts, task: ast.Task) -> Doc:
    """The arm of `else`, which has no node but its task: comments above the one are above the other."""
    if task in parts.attached.above:
        return "else -> ", parts[task]
    return assigned(parts, "else ->", task)


@document.register(ast.ChooseArm)
def choose_arm(node: ast.ChooseArm, parts: Parts) -> Doc:
    return assigned(parts, ("when ", parts[node.condition], " ->"), node.task)


@document.register(ast.Do)
def do(node: ast.Do, parts: Parts) -> Doc:
    return "do in order " if node.body.in_order else "do ", parts[node.body]


@document.register(ast.Race)
def race(node: ast.Race, parts: Parts) -> Doc:
    head: Doc = ("first ", parts[node.count], " of ") if node.count else "race "
    if isinstance(node.branches, ast.ForEach):
        return head, parts[node.branches]
    return head, "{", parts.lines(node, parts.each(node.branches), between=",", last=",")


@document.register(ast.WaitFor)
def wait_for(node: ast.WaitFor, parts: Parts) -> Doc:
    return Group(("wait for ", parts[node.event], where(parts, node.where)))


@document.register(ast.Sleep)
def sleep(node: ast.Sleep, parts: Parts) -> Doc:
    return "sleep ", shielded(parts, node.duration, "until")


@document.register(ast.SleepUntil)
def sleep_until(node: ast.SleepUntil, parts: Parts) -> Doc:
    return "sleep until ", parts[node.instant]


@document.register(ast.FailWith)
def fail_with(node: ast.FailWith, parts: Parts) -> Doc:
    return "fail ", parts[node.error]


def shielded(parts: Parts, expression: ast.Expr, *words: str) -> Doc:
    """An expression, in parentheses if it starts with a name that would be read as a keyword."""
    first = first_operand(expression)
    if isinstance(first, ast.Name) and first.name in words:
        return "(", parts[expression], ")"
    return parts[expression]


def first_operand(expression: ast.Expr) -> ast.Expr:
    """What the text of an expression begins with."""
    while True:
        match expression:
            case ast.Binary(left=first) | ast.Is(value=first) | ast.Cast(value=first):
                expression = first
            case ast.Member(target=first) | ast.Index(target=first) | ast.Call(callee=first):
                expression = first
            case _:
                return expression


# Clauses, of which `timeout` and `retry` are also policies of agents


@document.register(ast.When)
def when(node: ast.When, parts: Parts) -> Doc:
    head = "when ", parts[node.condition]
    return hanging(head, ("otherwise ", parts[node.otherwise])) if node.otherwise else head


@document.register(ast.After)
def after(node: ast.After, parts: Parts) -> Doc:
    return "after ", hanging_list(parts, node.names)


def hanging_list(parts: Parts, names: tuple[ast.Node, ...]) -> Doc:
    """Names with commas, in one line or one a line, which is the last resort."""
    return Group(Indent(joined(parts.each(names), (",", LINE))), reluctant=True)


@document.register(ast.Key)
def key(node: ast.Key, parts: Parts) -> Doc:
    return "key ", parts[node.value]


@document.register(ast.Timeout)
def timeout(node: ast.Timeout, parts: Parts) -> Doc:
    return "timeout ", operand(parts, node.duration, SUM), " per attempt" if node.per_attempt else ""


@document.register(ast.Retry)
def retry(node: ast.Retry, parts: Parts) -> Doc:
    options: list[Doc] = []
    if node.errors:
        options.append(("on ", hanging_list(parts, node.errors)))
    if node.backoff:
        options.append(parts[node.backoff])
    if node.within:
        options.append(("within ", parts[node.within]))
    if node.until:
        options.append(("until ", parts[node.until]))
    return hanging(("retry ", parts[node.times], " times"), *options)


@document.register(ast.Backoff)
def backoff(node: ast.Backoff, parts: Parts) -> Doc:
    initial = shielded(parts, node.initial, "constant", "linear", "exponential")
    shape = f"backoff {node.shape} " if node.shape else "backoff "
    return shape, initial, (" to ", parts[node.maximum]) if node.maximum else ""


@document.register(ast.Catch)
def catch(node: ast.Catch, parts: Parts) -> Doc:
    errors = (" ", hanging_list(parts, node.errors)) if node.errors else ""
    binding = (" as ", parts[node.binding]) if node.binding else ""
    return assigned(parts, ("catch", errors, binding, " ->"), node.handler)


@document.register(ast.Undo)
def undo(node: ast.Undo, parts: Parts) -> Doc:
    return "undo ", parts[node.task]


@document.register(ast.Finally)
def finally_(node: ast.Finally, parts: Parts) -> Doc:
    """A single statement stays in the line of its braces where it fits."""
    if len(node.body.statements) != 1:
        return "finally ", parts[node.body]
    short = Group(("{", parts.lines(node.body, parts.each(node.body.statements), line=LINE)))
    return "finally ", parts.commented(node.body, short)


# Tests


@document.register(ast.TestDecl)
def test(node: ast.TestDecl, parts: Parts) -> Doc:
    return documented(
        node.doc, ("test ", parts[node.name], " {", parts.lines(node, parts.each(node.statements)))
    )


@document.register(ast.Given)
def given(node: ast.Given, parts: Parts) -> Doc:
    after = (" after ", parts[node.after]) if node.after else ""
    head = "given ", parts[node.agent], after
    if node.fails:
        return with_when(parts, (head, " fails ", parts[node.fails]), node.when)
    assert node.answer
    return with_when(parts, assigned(parts, (head, " ->"), node.answer), node.when)


@document.register(ast.Send)
def send(node: ast.Send, parts: Parts) -> Doc:
    head = "send ", parts[node.event]
    return hanging(head, ("after ", parts[node.after])) if node.after else head


@document.register(ast.Run)
def run(node: ast.Run, parts: Parts) -> Doc:
    fails = (" fails ", parts[node.fails]) if node.fails else ""
    return assigned(parts, ("run ", parts[node.name], fails, " ="), node.call)


@document.register(ast.Expect)
def expect(node: ast.Expect, parts: Parts) -> Doc:
    return "expect ", parts[node.condition]
