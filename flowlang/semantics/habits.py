"""What people write who come from another language, and what it is called here."""

from __future__ import annotations

NAMES = {
    "None": "null", "nil": "null", "undefined": "null", "NULL": "null", "True": "true", "False": "false",
    "TRUE": "true", "FALSE": "false",
}  # fmt: skip

CALLS = {
    "len": "the size of a list, map or string is `….size()`",
    "str": 'put it into a string: `"${…}"`',
    "int": "read a number from a string with `….int()`",
    "float": "make a float with `….float()`",
    "range": "a range is written `0..n`, its end excluded",
    "print": "a flow has no output but its result; call an agent that prints, if you need one",
    "now": "the time of the run is `run.started`; a flow has no other clock",
    "sorted": "sort with `….sort()` or `….sort_by(x => …)`",
    "sum": "add up with `….sum()`",
    "min": "the smallest is `….min()`",
    "max": "the largest is `….max()`",
    "abs": "the absolute value is `….abs()`",
    "round": "round with `….round()`",
    "any": "ask with `….any(x => …)`",
    "all": "ask with `….all(x => …)`",
    "map": "apply to each with `….map(x => …)`",
    "filter": "keep some with `….filter(x => …)`",
    "zip": "pair with `….zip(…)`",
    "enumerate": "number with `….enumerate()`",
    "json": "write JSON with `….json()`",
    "timedelta": "a duration is written `1h30m`",
    "Error": "fail with a declared error: `fail NotFound()`",
}

METHODS = {
    "len": "it is called `size()`", "length": "it is called `size()`", "count_of": "it is called `count(x => …)`",
    "append": "make a new list: `….concat([x])`", "push": "make a new list: `….concat([x])`",
    "add": "make a new list: `….concat([x])`", "extend": "it is called `concat(…)`",
    "strip": "it is called `trim()`", "startswith": "it is called `starts_with(…)`",
    "startsWith": "it is called `starts_with(…)`", "endswith": "it is called `ends_with(…)`",
    "endsWith": "it is called `ends_with(…)`", "toUpperCase": "it is called `upper()`",
    "toLowerCase": "it is called `lower()`", "includes": "it is called `contains(…)`",
    "has_key": "it is called `has(…)`", "items": "it is called `entries()`", "some": "it is called `any(…)`",
    "every": "it is called `all(…)`", "reduce": "use `sum`, `min_by`, `group_by` or a `while` step",
    "fold": "use `sum`, `min_by`, `group_by` or a `while` step", "forEach": "use a `for each` step",
    "unique": "it is called `distinct()`", "uniq": "it is called `distinct()`",
    "sorted": "it is called `sort()`", "head": "it is called `first()`", "tail": "it is `skip(1)`",
    "substring": "it is called `slice(start, end)`", "substr": "it is called `slice(start, end)`",
    "split_lines": "it is called `lines()`", "splitlines": "it is called `lines()`",
    "to_string": 'put it into a string: `"${…}"`', "toString": 'put it into a string: `"${…}"`',
    "str": 'put it into a string: `"${…}"`', "to_json": "it is called `json()`", "toJSON": "it is called `json()`",
    "format": 'put it into a string: `"${…}"`', "match": "it is called `matches(…)`",
    "empty": "it is called `is_empty()`", "isEmpty": "it is called `is_empty()`",
}  # fmt: skip
