"""The parse tables: what the LALR automaton does in each state, read once from `tables.json`.

They are made from the grammar by `generate.py`, which also explains their form. Names of terminals: a
literal such as `step` or `{` is named by its own text, a pattern by its name in the grammar (`NAME`),
the end of the text is `$END`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import attrs

END = "$END"
TABLES = os.path.join(os.path.dirname(__file__), "tables.json")

Children: TypeAlias = Callable[[list[Any]], Any]  # the symbols that a rule pops -> the children of its node


class Rule(NamedTuple):
    """Pop `length` symbols and push `origin`, with the node that `action` makes of the children.

    `action` None gathers the children in a list, "" passes the only child on."""

    origin: str
    length: int
    action: str | None
    children: Children


@attrs.frozen(eq=False, repr=False)
class Tables:
    """`actions[state][terminal]` is a state to shift to, or the complement `~n` of a rule to reduce by."""

    digest: str  # of the grammar
    actions: list[dict[str, int]]
    gotos: list[dict[str, int]]
    rules: list[Rule]
    starts: dict[str, tuple[int, int]]  # start rule -> first and last state
    patterns: dict[str, str]  # in the order of their priority
    literals: frozenset[str]
    ignored: frozenset[str]


@cache
def load() -> Tables:
    with open(TABLES, "rb") as file:
        serial = json.load(file)
    actions: list[dict[str, int]] = []
    for shifts, _, reduces in serial["states"]:
        for rule, lookaheads in zip(reduces[::2], reduces[1::2], strict=True):
            shifts.update(dict.fromkeys(serial["lookaheads"][lookaheads], ~rule))
        actions.append(shifts)
    return Tables(
        digest=serial["digest"],
        actions=actions,
        gotos=[gotos for _, gotos, _ in serial["states"]],
        rules=[
            Rule(origin, length, action, chooser(children))
            for origin, length, action, children in serial["rules"]
        ],
        starts={name: (first, last) for name, (first, last) in serial["starts"].items()},
        patterns=serial["patterns"],
        literals=frozenset(serial["literals"]),
        ignored=frozenset(serial["ignored"]),
    )


def chooser(shape: list[int | list[int] | None]) -> Children:
    """The function that picks the children out of the popped symbols; see `generate.shape`."""
    match shape:
        case [[place]]:
            return itemgetter(place)
        case [[0], int(place)]:
            return lambda symbols: appended(symbols[0], symbols[place])
        case _ if any(isinstance(place, list) for place in shape):
            return lambda symbols: spliced(symbols, shape)
        case _ if None in shape:
            pick = picker([-1 if place is None else place for place in shape])
            return lambda symbols: pick([*symbols, None])
        case _:
            return picker(shape)


def picker(places: list[Any]) -> Children:
    if len(places) >= 2:
        return itemgetter(*places)
    return itemgetter(slice(places[0], places[0] + 1 or None)) if places else itemgetter(slice(0, 0))


def appended(gathered: list[Any], item: Any) -> list[Any]:
    """A `_helper` list with one more item. It is the same list: nobody else holds it."""
    gathered.append(item)
    return gathered


def spliced(symbols: list[Any], shape: list[int | list[int] | None]) -> list[Any]:
    children: list[Any] = []
    for place in shape:
        if isinstance(place, list):
            children.extend(symbols[place[0]])
        else:
            children.append(None if place is None else symbols[place])
    return children
