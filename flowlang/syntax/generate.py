"""Grammar -> parse tables: `python -m flowlang.syntax.generate` writes `tables.json` from the grammar.

Lark analyses `grammar/flowlang.lark` (LALR(1), strict), and its tables stand in the repository as the
generated part of the parser: reading them takes few milliseconds and needs neither Lark nor a cache
directory. A test insists that they were made from the grammar as it stands.

Lark's tree shaping becomes data too. A rule `[origin, length, action, children]` pops `length` symbols;
`children` says which of them its node is made of: a number takes the value of that symbol, a number in a
list splices the values that a `_helper` rule gathered, null stands for an absent `[option]`. An action
of null gathers the children in a list (`_helper` rules), an empty one passes the only child on. A literal
terminal is named by its own text, a pattern by its name in the grammar."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from flowlang.syntax.tables import TABLES

GRAMMAR = Path(__file__).parents[2] / "grammar" / "flowlang.lark"
STARTS = ["declaration", "statement", "test_statement", "expression"]

Serial: TypeAlias = dict[str, Any]  # one object of Lark's serialized form
Action: TypeAlias = tuple[str, int, Any]  # a symbol, whether it reduces, the state or the rule


def main() -> None:
    Path(TABLES).write_text(tables(GRAMMAR.read_text(encoding="utf-8")), encoding="utf-8")


def tables(grammar: str, starts: Sequence[str] = STARTS) -> str:
    """The tables of a grammar as JSON text; the same text for the same grammar, whatever the hash seed."""
    lark = Lark(grammar, parser="lalr", strict=True, start=list(starts))
    parser, shared = lark.memo_serialize([TerminalDef, Rule])
    automaton = parser["parser"]["parser"]
    terminals = [entry for _, entry in shared.items() if entry["__type__"] == "TerminalDef"]
    rules = {number: encode_rule(e) for number, e in shared.items() if e["__type__"] == "Rule"}
    spelled = {t["name"]: t["name"] if is_pattern(t) else t["pattern"]["value"] for t in terminals}
    rows = {
        number: [(automaton["tokens"][symbol], *action) for symbol, action in row.items()]
        for number, row in automaton["states"].items()
    }
    order = breadth_first(rows, automaton["start_states"].values())
    ranks = {number: rank for rank, number in enumerate(sorted(rules, key=lambda n: json.dumps(rules[n])))}
    lookaheads: dict[tuple[str, ...], int] = {}
    return lines(
        {
            "digest": digest(grammar),
            "patterns": {t["name"]: t["pattern"]["value"] for t in ranked(terminals) if is_pattern(t)},
            "literals": sorted(t["pattern"]["value"] for t in terminals if not is_pattern(t)),
            "ignored": parser["parser"]["lexer_conf"]["ignore"],
            "starts": {
                s: [order[automaton["start_states"][s]], order[automaton["end_states"][s]]] for s in starts
            },
            "states": [encode_state(rows[number], order, ranks, spelled, lookaheads) for number in order],
            "lookaheads": list(lookaheads),
            "rules": [rules[number] for number in ranks],
        }
    )


def digest(grammar: str) -> str:
    return sha256(grammar.encode()).hexdigest()


def is_pattern(terminal: Serial) -> bool:
    return bool(terminal["pattern"]["__type__"] == "PatternRE")


def ranked(terminals: list[Serial]) -> list[Serial]:
    """Terminals in the order in which Lark's lexer would try them."""
    return sorted(terminals, key=lambda t: (-t["priority"], -len(t["pattern"]["value"]), t["name"]))


def breadth_first(rows: dict[int, list[Action]], starts: Iterable[int]) -> dict[int, int]:
    """Numbers for the states in the order in which they are reached from the starts."""
    reached = list(starts)
    order = {number: rank for rank, number in enumerate(reached)}
    for number in reached:
        for _, reduces, target in sorted(rows[number], key=lambda action: action[0]):
            if not reduces and target not in order:
                order[target] = len(order)
                reached.append(target)
    return order


def encode_state(
    row: list[Action],
    order: dict[int, int],
    ranks: dict[int, int],
    spelled: dict[str, str],
    lookaheads: dict[tuple[str, ...], int],
) -> list[Any]:
    """`[shifts {terminal: state}, gotos {origin: state}, [rule, lookaheads, …]]`; lookaheads are shared."""
    shifts: dict[str, int] = {}
    gotos: dict[str, int] = {}
    reduces: dict[int, list[str]] = {}
    for symbol, reduce, target in sorted(row, key=lambda action: action[0]):
        if reduce:
            reduces.setdefault(ranks[target["@"]], []).append(spelled.get(symbol, symbol))
        elif symbol in spelled:
            shifts[spelled[symbol]] = order[target]
        else:
            gotos[symbol] = order[target]
    pairs = [
        (rule, lookaheads.setdefault(tuple(on), len(lookaheads))) for rule, on in sorted(reduces.items())
    ]
    return [shifts, gotos, [number for pair in pairs for number in pair]]


def encode_rule(rule: Serial) -> list[Any]:
    origin: str = rule["origin"]["name"]
    children = list(shape(rule["expansion"], rule["options"]["empty_indices"]))
    if origin.startswith("_"):
        return [origin, len(rule["expansion"]), None, children]
    passes = rule["options"]["expand1"] and not rule["alias"] and len(children) == 1
    assert not (passes and isinstance(children[0], list)), f"{origin}: a ?rule may not splice a _helper"
    return [origin, len(rule["expansion"]), "" if passes else rule["alias"] or origin, children]


def shape(expansion: list[Serial], empty: tuple[bool, ...]) -> Iterator[int | list[int] | None]:
    """Which symbols of a rule are its children; the same choice as Lark's own tree builder makes.

    `empty` has a True for each absent `[option]` and a False for each symbol, in order."""
    position = 0
    for absent in empty or [False] * len(expansion):
        if absent:
            yield None
            continue
        symbol = expansion[position]
        if not symbol.get("filter_out"):
            yield [position] if is_helper(symbol) else position
        position += 1


def is_helper(symbol: Serial) -> bool:
    return bool(symbol["__type__"] == "NonTerminal" and symbol["name"].startswith("_"))


def lines(tables: dict[str, Any]) -> str:
    """JSON with one line an entry, so that a change of the grammar is a diff that can be read."""

    def entry(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"))

    def section(value: Any) -> str:
        return "[\n" + ",\n".join(map(entry, value)) + "\n]" if isinstance(value, list) else entry(value)

    return "{\n" + ",\n".join(f'"{name}": {section(value)}' for name, value in tables.items()) + "\n}\n"


if __name__ == "__main__":
    main()
