"""Clauses, types, arguments and loops as other languages write them -> how they are written here."""

from __future__ import annotations

from flowlang.syntax.mistakes.forms import FORMS, form_of
from flowlang.syntax.mistakes.misfit import Misfit, advice, rewrite
from flowlang.syntax.tables import END
from flowlang.syntax.words import CLAUSES, POLICIES
from flowlang.text.diagnostics import Diagnostic, Edit, Fix
from flowlang.text.source import Span
from flowlang.text.suggest import nearest

UNITS = {
    **dict.fromkeys(("millisecond", "milliseconds", "millis", "msec"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
}


def named_argument(misfit: Misfit) -> Diagnostic | None:
    """`f(x = 1)` and `{ a = 1 }`."""
    if misfit.text == "=" and ":" in misfit.expected and "=" not in misfit.expected and not misfit.declares:
        name = misfit.before
        where = "an argument" if "arguments" in misfit.symbols or "(" in misfit.symbols else "a field"
        return advice(
            misfit.span, f"{where} is written with `:`, as `{name}: …`", fix=rewrite(misfit.span, ":")
        )
    return None


def colon_behind_clause(misfit: Misfit) -> Diagnostic | None:
    """`timeout: 30s`, `retry = 3 times`."""
    word = misfit.before
    if (
        misfit.text in (":", "=")
        and word in (*CLAUSES, *POLICIES, "raises")
        and misfit.symbols[-1:] == [word]
    ):
        sign = Span(misfit.automaton.end, misfit.stop)
        return advice(misfit.span, f"no `{misfit.text}` stands behind `{word}`", fix=rewrite(sign, ""))
    return None


def loop_without_each(misfit: Misfit) -> Diagnostic | None:
    """`for x in xs`, `for each x of xs`."""
    if misfit.symbols[-1:] == ["for"] and "each" in misfit.expected and misfit.terminal != END:
        at = Span(misfit.start, misfit.start)
        return advice(
            misfit.span, "a loop is written `for each`", fix=Fix("Write `each`", (Edit(at, "each "),))
        )
    if misfit.text == "of" and "in" in misfit.expected and "each" in misfit.symbols:
        return advice(misfit.span, "the items of a loop stand behind `in`", fix=rewrite(misfit.span, "in"))
    return None


def loop_head(misfit: Misfit) -> Diagnostic | None:
    """`for each (x, i) in xs`, `for each x in xs do {`, `for each x in xs, parallel 8 {`."""
    if misfit.symbols[-1:] == ["each"] and misfit.text == "(":
        return advice(
            misfit.span,
            "the variables of a loop stand without parentheses",
            "write `for each x, index in xs`",
        )
    if misfit.text in ("do", ":") and "{" in misfit.expected and "each" in misfit.symbols:
        fix = rewrite(misfit.span, "" if misfit.goes_on(r"\w+\s*\{") else "{")
        return advice(misfit.span, f"the block of a loop stands in braces, without `{misfit.text}`", fix=fix)
    if misfit.before in ("parallel", "concurrency", "max") and "at" in misfit.expected:
        return advice(misfit.before_span, "how many run at the same time is written `8 at once`")
    return None


def loop_without_bound(misfit: Misfit) -> Diagnostic | None:
    """`while c { … }`."""
    if "while" not in misfit.symbols or "," not in misfit.expected or "most" in misfit.symbols:
        return None
    if misfit.terminal in ("{", END, ":", "do"):
        return advice(
            misfit.span,
            "every loop says how often it may turn",
            "write `while draft.score < 0.9, at most 3 times, from draft = first { … next better }`",
        )
    return None


def times(misfit: Misfit) -> Diagnostic | None:
    """`retry 3`, `retry 3 time`, `retry times 3`."""
    if "retry" not in misfit.symbols:
        return None
    if misfit.before == "times" and "times" in misfit.expected:
        span = Span(misfit.before_span.start, misfit.stop)
        return advice(span, "the number stands before `times`", "write `retry 3 times`")
    if "times" not in misfit.expected:
        return None
    if misfit.text in ("time", "attempts", "x", "tries", "retries"):
        return advice(misfit.span, f"`{misfit.text}` is written `times`", fix=rewrite(misfit.span, "times"))
    at = Span(misfit.automaton.end, misfit.automaton.end)
    message = f"`times` is missing after `{misfit.before}`"
    return advice(at, message, "write `retry 3 times`", Fix("Write `times`", (Edit(at, " times"),)))


def glued(misfit: Misfit) -> Diagnostic | None:
    """`3abc`, `f"abc"`."""
    if misfit.start != misfit.automaton.end or not misfit.before:
        return None
    joined = Span(misfit.before_span.start, misfit.stop)
    if misfit.before[0].isdigit() and misfit.terminal == "NAME":
        return advice(
            joined,
            "neither a number nor a name",
            "names begin with a letter; a duration is written like `30s`",
        )
    if misfit.terminal == "STRING" and misfit.before.lower() in ("f", "r", "b", "u", "fr", "rf"):
        help = "any \"string\" may have holes like `${name}`; a 'raw' one has neither holes nor escapes"
        return advice(misfit.before_span, "strings have no prefix", help, rewrite(misfit.before_span, ""))
    return None


def unit(misfit: Misfit) -> Diagnostic | None:
    """`30 s`, `5min`, `10 seconds`."""
    short = UNITS.get(misfit.text)
    number = misfit.before
    if short is None or not number.isdigit():
        return None
    span = Span(misfit.before_span.start, misfit.stop)
    return advice(
        span, f"this duration is written `{number}{short}`", None, rewrite(span, f"{number}{short}")
    )


def bare_fraction(misfit: Misfit) -> Diagnostic | None:
    """`.5`, `1.`"""
    if misfit.text == "." and (found := misfit.goes_on(r"\.(\d+)")) and "INT" in misfit.expected:
        span = Span(*found.span())
        return advice(span, "a number begins with a digit", None, rewrite(span, f"0{found[0]}"))
    if misfit.before == "." and misfit.source[misfit.automaton.end - 2 : misfit.automaton.end - 1].isdigit():
        return advice(misfit.before_span, "a digit is missing behind the point of a number", "write `1.0`")
    return None


def comprehension(misfit: Misfit) -> Diagnostic | None:
    """`[x for x in xs]`, `xs[1:2]`, `(a, b)`, `let a, b = c`, `let {a, b} = c`."""
    if (
        "for" in (misfit.before, misfit.text)
        and {"[", "{"} & set(misfit.symbols[-3:])
        and misfit.expected & {"]", "}"}
    ):
        return advice(
            misfit.span, "lists are made by methods", "write `xs.filter(x => x.ok).map(x => x.name)`"
        )
    if misfit.text == ":" and misfit.symbols[-3:-1] == ["postfix", "["]:
        return advice(
            misfit.span,
            "a part of a list is taken by a method",
            "write `xs.slice(1, 3)`, `xs.take(3)` or `xs.skip(1)`",
        )
    if misfit.text == "," and misfit.symbols[-2:-1] == ["("] and ")" in misfit.expected:
        return advice(
            misfit.span,
            "there are no tuples",
            "put several values in a list `[a, b]` or a record `{ a: 1, b: 2 }`",
        )
    if misfit.symbols[:1] == ["let"] and len(misfit.symbols) <= 2 and misfit.text in (",", "{", "["):
        return advice(
            misfit.span, "a `let` names one value", "name the whole, then its parts: `let best = pair.best`"
        )
    return None


def missing_comma(misfit: Misfit) -> Diagnostic | None:
    """`f(a: 1 b: 2)`, `[1 2]`."""
    begins_item = misfit.text[:1].isalnum() or misfit.terminal in ("STRING", "NAME", "[", "...")
    begins_item |= misfit.text == "{" and misfit.before == "}"
    if not begins_item or "," not in misfit.expected or not misfit.expected & {")", "]", "}"}:
        return None
    at = Span(misfit.automaton.end, misfit.automaton.end)
    return advice(misfit.span, "a comma is missing before this", fix=Fix("Write `,`", (Edit(at, ","),)))


def generics(misfit: Misfit) -> Diagnostic | None:
    """`list[string]`, `string[]`, `string | null`."""
    if "?" not in misfit.expected or "+" in misfit.expected:
        return None
    if found := misfit.goes_on(r"\[\s*\]"):
        span = Span(misfit.before_span.start, found.end())
        right = f"list<{misfit.before}>"
        return advice(span, f"a list type is written `{right}`", fix=rewrite(span, right))
    if found := misfit.goes_on(r"\[([^][\n]*)\]"):
        span = Span(*found.span())
        fix = rewrite(span, f"<{found[1]}>")
        return advice(
            span, "the items of a list or a map stand in `<…>`", f"write `{misfit.before}<{found[1]}>`", fix
        )
    if found := misfit.goes_on(r"\|\s*(null|None|undefined)\b"):
        span = Span(misfit.automaton.end, found.end())
        return advice(Span(*found.span()), "a type with null is written with `?`", fix=rewrite(span, "?"))
    if misfit.text == "|":
        help = "several shapes get names: `type Answer = Text(value: string) | Number(value: float)`"
        return advice(misfit.span, "types are not joined with `|`", help)
    return None


def parameter_without_type(misfit: Misfit) -> Diagnostic | None:
    """`flow f(x)`, `flow f(x = 1)`, `type A = { x }`."""
    if misfit.text not in (",", ")", "}", "=") or ":" not in misfit.expected or not misfit.declares:
        return None
    is_param = misfit.declares in CALLABLES and misfit.text != "}"
    what = "parameter" if is_param else "field"
    return advice(misfit.before_span, f"this {what} has no type", f"write `{misfit.before}: string`")


CALLABLES = ("flow", "agent", "ask")


def head(misfit: Misfit) -> Diagnostic | None:
    """`flow f(): T {`, `flow f() -> T:`, `flow f {`."""
    if misfit.declares not in CALLABLES:
        return None
    if misfit.text == ":" and "->" in misfit.expected:
        return advice(
            misfit.span, "the type of the result stands behind `->`", fix=rewrite(misfit.span, "->")
        )
    if misfit.text == ":" and "{" in misfit.expected:
        return advice(misfit.span, "a block stands in braces: `{ … }`", fix=rewrite(misfit.span, "{"))
    if misfit.terminal == END and "{" in misfit.expected and misfit.declares == "flow":
        return advice(
            misfit.span, "this flow has no block", "what it does stands in braces: `{ step … return … }`"
        )
    if misfit.expected == {"("}:
        at = Span(misfit.automaton.end, misfit.automaton.end)
        help = f"write `{misfit.before}()` if it takes none"
        fix = Fix("Write `()`", (Edit(at, "()"),))
        return advice(misfit.before_span, f"`{misfit.before}` has no parameters", help, fix)
    return None


def policy(misfit: Misfit) -> Diagnostic | None:
    """`efect read`, `retries 3`."""
    if (
        misfit.declares not in ("agent", "ask")
        or misfit.terminal != "NAME"
        or "effect" not in misfit.expected
    ):
        return None
    near = nearest(misfit.text, (*POLICIES, "raises"))
    if not near:
        return None
    return advice(
        misfit.span,
        f"there is no policy `{misfit.text}`",
        f"did you mean `{near}`?",
        rewrite(misfit.span, near),
    )


def fields_in_braces(misfit: Misfit) -> Diagnostic | None:
    """`error Foo { a: int }`."""
    if misfit.text == "{" and misfit.declares in ("error", "event") and "(" in misfit.expected:
        message = f"the fields of an {misfit.declares} stand in parentheses"
        return advice(misfit.span, message, f"write `{FORMS[misfit.declares]}`")
    return None


def definition(misfit: Misfit) -> Diagnostic | None:
    """`type A { … }`, `step a: f()`, `step a f()`."""
    if misfit.text in ("{", ":") and misfit.expected == {"="}:
        at = Span(misfit.start, misfit.start)
        fix = Fix("Write `=`", (Edit(at, "= "),)) if misfit.text == "{" else rewrite(misfit.span, "=")
        return advice(misfit.span, f"`=` is missing after `{misfit.before}`", fix=fix)
    if misfit.text == "(" and misfit.symbols[-2:-1] == [":"] and "=" in misfit.expected:
        name = misfit.symbols[0]
        return advice(
            misfit.span,
            "behind `:` stands a type, and the task behind `=`",
            f"write `{name} name = {misfit.before}(…)`",
        )
    return None


def case(misfit: Misfit) -> Diagnostic | None:
    """`case Published(url) -> …`, `default -> …`."""
    if misfit.before in ("case", "when") and "match" in misfit.symbols and "->" in misfit.expected:
        span = misfit.before_span
        return advice(
            span, f"an arm begins with its pattern, without `{misfit.before}`", fix=rewrite(span, "")
        )
    return None


def catch(misfit: Misfit) -> Diagnostic | None:
    """`catch (NotFound e) -> …`."""
    if misfit.text == "(" and misfit.symbols[-1:] == ["catch"]:
        return advice(
            misfit.span, "no parentheses stand behind `catch`", "write `catch NotFound as e -> null`"
        )
    return None


def function(misfit: Misfit) -> Diagnostic | None:
    """`lambda x: x`, `function (x) { … }`."""
    if misfit.before in ("lambda", "function", "fn") and "+" in misfit.expected:
        help = "write `x => x.score > 0.5`, where a method asks for it"
        return advice(misfit.before_span, f"a function is not written with `{misfit.before}`", help)
    return None


def first_of(misfit: Misfit) -> Diagnostic | None:
    """`first 2 { … }`."""
    if misfit.before == "first" and misfit.terminal == "INT":
        return advice(misfit.span, "`of` is missing", f"write `first {misfit.text} of {{ … }}`")
    return None


def bare_arguments(misfit: Misfit) -> Diagnostic | None:
    """`step page = read url: source.url`."""
    if (
        misfit.goes_on(r"[A-Za-z_]\w*\s*:")
        and misfit.symbols[-1:] == ["NAME"]
        and not {",", "->"} & misfit.expected
    ):
        help = f"write `{misfit.before}({misfit.text}: …)`"
        return advice(misfit.span, f"the arguments of `{misfit.before}` stand in parentheses", help)
    return None


def missing_task(misfit: Misfit) -> Diagnostic | None:
    """`step a = retry 3 times`, `return when a`, `a ->  else -> b`."""
    is_arm = misfit.before == "else" and misfit.text == "->"
    if not (misfit.before in CLAUSES or is_arm) or misfit.symbols[-1:] != ["NAME"]:
        return None
    return advice(misfit.before_span, f"a task is missing before `{misfit.before}`", form_of(misfit))


def stray_closer(misfit: Misfit) -> Diagnostic | None:
    """`f(a: 1))`."""
    if misfit.text not in ("}", ")", "]") or not (END in misfit.expected or misfit.is_first):
        return None
    return advice(misfit.span, f"this `{misfit.text}` closes nothing", fix=rewrite(misfit.span, ""))


def needless_word(misfit: Misfit) -> Diagnostic | None:
    """`step a = await f()`, `step a = return f()`, `step a = new A()`."""
    words = ("await", "async", "return", "yield", "call", "run", "new", "step", "let")
    if (
        misfit.before in words
        and misfit.terminal == "NAME"
        and "+" in misfit.expected
        and not misfit.is_on_new_line
    ):
        span = Span(misfit.before_span.start, misfit.start)
        return advice(misfit.before_span, f"`{misfit.before}` does not stand here", None, rewrite(span, ""))
    return None


def else_if(misfit: Misfit) -> Diagnostic | None:
    if misfit.text in ("elif", "elsif", "elseif") and "else" in misfit.expected:
        return advice(
            misfit.span, f"`{misfit.text}` is written `else if`", fix=rewrite(misfit.span, "else if")
        )
    if "then" in misfit.expected and misfit.text in ("{", ":"):
        return advice(
            misfit.span, "`then` is missing after a condition", 'write `if urgent then "now" else "later"`'
        )
    return None


SHAPES = (
    # The order matters only where two could speak of the same token: the more special one comes first.
    stray_closer,
    first_of,
    function,
    bare_arguments,
    missing_task,
    comprehension,
    named_argument,
    colon_behind_clause,
    loop_without_each,
    loop_head,
    loop_without_bound,
    times,
    unit,
    glued,
    bare_fraction,
    missing_comma,
    generics,
    parameter_without_type,
    head,
    policy,
    fields_in_braces,
    definition,
    case,
    catch,
    needless_word,
    else_if,
)
