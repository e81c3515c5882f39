"""Amounts: how many, as far as it can be known before a run.

An amount is a polynomial with whole coefficients above zero; its unknowns are the size of a list or map
(`|found|`), the value of a whole number (`depth`), and the greater of amounts that cannot be compared
(`max(2, |found|)`). Amounts only grow, so every operation gives an upper bound of what it is applied to.

An unknown that starts at a parameter is replaced when a flow stands inside another: `substitute`. What
grows beyond what a person reads becomes `MANY`, so the work for a plan of any size is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

import attrs

TERMS: Final = 12  # an amount with more terms is MANY
DEGREE: Final = 6  # and so is one with more factors in a term
LARGEST: Final = 2**53  # and one with a greater coefficient: the largest number that all JSON readers keep


@attrs.frozen
class Unknown:
    """The size or the value of what `root` and the fields in `path` name; `root` "" where `text` is all
    that can be said. The text of a value stands for itself in a product."""

    text: str
    root: str = ""
    path: tuple[str, ...] = ()
    size: bool = False

    def show(self) -> str:
        return f"|{self.text}|" if self.size else self.text


@attrs.frozen
class Greatest:
    """The greatest of some amounts."""

    parts: tuple[Amount, ...]

    def show(self) -> str:
        return f"max({', '.join(part.show() for part in self.parts)})"


Factor: TypeAlias = Unknown | Greatest


@attrs.frozen
class Amount:
    """A sum of terms: factors and their coefficient. No terms is 0."""

    terms: tuple[tuple[tuple[Factor, ...], int], ...]

    @property
    def number(self) -> int | None:
        """The amount where nothing in it is unknown."""
        match self.terms:
            case ():
                return 0
            case (((), count),):
                return count
            case _:
                return None

    def show(self) -> str:
        return " + ".join(_show_term(factors, count) for factors, count in self.terms) or "0"


def number(count: int) -> Amount:
    """A known amount; negative ones are 0."""
    if count > LARGEST:
        return MANY
    return Amount((((), count),)) if count > 0 else ZERO


def unknown(factor: Factor) -> Amount:
    return Amount((((factor,), 1),))


def add(amounts: Iterable[Amount]) -> Amount:
    total: dict[tuple[Factor, ...], int] = {}
    for amount in amounts:
        for factors, count in amount.terms:
            total[factors] = total.get(factors, 0) + count
        if len(total) > TERMS:
            return MANY
    return _amount(total)


def multiply(left: Amount, right: Amount) -> Amount:
    if len(left.terms) * len(right.terms) > TERMS:
        return MANY
    total: dict[tuple[Factor, ...], int] = {}
    for some, count in left.terms:
        for others, times in right.terms:
            factors = tuple(sorted(some + others, key=lambda factor: factor.show()))
            total[factors] = total.get(factors, 0) + count * times
    return _amount(total)


def greatest(amounts: Iterable[Amount]) -> Amount:
    """The greatest of amounts; one that another covers term by term is left out."""
    kept: list[Amount] = []
    for amount in amounts:
        if not any(_covers(other, amount) for other in kept):
            kept = [other for other in kept if not _covers(amount, other)] + [amount]
    if len(kept) > TERMS or MANY in kept:
        return MANY
    return kept[0] if len(kept) == 1 else unknown(Greatest(tuple(kept))) if kept else ZERO


def substitute(amount: Amount, replace: Callable[[Unknown], Amount]) -> Amount:
    """The amount with every unknown replaced."""
    return add(
        _product([number(count), *(_replaced(factor, replace) for factor in factors)])
        for factors, count in amount.terms
    )


def _replaced(factor: Factor, replace: Callable[[Unknown], Amount]) -> Amount:
    if isinstance(factor, Unknown):
        return MANY if factor == _ENDLESS else replace(factor)
    return greatest(substitute(part, replace) for part in factor.parts)


def _product(amounts: Iterable[Amount]) -> Amount:
    total = number(1)
    for amount in amounts:
        total = multiply(total, amount)
    return total


def _amount(total: dict[tuple[Factor, ...], int]) -> Amount:
    """The amount of these terms, the known number first, or MANY where they say too much."""
    too_much = any(
        count > LARGEST or len(factors) > DEGREE or _ENDLESS in factors for factors, count in total.items()
    )
    if too_much:
        return MANY
    return Amount(tuple(sorted(total.items(), key=lambda term: (len(term[0]), _show_term(term[0], 1)))))


def _covers(larger: Amount, smaller: Amount) -> bool:
    """Whether one amount is at least the other whatever the unknowns are."""
    counts = dict(larger.terms)
    return all(counts.get(factors, 0) >= count for factors, count in smaller.terms)


def _show_term(factors: tuple[Factor, ...], count: int) -> str:
    powers = Counter(factor.show() for factor in factors)
    shown = [text + (_SUPERSCRIPTS[power] if power > 1 else "") for text, power in powers.items()]
    return "·".join(shown if shown and count == 1 else [str(count), *shown])


_SUPERSCRIPTS: Final = "⁰¹²³⁴⁵⁶"  # up to DEGREE
_ENDLESS = Unknown("more than can be said")
ZERO: Final = Amount(())
MANY: Final = unknown(_ENDLESS)
