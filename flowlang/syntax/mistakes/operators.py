"""Operators of other languages -> what stands for them here."""

from __future__ import annotations

from flowlang.syntax.mistakes.misfit import Misfit, advice, rewrite
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Span


def logic(misfit: Misfit) -> Diagnostic | None:
    """`a && b`, `a || b`, `!a`."""
    found = misfit.goes_on(r"&&|\|\||!(?!=)")
    if not found:
        return None
    word = {"&&": "and", "||": "or", "!": "not"}[found[0]]
    span = Span(*found.span())
    text = "not " if word == "not" and not misfit.goes_on(r"!\s") else word
    return advice(span, f"`{found[0]}` is written `{word}`", fix=rewrite(span, text))


def bits(misfit: Misfit) -> Diagnostic | None:
    """`a & b`, `a | b`, `a ^ b`, `~a`."""
    words = {"&": "and", "|": "or"}
    if misfit.text not in ("&", "|", "^", "~") or not misfit.expected & {"+", "INT"}:
        return None
    help = f"between conditions stands `{words[misfit.text]}`" if misfit.text in words else None
    return advice(misfit.span, f"there is no operator `{misfit.text}`", help)


def equality(misfit: Misfit) -> Diagnostic | None:
    """`a === b`, `a !== b`, `a <> b`, `when a = b`, `let a == b`, `let a := b`."""
    joined = Span(misfit.before_span.start, misfit.stop)
    together = misfit.source[joined.start : joined.end]
    if together in ("===", "!==", "<>"):
        plain = "==" if together == "===" else "!="
        return advice(joined, f"`{together}` is written `{plain}`", fix=rewrite(joined, plain))
    if together == ":=" or misfit.goes_on(":="):
        span = joined if together == ":=" else Span(misfit.start, misfit.start + 2)
        return advice(span, "`:=` is written `=`", fix=rewrite(span, "="))
    if misfit.text == "==" and "=" in misfit.expected:
        return advice(misfit.span, "`==` compares; a name is given with `=`", fix=rewrite(misfit.span, "="))
    if misfit.text == "=" and "==" in misfit.expected and not misfit.expected & {"=", ":"}:
        return advice(
            misfit.span, "`=` gives a name; values are compared with `==`", fix=rewrite(misfit.span, "==")
        )
    return None


def assignment(misfit: Misfit) -> Diagnostic | None:
    """`n += 1`, `n++`."""
    sign = misfit.before
    if misfit.text == "=" and sign in ("+", "-", "*", "/", "%") and misfit.automaton.end == misfit.start:
        span = Span(misfit.before_span.start, misfit.stop)
        return advice(span, f"`{sign}=` would change a value, and none ever changes", NEW_NAME)
    if misfit.text == sign == "+" and misfit.automaton.end == misfit.start:
        span = Span(misfit.before_span.start, misfit.stop)
        return advice(span, "`++` would change a value, and none ever changes", NEW_NAME)
    return None


NEW_NAME = "give the new value a name: `let more = n + 1`; a loop hands its next state on with `next`"


def power(misfit: Misfit) -> Diagnostic | None:
    """`a ** b`; of `a // b`, half is a comment and does not come here."""
    if misfit.text == misfit.before == "*" and misfit.automaton.end == misfit.start:
        span = Span(misfit.before_span.start, misfit.stop)
        return advice(span, "there is no operator `**`", "write the product: `n * n`")
    return None


def conditional(misfit: Misfit) -> Diagnostic | None:
    """`c ? a : b`."""
    if misfit.text == "?" and "+" in misfit.expected:
        return advice(
            misfit.span,
            "a choice between two values is written with `if`",
            'write `if condition then "a" else "b"`; for a value that may be missing, `value ?? other`',
        )
    return None


def negated(misfit: Misfit) -> Diagnostic | None:
    """`a not in b`, `a is not null`, `a is not B`."""
    if misfit.text == "not" and misfit.goes_on(r"not\s+in\b") and "in" in misfit.expected:
        return advice(misfit.span, "`not` stands before the whole comparison", "write `not (item in items)`")
    if misfit.before == "not" and misfit.symbols[-2:-1] == ["is"]:
        span = misfit.before_span
        if misfit.text == "null":
            whole = Span(misfit.source.rfind("is", 0, span.start), misfit.stop)
            return advice(whole, "`is not null` is written `!= null`", fix=rewrite(whole, "!= null"))
        return advice(span, "`not` stands before the whole comparison", "write `not (outcome is Published)`")
    return None


def arrows(misfit: Misfit) -> Diagnostic | None:
    """`=>` for `->` and the other way round, `:` or `then` for `->`."""
    if "->" in misfit.expected and misfit.text in ("=>", ":", "then", "=", "returns"):
        return advice(misfit.span, f"expected `->`, found `{misfit.text}`", fix=rewrite(misfit.span, "->"))
    joined = Span(misfit.before_span.start, misfit.stop)
    if misfit.source[joined.start : joined.end] == "->" and misfit.text == ">":
        return advice(joined, "a function is written with `=>`, as `x => x > 1`", fix=rewrite(joined, "=>"))
    return None


def chained(misfit: Misfit) -> Diagnostic | None:
    """`a < b < c`."""
    comparisons = ("==", "!=", "<", "<=", ">", ">=", "in", "is", "as")
    if misfit.text in comparisons and "+" in misfit.expected and misfit.symbols[-2:-1] != ["as"]:
        return advice(misfit.span, "comparisons do not chain", "join two of them: `a < b and b < c`")
    return None


def comment(misfit: Misfit) -> Diagnostic | None:
    """`# …`, `/* … */`."""
    if misfit.text == "#":
        return advice(misfit.span, "a comment begins with `//`", fix=rewrite(misfit.span, "//"))
    joined = Span(misfit.before_span.start, misfit.stop)
    if misfit.source[joined.start : joined.end] == "/*":
        return advice(joined, "a comment begins with `//` and ends with its line")
    return None


def semicolon(misfit: Misfit) -> Diagnostic | None:
    if misfit.text != ";":
        return None
    return advice(
        misfit.span, "no `;` is needed: a statement ends where the next begins", fix=rewrite(misfit.span, "")
    )


def backquote(misfit: Misfit) -> Diagnostic | None:
    if misfit.text != "`":
        return None
    return advice(
        misfit.span, "strings stand in double quotes", 'any of them may have holes: "hello ${name}"'
    )


OPERATORS = (
    logic,
    bits,
    equality,
    assignment,
    power,
    conditional,
    negated,
    arrows,
    chained,
    comment,
    semicolon,
    backquote,
)
