"""What every evaluation has: a budget that it may spend, and one way to fail.

Work is counted in units of about a tenth of a microsecond, or a hundred bytes: one for each node of an
expression in each round of a loop, and what a function costs by the sizes it is given. It is charged
from sizes before anything is built and once where a loop is entered, so the inside of a loop runs at
full speed and no value is ever made that the limits forbid. What stands outside of loops is not charged:
an expression has at most 16 KiB.

Failures carry no host traceback: an error name, a message for people, and the place in the source."""

from __future__ import annotations

from typing import Final, Literal, NoReturn

from flowlang.plan.model import Place
from flowlang.values.value import MAX_ITEMS, MAX_TEXT, Value, quoted, weight

BUDGET: Final = 5_000_000
COPIED: Final = 7  # a unit for each 2**7 characters that are copied or compared,
SCANNED: Final = 5  # for each 2**5 that are looked at one by one or encoded,
MATCHED: Final = 2  # for each 2**2 that a regular expression reads
CALL: Final = 16  # units of a function that takes long whatever it is given


class EvaluationError(Exception):
    """An expression failed. `path` leads to the part of a `json` value that did not fit (BadValue)."""

    def __init__(
        self,
        error: Literal["EvaluationFailed", "BadValue"],
        message: str,
        at: Place | None = None,
        path: str | None = None,
    ) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
        self.at = at
        self.path = path


class Budget:
    """Units of work that are `left` of a `total`. One evaluation gets one budget; several may share it."""

    __slots__ = ("left", "total")

    def __init__(self, units: int = BUDGET) -> None:
        self.left = self.total = units


def charge(budget: Budget, units: int) -> None:
    """Take units from the budget. Raises EvaluationError when it is used up."""
    budget.left -= units
    if budget.left < 0:
        fail(f"this takes more than the {budget.total:,} units of work that one evaluation may do")


def charge_text(budget: Budget, length: int, shift: int = COPIED) -> None:
    """Take the units for a text of `length` characters; `shift` is COPIED, SCANNED or MATCHED."""
    if length >> shift:
        charge(budget, length >> shift)


def charge_value(budget: Budget, value: Value) -> None:
    """Take the units for looking at all of a value."""
    if type(value) is str:
        charge_text(budget, len(value))
    elif type(value) is list or type(value) is dict:
        charge(budget, weight(value, budget.left))


def claim_text(budget: Budget, length: int, shift: int = COPIED) -> None:
    """Make sure that a string of `length` characters may be made, and pay for it."""
    if length > MAX_TEXT:
        fail(f"a string of {length:,} characters would be larger than 1 MiB")
    charge_text(budget, length, shift)


def claim_items(budget: Budget, count: int) -> None:
    """Make sure that a list or map of `count` items may be made, and pay for it."""
    if count > MAX_ITEMS:
        fail(f"a list of {count:,} items would be longer than {MAX_ITEMS:,}")
    charge(budget, count)


def fail(message: str) -> NoReturn:
    """End the evaluation with EvaluationFailed; the place is added where it is known."""
    raise EvaluationError("EvaluationFailed", message)


def explained(error: Exception, at: Place | None) -> EvaluationError:
    """What went wrong as an error of the language, at its place if it has none yet.

    Anything but an EvaluationError and a division by zero means that the plan is not what a checker
    would let through, or that its author found the limits of Python's stack."""
    if not isinstance(error, EvaluationError):
        return EvaluationError("EvaluationFailed", _message(error), at)
    if error.at is None:
        error.at = at
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def _message(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, RecursionError):
        return "the expression nests too deep"
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, KeyError):
        return f"there is no {quoted(str(error.args[0]))} here, though the plan says so"
    return f"the plan does not fit its values: {type(error).__name__}"
