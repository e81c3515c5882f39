"""The names that the statements of a block declare, and whether each statement stands where it may.

Both are matters of form: they need no types, and come before them. A name that stands twice, or that hides
one from outside, may mean one thing or another; it is reported here and is poison from then on."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from flowlang.semantics import builtins
from flowlang.semantics.expressions import Expressions
from flowlang.semantics.facts import Namespace
from flowlang.semantics.lookup import declared_here
from flowlang.semantics.scope import Env
from flowlang.semantics.tasks import BlockKind
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Label, Problems

BLOCK_WORDS: dict[BlockKind, str] = {
    "flow": "a flow",
    "loop": "`for each`",
    "do": "`do`",
    "while": "`while`",
    "finally": "`finally`",
}
RESULT_WORDS: dict[BlockKind, str] = {
    "flow": "return",
    "loop": "yield",
    "do": "yield",
    "while": "next",
    "finally": "",
}
LOCAL_WORDS = {
    "param": "a parameter",
    "step": "a step",
    "let": "a `let`",
    "loop": "an item of a loop",
    "state": "the state of a loop",
    "catch": "a failure",
}
AMBIENT_EXAMPLES = {"run": "run.id", "attempt": "attempt"}


@attrs.frozen(eq=False, repr=False)
class DeclaredNames:
    """`indices` of statements by the names they declare; `doubtful` names are poison."""

    indices: dict[str, int] = attrs.field(factory=dict)
    doubtful: set[str] = attrs.field(factory=set)


def declare(statements: Sequence[ast.Statement], env: Env, expressions: Expressions) -> DeclaredNames:
    """The names of a block; `env` is what is visible around it."""
    declared = DeclaredNames()
    for index, statement in enumerate(statements):
        name = declared_name(statement)
        if name is None:
            continue
        first = declared.indices.setdefault(name.name, index)
        if first != index:
            _report_twice(name, declared_name(statements[first]) or name, expressions.problems)
            declared.doubtful.add(name.name)
        elif _shadows(name, env, expressions):
            declared.doubtful.add(name.name)
    return declared


def declared_name(statement: ast.Statement) -> ast.Ident | None:
    """The name of a step or a `let`."""
    return statement.name if isinstance(statement, ast.Step | ast.Let | ast.Broken) else None


def is_barrier(statement: ast.Statement) -> bool:
    """Whether statements below depend on a statement, since it may end the block."""
    match statement:
        case ast.Return(when=when):
            return when is not None
        case ast.Fail() | ast.Require():
            return True
    return False


def check_places(block: ast.Block, kind: BlockKind, problems: Problems) -> None:
    """Report results, and what ends a block, where they may not stand."""
    last = len(block.statements) - 1
    for index, statement in enumerate(block.statements):
        if isinstance(statement, ast.Return | ast.Yield | ast.Next):
            _check_result(statement, index == last, kind, problems)
        elif isinstance(statement, ast.Fail) and statement.when is None and index < last:
            message = "nothing below an unconditional `fail` ever runs"
            related = (Label(statement.span, "the block ends here"),)
            help = "give the `fail` a condition, `fail … when …`, or drop what stands below"
            below = block.statements[index + 1]
            problems.report(codes.UNREACHABLE_STATEMENT, below.span, message, help=help, related=related)


def _report_twice(name: ast.Ident, first: ast.Ident, problems: Problems) -> None:
    message, help = f"`{name.name}` stands here twice", "a step is assigned once; give this one another name"
    related = (Label(first.span, "the first one"),)
    problems.report(codes.DUPLICATE_NAME, name.span, message, related=related, help=help)


def _shadows(name: ast.Ident, env: Env, expressions: Expressions) -> bool:
    """Report a name that is visible around the block already."""
    outer = env.names.find(name.name)
    alias = expressions.lookup.find(name.name)
    related: tuple[Label, ...]
    if outer is not None:
        what = LOCAL_WORDS.get(outer.local.kind, "a value")
        related = (Label(outer.local.span, f"`{name.name}` is declared here"),)
    elif isinstance(alias, Namespace):
        related, what = (declared_here(alias),), "an import"
    elif name.name in builtins.AMBIENT:
        related, what = (), f"what every flow knows, like `{AMBIENT_EXAMPLES[name.name]}`"
    else:
        return False
    message = f"`{name.name}` is already the name of {what}"
    help = "give this one another name; only loops, `=>`, `as` and patterns may use one again"
    expressions.problems.report(codes.SHADOWED_NAME, name.span, message, related=related, help=help)
    return True


def _check_result(
    statement: ast.Return | ast.Yield | ast.Next, is_last: bool, kind: BlockKind, problems: Problems
) -> None:
    word, right = type(statement).__name__.lower(), RESULT_WORDS[kind]
    if word != right:
        message = f"`{word}` cannot stand directly in {BLOCK_WORDS[kind]}"
        help = f"a block of {BLOCK_WORDS[kind]} gives its value with `{right}`"
        if not right:
            help = "`finally` gives no value; drop this"
        if word == "return":
            help += "; `return` stands directly in a flow"
        problems.report(codes.MISPLACED_STATEMENT, statement.span, message, help=help)
    elif not is_last and getattr(statement, "when", None) is None:
        message, help = f"`{word}` must be the last statement of its block", "move it to the end"
        if word == "return":
            help = "give it a condition, `return … when …`, or move it to the end"
        problems.report(codes.MISPLACED_STATEMENT, statement.span, message, help=help)
