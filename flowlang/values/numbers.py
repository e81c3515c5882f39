"""Numbers: ints of 64 bits that overflow with an error, floats that stay finite, and durations, which are
ints with bounds of their own. What compiled code does inline comes here only to fail, with the operands."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NoReturn

from flowlang.values.evaluation import Budget, fail
from flowlang.values.times import (
    FIRST_DATETIME,
    LAST_DATETIME,
    MAX_DURATION,
    format_datetime,
    format_duration,
)
from flowlang.values.value import MAX_INT, MIN_INT

INT_SIGNS: Final = {"int.add": "+", "int.sub": "-", "int.mul": "*"}
FLOAT_SIGNS: Final = {"float.add": "+", "float.sub": "-", "float.mul": "*", "float.div": "/"}


def int_add(a: int, b: int) -> int:
    return a + b if MIN_INT <= a + b <= MAX_INT else overflow("+", a, b)


def int_sub(a: int, b: int) -> int:
    return a - b if MIN_INT <= a - b <= MAX_INT else overflow("-", a, b)


def int_mul(a: int, b: int) -> int:
    return a * b if MIN_INT <= a * b <= MAX_INT else overflow("*", a, b)


def int_neg(a: int) -> int:
    return -a if a != MIN_INT else fail(f"-({a}) overflows a 64-bit int")


def int_mod(a: int, b: int) -> int:
    """What remains of `int_div`, with the sign of `a`."""
    rest = abs(a) % abs(b) if b else by_zero()
    return -rest if a < 0 else rest


def int_div(budget: Budget, a: int, b: int) -> int:
    """Rounded toward zero."""
    quotient = abs(a) // abs(b) if b else by_zero()
    return _int(quotient if (a < 0) == (b < 0) else -quotient)


def overflow(sign: str, a: int, b: int) -> NoReturn:
    fail(f"{_operand(a)} {sign} {_operand(b)} overflows a 64-bit int")


def by_zero() -> NoReturn:
    fail("division by zero")


def float_add(a: float, b: float) -> float:
    return finite(a + b, "+", a, b)


def float_sub(a: float, b: float) -> float:
    return finite(a - b, "-", a, b)


def float_mul(a: float, b: float) -> float:
    return finite(a * b, "*", a, b)


def float_div(a: float, b: float) -> float:
    return finite(a / b if b else by_zero(), "/", a, b)


def float_mod(a: float, b: float) -> float:
    """With the sign of `a`, like `int_mod`."""
    return math.fmod(a, b) if b else by_zero()


def float_neg(a: float) -> float:
    return -a


def finite(result: float, sign: str, a: float, b: float) -> float:
    return result if result - result == 0 else infinite(sign, a, b)


def infinite(sign: str, a: float, b: float) -> NoReturn:
    fail(f"{_operand(a)} {sign} {_operand(b)} is too large for a float")


def _operand(number: float) -> str:
    return str(number) if number >= 0 else f"({number})"


def _int(number: int) -> int:
    return number if MIN_INT <= number <= MAX_INT else fail(f"{number} does not fit a 64-bit int")


# Functions of numbers


def int_abs(budget: Budget, a: int) -> int:
    return _int(abs(a))


def float_abs(budget: Budget, a: float) -> float:
    return abs(a)


def least(budget: Budget, a: float, b: float) -> float:
    return b if b < a else a


def greatest(budget: Budget, a: float, b: float) -> float:
    return b if b > a else a


def clamp(budget: Budget, a: float, low: float, high: float) -> float:
    return low if a < low or high < low else high if a > high else a


def sqrt(budget: Budget, a: float) -> float:
    return math.sqrt(a) if a >= 0 else fail(f"{a} is negative and has no square root")


def int_to_float(budget: Budget, a: int) -> float:
    return float(a)


def _whole(round_: Callable[[float], int]) -> Callable[[Budget, float], int]:
    return lambda budget, a: _int(round_(a))


floor: Final = _whole(math.floor)
ceil: Final = _whole(math.ceil)
truncate: Final = _whole(math.trunc)


def round_half_away(budget: Budget, a: float) -> int:
    below = math.floor(abs(a))
    nearest = below + (abs(a) - below >= 0.5)
    return _int(-nearest if a < 0 else nearest)


def format_decimals(budget: Budget, a: float, decimals: int) -> str:
    if not 0 <= decimals <= 20:
        fail(f"format shows 0 to 20 decimals, not {decimals}")
    return f"{a:z.{decimals}f}"


# Durations and datetimes


def duration_add(a: int, b: int) -> int:
    return _duration(a + b, "+", a, b)


def duration_sub(a: int, b: int) -> int:
    return _duration(a - b, "-", a, b)


def duration_neg(a: int) -> int:
    return -a


def duration_mul(a: float, b: float) -> int:
    """A duration and a number, in either order, to the nearest microsecond."""
    product = a * b
    return _bounded_duration(_nearest(product) if type(product) is float else product)  # type: ignore[arg-type]


def duration_div(a: int, b: float) -> int:
    """To the nearest microsecond, halves to the even one."""
    if not b:
        by_zero()
    if type(b) is float:
        return _bounded_duration(_nearest(a / b))
    quotient, rest = divmod(a, int(b))
    double = 2 * abs(rest) - abs(int(b))
    return _bounded_duration(quotient + (double > 0 or (double == 0 and quotient % 2)))


def duration_ratio(a: int, b: int) -> float:
    return a / b if b else by_zero()


def datetime_add(a: int, b: int) -> int:
    return _datetime(a + b, "after", a, b)


def datetime_sub(a: int, b: int) -> int:
    return _datetime(a - b, "before", a, b)


def datetime_diff(a: int, b: int) -> int:
    return a - b


def _duration(result: int, sign: str, a: int, b: int) -> int:
    if -MAX_DURATION <= result <= MAX_DURATION:
        return result
    fail(f"{format_duration(a)} {sign} {format_duration(b)} is longer than 10,000 years")


def _bounded_duration(result: int) -> int:
    if -MAX_DURATION <= result <= MAX_DURATION:
        return result
    fail("the duration is longer than 10,000 years")


def _nearest(microseconds: float) -> int:
    """An int, halves to the even one; out of bounds where the float is too large for any."""
    return round(microseconds) if abs(microseconds) < 2 * MAX_DURATION else 2 * MAX_DURATION


def _datetime(result: int, where: str, a: int, b: int) -> int:
    if FIRST_DATETIME <= result <= LAST_DATETIME:
        return result
    fail(f"{format_duration(b)} {where} {format_datetime(a)} lies outside the years 1 to 9999")
