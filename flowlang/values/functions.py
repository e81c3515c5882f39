"""What the names in a plan do: operators, built-in functions, and those that take a lambda.

The tables are closed: an operation is either here, a form of the plan's own (`and`, `if`, a member), or
it does not exist. Their keys are the names of `plan.Operator` and of the catalogue of the checker, which
this floor must not know; a test holds both equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowlang.values import lists, moments, numbers, strings, times
from flowlang.values.value import Value

OPERATORS: Final[dict[str, Callable[..., Value]]] = {
    "int.add": numbers.int_add,
    "int.sub": numbers.int_sub,
    "int.mul": numbers.int_mul,
    "int.mod": numbers.int_mod,
    "int.neg": numbers.int_neg,
    "float.add": numbers.float_add,
    "float.sub": numbers.float_sub,
    "float.mul": numbers.float_mul,
    "float.div": numbers.float_div,
    "float.mod": numbers.float_mod,
    "float.neg": numbers.float_neg,
    "duration.add": numbers.duration_add,
    "duration.sub": numbers.duration_sub,
    "duration.neg": numbers.duration_neg,
    "duration.mul": numbers.duration_mul,
    "duration.div": numbers.duration_div,
    "duration.ratio": numbers.duration_ratio,
    "duration.mod": numbers.int_mod,
    "datetime.add": numbers.datetime_add,
    "datetime.sub": numbers.datetime_sub,
    "datetime.diff": numbers.datetime_diff,
    "in.map": lambda key, entries: key in entries,
    "not": lambda truth: not truth,
    "format.int": moments.int_text,
    "format.float": moments.float_text,
    "format.bool": moments.bool_text,
    "format.duration": times.format_duration,
    "format.datetime": times.format_datetime,
}
"""Operators whose cost is that of their node."""

CHARGING: Final[dict[str, Callable[..., Value]]] = {
    "string.add": strings.add,
    "range": lists.range_,
    "eq": lists.equal,
    "ne": lists.unequal,
    "lt": lists.less,
    "le": lists.at_most,
    "gt": lists.greater,
    "ge": lists.at_least,
    "in.list": lambda budget, item, items: lists.contains(budget, items, item),
}
"""Operators that take the budget first, since they cost by what they are given."""

FUNCTIONS: Final[dict[str, Callable[..., Value]]] = {
    "any.hash": strings.sha256,
    "list.size": lists.size,
    "list.is_empty": lists.is_empty,
    "list.first": lists.first,
    "list.last": lists.last,
    "list.get": lists.get,
    "list.take": lists.take,
    "list.skip": lists.skip,
    "list.slice": lists.slice_,
    "list.distinct": lists.distinct,
    "list.zip": lists.zip_,
    "list.enumerate": lists.enumerate_,
    "list.contains": lists.contains,
    "list.index_of": lists.index_of,
    "list.reverse": lists.reverse,
    "list.concat": lists.concat,
    "list.min": lists.min_,
    "list.max": lists.max_,
    "list.sort": lists.sort,
    "list.sum.int": lists.sum_ints,
    "list.sum.float": lists.sum_floats,
    "list.sum.duration": lists.sum_durations,
    "list.join": strings.join,
    "list.to_map": lists.to_map,
    "map.size": lists.size,
    "map.is_empty": lists.is_empty,
    "map.keys": lists.keys,
    "map.values": lists.values,
    "map.entries": lists.pairs,
    "map.get": lists.lookup,
    "map.has": lists.has,
    "map.merge": lists.merge,
    "map.without": lists.without,
    "string.size": lists.size,
    "string.is_empty": lists.is_empty,
    "string.upper": strings.upper,
    "string.lower": strings.lower,
    "string.trim": strings.trim,
    "string.starts_with": strings.starts_with,
    "string.ends_with": strings.ends_with,
    "string.contains": strings.contains,
    "string.index_of": strings.index_of,
    "string.replace": strings.replace,
    "string.split": strings.split,
    "string.lines": strings.lines,
    "string.slice": strings.slice_,
    "string.pad": strings.pad,
    "string.repeat": strings.repeat,
    "string.matches": strings.matches,
    "string.find_all": strings.find_all,
    "string.int": strings.to_int,
    "string.float": strings.to_float,
    "string.datetime": strings.to_datetime,
    "string.url_encode": strings.url_encode,
    "string.shell_quote": strings.shell_quote,
    "string.base64": strings.base64,
    "int.abs": numbers.int_abs,
    "int.min": numbers.least,
    "int.max": numbers.greatest,
    "int.clamp": numbers.clamp,
    "int.div": numbers.int_div,
    "int.sqrt": numbers.sqrt,
    "int.float": numbers.int_to_float,
    "float.abs": numbers.float_abs,
    "float.floor": numbers.floor,
    "float.ceil": numbers.ceil,
    "float.round": numbers.round_half_away,
    "float.int": numbers.truncate,
    "float.min": numbers.least,
    "float.max": numbers.greatest,
    "float.clamp": numbers.clamp,
    "float.sqrt": numbers.sqrt,
    "float.format": numbers.format_decimals,
    "duration.seconds": moments.seconds,
    "duration.format": moments.format_duration,
    "datetime.seconds": moments.seconds,
    "datetime.format": strings.format_datetime,
    "datetime.year": moments.year,
    "datetime.month": moments.month,
    "datetime.day": moments.day,
    "datetime.hour": moments.hour,
    "datetime.minute": moments.minute,
    "datetime.second": moments.second,
    "datetime.weekday": moments.weekday,
}
"""Functions, the receiver first, after the budget."""

KEYED: Final[dict[str, Callable[..., Value]]] = {
    "list.min_by": lists.min_by,
    "list.max_by": lists.max_by,
    "list.sort_by": lists.sort_by,
    "list.group_by": lists.group_by,
}
"""Functions of a list and of what a lambda gave for each of its items."""

LOOPS: Final = ("map", "filter", "flat_map", "any", "all", "none", "find", "count")
"""Functions of a list and a lambda that are loops of their own, under `list.`."""
