"""Conversions between a typed value and `json` inside an expression, each paid for by the value's size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowlang.plan import model as plan
from flowlang.values import codec
from flowlang.values.decoding import Decoder
from flowlang.values.encoding import Encoder
from flowlang.values.evaluation import (
    Budget,
    EvaluationError,
    charge,
    charge_value,
    fail,
)
from flowlang.values.value import MAX_DEPTH, MAX_TEXT, Misfit, Value, normalise, weight


def constant(value: Value) -> Value:
    """A constant of a plan, which nobody else has looked at."""
    try:
        return normalise(value)
    except Misfit as misfit:
        fail(str(misfit))


def cast(budget: Budget, value: Value, read: Decoder) -> Value:
    """`value as T`, where `read` reads a T. Raises BadValue with the path that does not fit."""
    charge(budget, weight(value, budget.left))
    try:
        return read(value)
    except Misfit as misfit:
        message = str(misfit) if misfit.help is None else f"{misfit}; {misfit.help}"
        failure = EvaluationError("BadValue", message, path=misfit.path)
    raise failure


def widened(budget: Budget, value: Value, type: plan.Type) -> Value:
    charge_value(budget, value)
    return codec.widen(value, type)


def to_json(budget: Budget, value: Value, write: Encoder) -> Value:
    _claim(budget, value)
    return write(value)


def to_text(budget: Budget, value: Value, write: Encoder) -> str:
    return _text(budget, value, write, canonical=False)


def to_canonical(budget: Budget, value: Value, write: Encoder) -> str:
    return _text(budget, value, write, canonical=True)


ENCODINGS: Final[dict[str, Callable[[Budget, Value, Encoder], Value]]] = {
    "json": to_json,
    "text": to_text,
    "canonical": to_canonical,
}


def _text(budget: Budget, value: Value, write: Encoder, *, canonical: bool) -> str:
    _claim(budget, value)
    text = codec.write_json(write(value), canonical=canonical)
    if len(text) > MAX_TEXT:
        fail(f"JSON text of {len(text):,} characters would be larger than 1 MiB")
    return text


def _claim(budget: Budget, value: Value) -> None:
    """Pay for the text, and refuse a value whose text is too large for certain before any is made."""
    size = weight(value, MAX_TEXT)
    if size > MAX_TEXT:
        fail(f"the value is larger than 1 MiB of JSON, or nests deeper than {MAX_DEPTH} levels")
    charge(budget, size)
