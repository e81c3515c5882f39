"""The functions of lists and maps, and equality. No value is ever changed: each function makes a new list
or map, whose items are shared with the old one, and pays for it before it does so.

Functions that take a lambda get what it gave for each item instead (`keys`), in the order of the items."""

from __future__ import annotations

from itertools import chain
from typing import Final

from flowlang.values import times
from flowlang.values.evaluation import (
    COPIED,
    Budget,
    charge,
    charge_text,
    charge_value,
    claim_items,
    fail,
)
from flowlang.values.numbers import finite
from flowlang.values.value import MAX_INT, MIN_INT, Value, weight

List = list[Value]
Map = dict[str, Value]

_RECORD: Final = 3  # units of a record that a function makes


def size(budget: Budget, sized: List | Map | str) -> int:
    return len(sized)


def is_empty(budget: Budget, sized: List | Map | str) -> bool:
    return not sized


def at(items: List, index: int) -> Value:
    return items[index] if 0 <= index < len(items) else None


def get(budget: Budget, items: List, index: int) -> Value:
    return at(items, index)


def first(budget: Budget, items: List) -> Value:
    return items[0] if items else None


def last(budget: Budget, items: List) -> Value:
    return items[-1] if items else None


def take(budget: Budget, items: List, count: int) -> List:
    return slice_(budget, items, 0, count)


def skip(budget: Budget, items: List, count: int) -> List:
    return slice_(budget, items, count)


def slice_(budget: Budget, items: List, start: int, end: int = MAX_INT) -> List:
    start, end = max(start, 0), min(max(end, 0), len(items))
    charge(budget, max(end - start, 0))
    return items[start:end]


def range_(budget: Budget, start: int, end: int) -> List:
    claim_items(budget, max(end - start, 0))
    return list(range(start, end))


def concat(budget: Budget, items: List, other: List) -> List:
    claim_items(budget, len(items) + len(other))
    return items + other


def flatten(budget: Budget, lists: list[List]) -> List:
    claim_items(budget, sum(map(len, lists)))
    return list(chain.from_iterable(lists))


def reverse(budget: Budget, items: List) -> List:
    charge(budget, len(items))
    return items[::-1]


def zip_(budget: Budget, items: List, other: List) -> List:
    charge(budget, _RECORD * min(len(items), len(other)))
    return [{"first": one, "second": two} for one, two in zip(items, other, strict=False)]


def enumerate_(budget: Budget, items: List) -> List:
    charge(budget, _RECORD * len(items))
    return [{"index": index, "item": item} for index, item in enumerate(items)]


# Equality and order


def equal(budget: Budget, left: Value, right: Value) -> bool:
    """Structural equality, paid for by the smaller side."""
    if type(left) in _LARGE and type(right) in _LARGE:
        charge_value(budget, left if len(left) < len(right) else right)
    return left == right  # type: ignore[no-any-return]


def unequal(budget: Budget, left: Value, right: Value) -> bool:
    return not equal(budget, left, right)


def less(budget: Budget, left: Value, right: Value) -> bool:
    _charge_order(budget, left, right)
    return left < right  # type: ignore[no-any-return]


def at_most(budget: Budget, left: Value, right: Value) -> bool:
    _charge_order(budget, left, right)
    return left <= right  # type: ignore[no-any-return]


def greater(budget: Budget, left: Value, right: Value) -> bool:
    return less(budget, right, left)


def at_least(budget: Budget, left: Value, right: Value) -> bool:
    return at_most(budget, right, left)


def _charge_order(budget: Budget, left: Value, right: Value) -> None:
    if type(left) is str:
        charge_text(budget, min(len(left), len(right)))


def contains(budget: Budget, items: List, item: Value) -> bool:
    _charge_search(budget, items, item)
    return item in items


def index_of(budget: Budget, items: List, item: Value) -> int | None:
    _charge_search(budget, items, item)
    try:
        return items.index(item)
    except ValueError:
        return None


def distinct(budget: Budget, items: List) -> List:
    """By a dictionary; what cannot be a key goes by its canonical form."""
    if not any(type(item) in (list, dict) for item in items):
        charge(budget, len(items))
        return list(dict.fromkeys(items))
    charge_value(budget, items)
    found: dict[Value, Value] = {}
    for item in items:
        found.setdefault(_frozen(item), item)
    return list(found.values())


_LARGE: Final = (str, list, dict)


def _charge_search(budget: Budget, items: List, item: Value) -> None:
    size = weight(item, budget.left) if type(item) in _LARGE else 1
    charge(budget, len(items) * (1 + (size >> COPIED)) if type(item) is str else len(items) * size)


def _frozen(value: Value) -> Value:
    """A hashable stand-in that is equal exactly where values are."""
    if type(value) is list:
        return tuple(map(_frozen, value))
    if type(value) is dict:
        return frozenset((key, _frozen(item)) for key, item in value.items())
    return value


def min_(budget: Budget, items: List) -> Value:
    _charge_comparisons(budget, items, len(items))
    return min(items) if items else None


def max_(budget: Budget, items: List) -> Value:
    _charge_comparisons(budget, items, len(items))
    return max(items) if items else None


def sort(budget: Budget, items: List) -> List:
    _charge_comparisons(budget, items, len(items) * len(items).bit_length())
    return sorted(items)


def min_by(budget: Budget, items: List, keys: List) -> Value:
    _charge_comparisons(budget, keys, len(keys))
    return items[keys.index(min(keys))] if keys else None


def max_by(budget: Budget, items: List, keys: List) -> Value:
    _charge_comparisons(budget, keys, len(keys))
    return items[keys.index(max(keys))] if keys else None


def sort_by(budget: Budget, items: List, keys: List) -> List:
    _charge_comparisons(budget, keys, len(keys) * len(keys).bit_length())
    return [items[position] for position in sorted(range(len(keys)), key=keys.__getitem__)]


def group_by(budget: Budget, items: List, keys: list[str]) -> Map:
    charge(budget, len(items))
    groups: dict[str, List] = {}
    for key, item in zip(keys, items, strict=True):
        groups.setdefault(key, []).append(item)
    return groups


def _charge_comparisons(budget: Budget, keys: List, count: int) -> None:
    longest = max(map(len, keys)) if keys and type(keys[0]) is str else 0
    charge(budget, count * (1 + (longest >> COPIED)))


# Sums


def sum_ints(budget: Budget, items: list[int]) -> int:
    charge(budget, len(items))
    total = sum(items)
    return total if MIN_INT <= total <= MAX_INT else fail("the sum of the list overflows a 64-bit int")


def sum_floats(budget: Budget, items: list[float]) -> float:
    charge(budget, len(items))
    total = 0.0
    for item in items:
        total = finite(total + item, "+", total, item)
    return total


def sum_durations(budget: Budget, items: list[int]) -> int:
    charge(budget, len(items))
    total = sum(items)
    if abs(total) > times.MAX_DURATION:
        fail("the sum of the durations is longer than 10,000 years")
    return total


# Maps


def keys(budget: Budget, entries: Map) -> List:
    claim_items(budget, len(entries))
    return list(entries)


def values(budget: Budget, entries: Map) -> List:
    claim_items(budget, len(entries))
    return list(entries.values())


def pairs(budget: Budget, entries: Map) -> List:
    charge(budget, _RECORD * len(entries))
    return [{"key": key, "value": value} for key, value in entries.items()]


def to_map(budget: Budget, entries: List) -> Map:
    charge(budget, len(entries))
    return {entry["key"]: entry["value"] for entry in entries}


def lookup(budget: Budget, entries: Map, key: str) -> Value:
    return entries.get(key)


def has(budget: Budget, entries: Map, key: str) -> bool:
    return key in entries


def merge(budget: Budget, *maps: Map) -> Map:
    """All entries of all maps; later ones win."""
    claim_items(budget, sum(map(len, maps)))
    made: Map = {}
    for entries in maps:
        made.update(entries)
    return made


def without(budget: Budget, entries: Map, key: str) -> Map:
    charge(budget, len(entries))
    return {name: value for name, value in entries.items() if name != key}
