"""Values: what they may be, and the gate where foreign data becomes one.

A value is None, a bool, an int of 64 bits, a finite float, a str that is valid UTF-8, a list of values or
a dict from str to values, each of exactly that class. Everything above rests on it: raw operators are
applied only because no value can bring an `__add__`, an `inf` or a lone surrogate of its own.

`normalise` copies, so nobody outside keeps a hold on what a run has taken in. Depth is capped, which
also ends cycles, and so is size: in characters of the shortest JSON text that the value could have, which
is known before anything is built and never more than the true length."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

Value: TypeAlias = Any
"""None | bool | int | float | str | list[Value] | dict[str, Value], as described above."""

MAX_INT: Final = (1 << 63) - 1
MIN_INT: Final = -(1 << 63)
MAX_TEXT: Final = 1 << 20  # characters of a string that an expression makes
MAX_ITEMS: Final = 100_000  # items of a list, entries of a map that an expression makes
MAX_BOUNDARY: Final = 1 << 20  # bytes of JSON of a value that crosses a boundary
MAX_DEPTH: Final = 128  # lists and objects inside each other

TOO_LARGE_HELP: Final = "pass large content as a `file`, which travels as a reference"


class Misfit(ValueError):
    """Data that is no value, or not of the type asked for.

    `steps` lead to the offending part: names of fields and positions in lists, from outside in."""

    def __init__(self, message: str, *, steps: tuple[str | int, ...] = (), help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.steps = steps
        self.help = help

    def inside(self, step: str | int) -> Misfit:
        """The same misfit, seen from one level further out."""
        self.steps = (step, *self.steps)
        return self

    @property
    def path(self) -> str:
        """`items[3].name`; empty for the whole value, cut where it is long."""
        shown = "".join(_step(step) for step in self.steps[:16]).removeprefix(".")
        return shown + "…" if len(self.steps) > 16 else shown

    @property
    def told(self) -> str:
        """All there is to say, on one line."""
        return f"{self}; {self.help}" if self.help else str(self)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.steps else self.message


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() else f"[{quoted(step)}]"


def normalise(value: object, *, limit: int = MAX_BOUNDARY) -> Value:
    """A copy of plain data as a value; tuples become lists. Raises Misfit with the path of what is not."""
    return _normalise(value, [limit], 0)


def weight(value: Value, limit: int) -> int:
    """Characters of the shortest JSON text that a value, or any plain data, could have; stops soon after
    `limit`.

    Parts that are shared count as often as they appear, and values nested deeper than MAX_DEPTH count as
    over the limit. It looks at every value that crosses a boundary, and so is written in one piece."""
    if type(value) is str:
        return len(value) + 2
    if type(value) not in (list, tuple, dict):
        return 1
    total = 0
    level: Iterable[Value] = (value,)
    for _ in range(MAX_DEPTH + 1):
        below: list[Value] = []
        for item in level:
            if type(item) is str:
                total += len(item) + 2
            elif type(item) is dict:
                total += 4 * len(item) + 1
                for key in item:
                    if type(key) is str:
                        total += len(key)
                below.extend(item.values())
            elif type(item) is list or type(item) is tuple:
                total += len(item) + 1
                below.extend(item)
            else:
                total += 1
            if total > limit:
                return total
        if not below:
            return total
        level = below
    return limit + 1


def is_text(text: str) -> bool:
    """Whether a str can be written as UTF-8, that is: holds no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_text(text: str) -> str:
    """The text itself. Raises Misfit where it is not valid UTF-8."""
    if not is_text(text):
        raise Misfit("the string is not valid UTF-8: it holds half of a surrogate pair")
    return text


def check_int(number: int) -> int:
    """The number itself. Raises Misfit where it has more than 64 bits."""
    if not MIN_INT <= number <= MAX_INT:
        raise Misfit(f"{shortened(number)} does not fit a 64-bit int")
    return number


def check_float(number: float) -> float:
    """The number itself. Raises Misfit where it is infinite or not a number."""
    if number - number != 0:
        raise Misfit(f"{number} is not a finite number")
    return number


def quoted(text: str, limit: int = 40) -> str:
    """A string for a message, in quotes and cut to `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    escaped = cut.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in escaped) + '"'


def shortened(number: int) -> str:
    """An int for a message; one of many digits by its size."""
    return str(number) if abs(number) < 10**24 else f"a number of {number.bit_length()} bits"


def _normalise(value: object, room: list[int], depth: int) -> Value:
    if type(value) is str:
        _take(room, len(value) + 2)
        return check_text(value)
    if type(value) is list or type(value) is tuple:
        return _normalise_list(value, room, depth)
    if type(value) is dict:
        return _normalise_dict(value, room, depth)
    _take(room, 1)
    if type(value) is int:
        return check_int(value)
    if type(value) is float:
        return check_float(value)
    if value is None or type(value) is bool:
        return value
    raise Misfit(
        f"{described(value)} is not plain data",
        help="plain data are None, bool, int, float, str, list and dict, of exactly these classes",
    )


def _normalise_list(items: list[object] | tuple[object, ...], room: list[int], depth: int) -> list[Value]:
    _take(room, len(items) + 1)
    _check_depth(depth)
    made: list[Value] = []
    try:
        for item in items:
            made.append(_normalise(item, room, depth + 1))
    except Misfit as misfit:
        raise misfit.inside(len(made)) from None
    return made


def _normalise_dict(fields: dict[object, object], room: list[int], depth: int) -> dict[str, Value]:
    _take(room, 4 * len(fields) + 1)
    _check_depth(depth)
    made: dict[str, Value] = {}
    for key, value in fields.items():
        if type(key) is not str:
            raise Misfit(f"a key must be a string, not {described(key)}")
        _take(room, len(key))
        try:
            made[check_text(key)] = _normalise(value, room, depth + 1)
        except Misfit as misfit:
            raise misfit.inside(key) from None
    return made


def _take(room: list[int], size: int) -> None:
    room[0] -= size
    if room[0] < 0:
        raise Misfit("the value is larger than 1 MiB of JSON", help=TOO_LARGE_HELP)


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise Misfit(f"the value holds itself or nests deeper than {MAX_DEPTH} levels")


def described(value: object) -> str:
    """What something is, for a message: `a string ("abc")`, `an object with 3 fields`, `a Decimal`."""
    if value is None:
        return "null"
    if type(value) is bool:
        return f"a bool ({str(value).lower()})"
    if type(value) is int:
        return f"an int ({shortened(value)})"
    if type(value) is float:
        return f"a float ({value})"
    if type(value) is str:
        return f"a string ({quoted(value)})"
    if type(value) is list:
        return f"a list of {len(value)}" if value else "an empty list"
    if type(value) is dict:
        return f"an object with {len(value)} field{'s' * (len(value) != 1)}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
