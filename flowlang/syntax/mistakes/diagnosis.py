"""The message for a token that does not fit.

First the habits that people bring along from other languages are looked for, since there the right text
is known: operators, the words that statements begin with, the shape of clauses, types and arguments. For
anything else the message names the one thing that is missed, never all that the parser would accept, and
the help shows the form of what is being written (`forms.py`)."""

from __future__ import annotations

from collections.abc import Callable

from flowlang.syntax.lexer import STRAY, UNCLOSED
from flowlang.syntax.mistakes.characters import stray_character
from flowlang.syntax.mistakes.forms import expectation
from flowlang.syntax.mistakes.misfit import Misfit
from flowlang.syntax.mistakes.openings import OPENINGS
from flowlang.syntax.mistakes.operators import OPERATORS
from flowlang.syntax.mistakes.shapes import SHAPES
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Span

HABITS: tuple[Callable[[Misfit], Diagnostic | None], ...] = (*OPENINGS, *SHAPES, *OPERATORS)


def diagnose(misfit: Misfit) -> Diagnostic:
    if misfit.terminal == UNCLOSED:
        return unclosed_string(misfit)
    for habit in HABITS:
        if found := habit(misfit):
            return found
    return stray_character(misfit.text, misfit.span) if misfit.terminal == STRAY else expectation(misfit)


def unclosed_string(misfit: Misfit) -> Diagnostic:
    is_block = misfit.text.startswith('"""')
    quote = '"""' if is_block else misfit.text[0]
    end = misfit.start + len(misfit.text.rstrip())
    several = "" if is_block else '; a text of several lines stands between `"""` and `"""`'
    return Diagnostic(
        codes.UNCLOSED,
        "this string is never closed",
        Label(Span(misfit.start, misfit.start + len(quote)), "opened here"),
        related=(Label(Span(end, end), "the text ends here" if is_block else "the line ends here"),),
        help=f"close it with `{quote}`{several}",
    )
