"""Every built-in function in one line each, with what it means in one sentence; `functions` reads it.

Kept as texts, so that importing it costs nothing. `regex` is a string that must be a literal pattern.

Conventions that hold for all of them: positions count from 0, in code points for strings, and a
negative one lies before the start; what lies outside is missing (`get`, `[i]`) or cut off (`slice`,
`take`, `skip`). Order is kept, sorting is stable, the first among equals wins. Nothing depends on a
locale, a time zone or the clock. A function that may have no answer gives an optional; what else can go
wrong is `EvaluationFailed`: overflow, division by zero, a result over the limits, the budget.

Deliberately absent: functions of `json` but `.json()`, whatever reads the world, functions without a
receiver, and second names for what exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# fmt: off
CATALOGUE: Final[Mapping[str, Mapping[str, str]]] = {
    "T": {
        "json() -> string":
            "The value as JSON text, durations and datetimes in their JSON form.",
        "hash() -> string":
            "SHA-256 of the value's canonical JSON text, as 64 hexadecimal digits.",
    },
    "list<T>": {
        "size() -> int":
            "The number of items.",
        "is_empty() -> bool":
            "Whether there are no items.",
        "first() -> T?":
            "The first item, null where there is none.",
        "last() -> T?":
            "The last item, null where there is none.",
        "get(index: int) -> T?":
            "The item at a position counted from 0, null outside the list; the same as `[index]`.",
        "take(count: int) -> list<T>":
            "The first `count` items, all where there are fewer, none where `count` is negative.",
        "skip(count: int) -> list<T>":
            "All items but the first `count`.",
        "slice(start: int, end: int = size) -> list<T>":
            "The items from `start` up to, and without, `end`; both are cut to the list.",
        "filter(f: (T) => bool) -> list<T>":
            "The items for which `f` holds.",
        "map(f: (T) => U) -> list<U>":
            "What `f` gives for each item.",
        "flat_map(f: (T) => list<U>) -> list<U>":
            "The lists that `f` gives for each item, one after the other.",
        "any(f: (T) => bool) -> bool":
            "Whether `f` holds for an item; stops at the first. False for an empty list.",
        "all(f: (T) => bool) -> bool":
            "Whether `f` holds for every item; stops at the first other one. True for an empty list.",
        "none(f: (T) => bool) -> bool":
            "Whether `f` holds for no item; stops at the first other one. True for an empty list.",
        "find(f: (T) => bool) -> T?":
            "The first item for which `f` holds, null where there is none.",
        "count(f: (T) => bool) -> int":
            "How many items `f` holds for.",
        "min_by(f: (T) => C) -> T?":
            "The item for which `f` gives the least, the first of several; null for an empty list.",
        "max_by(f: (T) => C) -> T?":
            "The item for which `f` gives the most, the first of several; null for an empty list.",
        "sort_by(f: (T) => C) -> list<T>":
            "The items in ascending order of what `f` gives; equal ones keep their order.",
        "group_by(f: (T) => string) -> map<list<T>>":
            "The items by what `f` gives, keys in the order they are first met.",
        "distinct() -> list<T>":
            "The items without those that equal an earlier one.",
        "zip(other: list<U>) -> list<{ first: T, second: U }>":
            "Pairs of items at equal positions, as many as the shorter list has.",
        "enumerate() -> list<{ index: int, item: T }>":
            "Each item with its position, counted from 0.",
        "contains(item: T) -> bool":
            "Whether an item equals `item`; the same as `item in list`.",
        "index_of(item: T) -> int?":
            "The position of the first item that equals `item`, null where there is none.",
        "reverse() -> list<T>":
            "The items from last to first.",
        "concat(other: list<T>) -> list<T>":
            "The items of this list, then those of `other`.",
    },
    "list<C>": {
        "min() -> C?":
            "The least item, the first of several; null for an empty list.",
        "max() -> C?":
            "The greatest item, the first of several; null for an empty list.",
        "sort() -> list<C>":
            "The items in ascending order; strings by code point.",
    },
    "list<int>": {
        "sum() -> int":
            "The sum of the items, 0 for an empty list.",
    },
    "list<float>": {
        "sum() -> float":
            "The sum of the items, added from left to right; 0.0 for an empty list.",
    },
    "list<duration>": {
        "sum() -> duration":
            "The sum of the items, 0s for an empty list.",
    },
    "list<string>": {
        'join(separator: string = "") -> string':
            "The items one after the other with `separator` between them.",
    },
    "list<{ key: string, value: T }>": {
        "to_map() -> map<T>":
            "A map of the entries; the last of several with one key wins. The reverse of `entries`.",
    },
    "map<T>": {
        "size() -> int":
            "The number of entries.",
        "is_empty() -> bool":
            "Whether there are no entries.",
        "keys() -> list<string>":
            "The keys, in the order they were put in.",
        "values() -> list<T>":
            "The values, in the order of their keys.",
        "entries() -> list<{ key: string, value: T }>":
            "Key and value of each entry, in the order they were put in.",
        "get(key: string) -> T?":
            "The value of a key, null where there is none; the same as `[key]`.",
        "has(key: string) -> bool":
            "Whether there is an entry for a key; the same as `key in map`.",
        "merge(other: map<T>) -> map<T>":
            "All entries of both; where both have a key, the value of `other`.",
        "without(key: string) -> map<T>":
            "All entries but that of `key`.",
    },
    "string": {
        "size() -> int":
            "The number of code points.",
        "is_empty() -> bool":
            "Whether the string has no characters.",
        "upper() -> string":
            "In upper case, by Unicode's rules without a locale.",
        "lower() -> string":
            "In lower case, by Unicode's rules without a locale.",
        "trim() -> string":
            "Without white space at both ends.",
        "starts_with(prefix: string) -> bool":
            "Whether the string starts with `prefix`; every string starts with the empty one.",
        "ends_with(suffix: string) -> bool":
            "Whether the string ends with `suffix`; every string ends with the empty one.",
        "contains(part: string) -> bool":
            "Whether `part` stands somewhere in the string.",
        "index_of(part: string) -> int?":
            "Where `part` stands first, null where it does not.",
        "replace(old: string, new: string) -> string":
            "With `new` in place of every `old`, from left to right; unchanged where `old` is empty.",
        "split(separator: string) -> list<string>":
            "The parts between separators, empty ones too; an empty separator gives every character.",
        "lines() -> list<string>":
            "The lines without their breaks (\\n, \\r\\n, \\r); a break at the end starts no further line.",
        "slice(start: int, end: int = size) -> string":
            "The characters from `start` up to, and without, `end`; both are cut to the string.",
        'pad(width: int, with: string = " ") -> string':
            "Filled up with `with` at the end to `width` characters, at the start where `width` is negative.",
        "repeat(count: int) -> string":
            "The string `count` times, empty where `count` is not positive.",
        "matches(pattern: regex) -> bool":
            "Whether a regular expression (RE2 syntax) matches somewhere; `^` and `$` tie it to the ends.",
        "find_all(pattern: regex) -> list<string>":
            "Every match of a regular expression (RE2 syntax), from left to right, without overlap.",
        "int() -> int?":
            "The int that the string is in decimal (`-12`), null where it is none or exceeds 64 bits.",
        "float() -> float?":
            "The float that the string is in decimal (`-1.5e3`), null where it is none or not finite.",
        "datetime() -> datetime?":
            "The instant that the string is in RFC 3339 (`2024-05-01T12:00:00Z`), null where it is none.",
        "url_encode() -> string":
            "With every byte of its UTF-8 but letters, digits and `-._~` as `%XX`.",
        "shell_quote() -> string":
            "Quoted so that a POSIX shell reads it as one word.",
        "base64() -> string":
            "Its UTF-8 in base64, with `+`, `/` and padding.",
    },
    "int": {
        "abs() -> int":
            "Without its sign.",
        "min(other: int) -> int":
            "The lesser of both.",
        "max(other: int) -> int":
            "The greater of both.",
        "clamp(low: int, high: int) -> int":
            "The nearest number from `low` to `high`; `low` where they are crossed.",
        "div(by: int) -> int":
            "Divided and rounded toward zero; `%` is what remains, with the sign of the number divided.",
        "sqrt() -> float":
            "The square root; a negative number fails.",
        "float() -> float":
            "The nearest float.",
    },
    "float": {
        "abs() -> float":
            "Without its sign.",
        "floor() -> int":
            "The greatest whole number that is not greater.",
        "ceil() -> int":
            "The least whole number that is not less.",
        "round() -> int":
            "The nearest whole number, halves away from zero.",
        "int() -> int":
            "Without its fraction: rounded toward zero.",
        "min(other: float) -> float":
            "The lesser of both.",
        "max(other: float) -> float":
            "The greater of both.",
        "clamp(low: float, high: float) -> float":
            "The nearest number from `low` to `high`; `low` where they are crossed.",
        "sqrt() -> float":
            "The square root; a negative number fails.",
        "format(decimals: int) -> string":
            "With exactly so many decimals, 0 to 20; exact halves go to the even digit.",
    },
    "duration": {
        "seconds() -> float":
            "The length in seconds.",
        "format() -> string":
            "As it is written: `1h30m`; the same as a hole gives.",
    },
    "datetime": {
        "seconds() -> float":
            "Seconds since 1970-01-01T00:00:00Z.",
        'format(pattern: string = "%Y-%m-%dT%H:%M:%SZ") -> string':
            "In UTC by `%Y %m %d %H %M %S %f %j %y %I %p %a %A %b %B %F %T %%`, names in English.",
        "year() -> int":
            "The year, in UTC.",
        "month() -> int":
            "The month, 1 to 12, in UTC.",
        "day() -> int":
            "The day of the month, 1 to 31, in UTC.",
        "hour() -> int":
            "The hour, 0 to 23, in UTC.",
        "minute() -> int":
            "The minute, 0 to 59.",
        "second() -> int":
            "The second, 0 to 59.",
        "weekday() -> int":
            "The day of the week, 1 for Monday to 7 for Sunday, in UTC.",
    },
}
# fmt: on
