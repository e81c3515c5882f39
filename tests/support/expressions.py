"""Expressions in tests: text in, value out, through the whole front end and both evaluators."""

from __future__ import annotations

from collections.abc import Mapping

from support.checking import check_text
from support.outcomes import Outcome, outcome

from flowlang.plan import model as plan
from flowlang.plan.lower import lower
from flowlang.values.value import Value


class Refused(Exception):
    """The checker found errors: `found` maps slugs to messages."""

    def __init__(self, found: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{slug}: {message}" for slug, message in found.items()))
        self.found = found


def expression(text: str, *, before: str = "", params: str = "") -> plan.Expr:
    """The plan of an expression as `json`; `before` declares types, `params` are the parameters around it.
    Raises Refused."""
    checked = check_text(f"{before}\nflow main({params}) -> json {{\n  return ({text}) as json\n}}\n")
    errors = {d.code.slug: d.message for d in checked.diagnostics if d.severity == "error"}
    if errors:
        raise Refused(errors)
    result = lower(checked).flows["main"].body.statements[-1]
    assert isinstance(result, plan.Result) and isinstance(result.task, plan.Evaluate)
    return result.task.value


def evaluate(
    text: str, *, before: str = "", params: str = "", context: Mapping[str, Value] | None = None
) -> Outcome:
    """The outcome of an expression as a flow would write it."""
    return outcome(expression(text, before=before, params=params), context)
