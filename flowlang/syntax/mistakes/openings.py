"""How statements and declarations begin in other languages -> how they begin here."""

from __future__ import annotations

from flowlang.syntax.mistakes.misfit import Misfit, advice, rewrite
from flowlang.syntax.words import CLAUSES, DECLARATIONS, STATEMENTS, TASKS, TEST_STATEMENTS
from flowlang.text.diagnostics import Diagnostic, Edit, Fix
from flowlang.text.source import Span
from flowlang.text.suggest import nearest

GUARD = (
    "a step can have a guard: `step url = publish(text: text) when score > 0.9`; several cases are a `choose`"
)

# Words that begin a statement elsewhere, and what to write here.
FOREIGN_STATEMENTS = {
    "if": GUARD,
    "elif": GUARD,
    "else": GUARD,
    "unless": GUARD,
    "try": "errors are caught by a clause of the step: `catch NotFound -> null`",
    "except": "errors are caught by a clause of the step: `catch NotFound -> null`",
    "throw": "a block fails with `fail NotFound() when found.is_empty()`",
    "raise": "a block fails with `fail NotFound() when found.is_empty()`",
    "await": "every step waits for what it mentions: `step page = read(url: url)`",
    "async": "steps that do not mention each other run at the same time; nothing need be said",
    "parallel": "steps that do not mention each other run at the same time; nothing need be said",
    "print": "a flow does nothing but call agents; its progress is shown by `flow run`",
    "log": "a flow does nothing but call agents; its progress is shown by `flow run`",
    "break": "a loop ends by its condition: `while draft.score < 0.9, at most 3 times, from …`",
    "continue": "items are left out by `where`: `for each x in xs where x.ok { … }`",
    "pass": "a block may be empty: `{ }`",
    "assert": 'a condition that must hold: `require depth >= 1 else "depth must be at least 1"`',
    "def": "flows stand at the top of a file, next to each other",
    "function": "flows stand at the top of a file, next to each other",
}
RENAMED_STATEMENTS = {
    "var": "let",
    "const": "let",
    "val": "let",
    "set": "let",
    "emit": "yield",
    "task": "step",
}

FOREIGN_CLAUSES = {
    **dict.fromkeys(("retries", "max_retries", "attempts"), "retry 3 times"),
    **dict.fromkeys(("depends_on", "depends", "needs", "dependencies"), "after hotel, train"),
    **dict.fromkeys(("on_error", "on_failure", "fallback", "rescue", "recover"), "catch Timeout -> null"),
    **dict.fromkeys(("condition", "only_if", "where"), "when depth > 3"),
    **dict.fromkeys(("otherwise", "default"), "when depth > 3 otherwise null"),
    **dict.fromkeys(("delay", "backoff"), "retry 3 times backoff 1s to 1m"),
    **dict.fromkeys(("deadline", "timeout_seconds"), "timeout 30s"),
    **dict.fromkeys(("compensate", "rollback"), "undo cancel_hotel(id: hotel.id)"),
}

# Words that begin a declaration elsewhere.
FLOW = "a flow is written `flow brief(topic: string) -> Outcome { … }`"
TYPE = "a type is written `type Draft = { text: string, score: float }`"
IMPORT = (
    'a module is imported with `import "trips.flow" as trips`, agents with `use python tools = "tools.py"`'
)
FOREIGN_DECLARATIONS = {
    **dict.fromkeys(("def", "function", "func", "fn", "fun", "async", "workflow", "pipeline", "dag"), FLOW),
    **dict.fromkeys(("class", "interface", "struct", "enum", "record", "data", "typedef", "union"), TYPE),
    **dict.fromkeys(("from", "include", "require", "package", "using", "module"), IMPORT),
    **dict.fromkeys(("const", "var", "let", "val"), "values belong to a flow: `let` stands in its block"),
    **dict.fromkeys(("export", "public", "private"), "every declaration can be imported; no word is needed"),
    **dict.fromkeys(
        ("tool", "task", "activity"), "what flows call is declared with `agent read(url: string) -> string`"
    ),
    **dict.fromkeys(("exception", "raise"), "an error is declared with `error NotFound(url: string)`"),
    **dict.fromkeys(
        ("steps", "name", "version", "plan_id"),
        "this looks like YAML; plans in YAML go into a file that ends in `.yaml`",
    ),
}


def opening(misfit: Misfit) -> Diagnostic | None:
    """What does not begin a statement, a line of a test or a declaration."""
    if not misfit.is_first:
        return None
    if "step" in misfit.expected:
        return of_statement(misfit)
    if "given" in misfit.expected:
        return of_test_line(misfit)
    return of_declaration(misfit) if "agent" in misfit.expected else None


def of_statement(misfit: Misfit) -> Diagnostic | None:
    word = misfit.text
    if word in DECLARATIONS and misfit.goes_on(r"\w+[ \t]+[A-Za-z_]"):
        return advice(misfit.span, f"`{word}` stands at the top of a file, not in a flow")
    if word in RENAMED_STATEMENTS:
        right = RENAMED_STATEMENTS[word]
        return advice(misfit.span, f"`{word}` is written `{right}`", fix=rewrite(misfit.span, right))
    if assigned := misfit.goes_on(r"[A-Za-z_]\w*\s*=(?![=>])\s*(\w*)(\(?)"):
        right = "step" if assigned[2] or assigned[1] in TASKS else "let"
        return named_without_keyword(misfit, right)
    if word in FOREIGN_STATEMENTS:
        return advice(misfit.span, f"a statement does not begin with `{word}`", FOREIGN_STATEMENTS[word])
    if word in TASKS:
        help = f"a task stands in a step: `step result = {word} …`"
        return advice(misfit.span, f"`{word}` begins a task, not a statement", help)
    if word in CLAUSES:
        help = f"`{word}` follows the task of a `step`; `let`, `return`, `yield` and `next` have no clauses"
        return advice(misfit.span, f"this `{word}` belongs to no step", help)
    if misfit.text == "-":
        return advice(
            misfit.span, "steps are not a list", "each begins with `step`: `step page = read(url: url)`"
        )
    if word in FOREIGN_CLAUSES:
        help = f"write `{FOREIGN_CLAUSES[word]}` below the task of a step"
        return advice(misfit.span, f"there is no clause `{word}`", help)
    return misspelt(misfit, STATEMENTS + CLAUSES, "a statement or a clause") or call(misfit)


def named_without_keyword(misfit: Misfit, keyword: str) -> Diagnostic:
    what = "a task" if keyword == "step" else "a value"
    at = Span(misfit.start, misfit.start)
    return advice(
        misfit.span,
        f"what names {what} begins with `{keyword}`",
        f"write `{keyword} {misfit.text} = …`",
        Fix(f"Write `{keyword}`", (Edit(at, f"{keyword} "),)),
    )


def call(misfit: Misfit) -> Diagnostic | None:
    """A call that stands alone."""
    if misfit.goes_on(r"[A-Za-z_][\w.]*\s*\("):
        return advice(
            misfit.span,
            "a call needs a step",
            f"write `step done = {misfit.text}(…)`, with a name that says what it is",
        )
    if misfit.terminal == "NAME":
        help = "statements begin with " + ", ".join(f"`{word}`" for word in STATEMENTS[:-1]) + " or `next`"
        return advice(misfit.span, f"`{misfit.text}` does not begin a statement", help)
    return None


def of_test_line(misfit: Misfit) -> Diagnostic | None:
    hints = {
        "step": "run",
        "let": "run",
        "assert": "expect",
        "mock": "given",
        "when": "given",
        "then": "expect",
    }
    if misfit.text in hints:
        right = hints[misfit.text]
        help = "a test has `given … -> …`, `send …`, `run out = …` and `expect …`"
        return advice(misfit.span, f"in a test, `{misfit.text}` is `{right}`", help)
    return misspelt(misfit, TEST_STATEMENTS, "a line of a test")


def of_declaration(misfit: Misfit) -> Diagnostic | None:
    word = misfit.text
    if word in FOREIGN_DECLARATIONS:
        return advice(misfit.span, f"a declaration does not begin with `{word}`", FOREIGN_DECLARATIONS[word])
    if word in STATEMENTS + CLAUSES + TASKS:
        return advice(
            misfit.span, f"`{word}` stands in a flow", "put it into the block of one: `flow main() { … }`"
        )
    if word in TEST_STATEMENTS:
        return advice(
            misfit.span, f"`{word}` stands in a test", 'put it into the block of one: `test "…" { … }`'
        )
    return misspelt(misfit, DECLARATIONS, "a declaration")


def misspelt(misfit: Misfit, words: tuple[str, ...], what: str) -> Diagnostic | None:
    found = nearest(misfit.text, words) if misfit.terminal == "NAME" else None
    if not found:
        return None
    return advice(
        misfit.span,
        f"`{misfit.text}` does not begin {what}",
        f"did you mean `{found}`?",
        rewrite(misfit.span, found),
    )


def import_(misfit: Misfit) -> Diagnostic | None:
    """`import trips from "trips.flow"`, `import trips`, `use "tools.py" as tools`."""
    if misfit.symbols[-1:] == ["import"]:
        return advice(misfit.span, "an import names its file first", IMPORT)
    if misfit.symbols[-1:] == ["use"]:
        return advice(
            misfit.span, "`use` names a kind of provider first", 'write `use python tools = "tools.py"`'
        )
    return None


OPENINGS = (opening, import_)
