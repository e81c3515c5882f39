"""Parse tables -> tree-sitter's `parser.c`: Lark's analysis of the derived grammar in tree-sitter's form.

Tree-sitter's runtime walks LALR tables as ours does, so its parser need not be made a second time by
another tool: one generator serves both, and what an editor sees cannot drift from the language. The form
is that of ABI 14, which every editor of today reads.

- State 0 is tree-sitter's own, for recovery; the states of the tables follow, the start state first.
- A rule that makes a node is a visible symbol, named after the node. Since a symbol has one name, a rule
  with several aliases is several symbols; all are followed by the state that follows the rule.
- Rules that only pass on or gather are hidden: their children stand in the node above.
- Soft keywords need nothing: tree-sitter too takes a word for a keyword where the state accepts that one.
- A state is lexed in a mode: inside a string, inside a block string, or outside; there, its bits say
  which long operators do not fit, so that a shorter one is read (`>` for the `>=` of `list<int>= []`).

The lexer that these modes are for is written by hand, in `lexer.h`; `scanner.c` has the one word that
only a look ahead can tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import attrs

from flowlang.syntax.generate import tables
from flowlang.syntax.highlight.derived import node_name
from flowlang.syntax.tables import END

Entry: TypeAlias = dict[int, int]  # symbol -> action or state, in one state

IN_STRING, IN_BLOCK, FIRST_BIT = 1, 2, 2  # modes; the bits behind them are for operators
EXTRAS = ("COMMENT", "DOC_COMMENT")
EXTERNAL = "FIRST"
WORD = "NAME"
OPERATOR = r'[^\w"]+'

TERMINAL_NAMES = {
    "NAME": "word",
    "INT": "int",
    "FLOAT": "float",
    "DURATION": "duration_literal",
    "RAW_STRING": "raw_string",
    "STRING_TEXT": "string_text",
    "ESCAPE": "escape_sequence",
    "HOLE_START": "${",
    "BLOCK_TEXT": "string_text",
    "BLOCK_ESCAPE": "escape_sequence",
    "BLOCK_HOLE_START": "${",
    "FIRST": "first",
    "COMMENT": "comment",
    "DOC_COMMENT": "doc_comment",
}
HIDDEN_TERMINALS = {"NAME", "INT", "FLOAT", "DURATION", "RAW_STRING", "ESCAPE", "BLOCK_ESCAPE"}
"""Terminals that are all of their node, and so need none of their own."""


@attrs.frozen
class Symbol:
    """`constant` is its name in C, `origin` the rule that it stands for, or the terminal."""

    constant: str
    name: str
    visible: bool
    named: bool
    origin: str


@attrs.frozen
class Automaton:
    """The tables with symbols as tree-sitter counts them: the end, then the terminals, then the rules."""

    symbols: list[Symbol]
    terminal_count: int
    states: list[Any]  # of the tables
    lookaheads: list[list[str]]
    rules: list[tuple[int, int]]  # the symbol that each makes, of how many
    last: int  # the state in which a file is complete

    def tokens(self) -> dict[str, int]:
        """The symbol of each terminal."""
        return {symbol.origin: n for n, symbol in enumerate(self.symbols[: self.terminal_count])}

    def made_by(self) -> dict[str, list[int]]:
        """The symbols that each rule makes; a rule may be called like a keyword."""
        made: dict[str, list[int]] = {}
        for n, symbol in enumerate(self.symbols[self.terminal_count :], self.terminal_count):
            made.setdefault(symbol.origin, []).append(n)
        return made


def parser_c(grammar: str) -> str:
    """The text of `parser.c` for a derived grammar."""
    automaton = read(json.loads(tables(grammar, ["start"])))
    actions = Actions()
    entries = [recovery(automaton, actions), *parse_entries(automaton, actions)]
    accepted = [{automaton.symbols[s].origin for s in e if s < automaton.terminal_count} for e in entries]
    shorter = operators_with_shorter(automaton)
    modes = [0, *(mode(each, shorter) for each in accepted[1:])]
    external = [EXTERNAL in each for each in accepted]
    return "\n".join(
        [
            HEADER.format(digest=grammar.split("\n", 1)[0][3:]),
            defines(automaton, len(entries)),
            symbol_tables(automaton),
            keyword_table(automaton),
            operator_table(automaton, shorter),
            '#include "lexer.h"\n',
            array(
                "TSLexMode ts_lex_modes[STATE_COUNT]",
                (f"{{{m}, {int(e)}}}" for m, e in zip(modes, external, strict=True)),
            ),
            parse_tables(entries, automaton.terminal_count),
            actions.text(),
            FOOTER,
        ]
    )


# ------------------------------------------------------------------------------------------ symbols


def read(serial: dict[str, Any]) -> Automaton:
    terminals = sorted({t for shifts, _, _ in serial["states"] for t in shifts} - {WORD, EXTERNAL, END})
    ordered = [WORD, *terminals, *EXTRAS, EXTERNAL]
    symbols = [Symbol("ts_builtin_sym_end", "end", False, True, END), *map(terminal, ordered)]
    count = len(symbols)
    known: dict[tuple[str, str | None], int] = {}
    rules = []
    for origin, length, action, _ in serial["rules"]:
        made = known.setdefault((origin, action or None), count + len(known))
        rules.append((made, length))
    symbols += [rule_symbol(origin, action) for origin, action in known]
    return Automaton(
        symbols, count, serial["states"], serial["lookaheads"], rules, serial["starts"]["start"][1]
    )


def terminal(origin: str) -> Symbol:
    if name := TERMINAL_NAMES.get(origin):
        anonymous = not name.isidentifier()
        return Symbol(f"sym_{origin.lower()}", name, origin not in HIDDEN_TERMINALS, not anonymous, origin)
    return Symbol(f"anon_sym_{spelled(origin)}", origin, True, False, origin)


def spelled(text: str) -> str:
    return "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in text)


def rule_symbol(origin: str, action: str | None) -> Symbol:
    if action is None:
        # Were it not `named`, tree-sitter would balance a long list, as if two lists in a row were one too.
        bare = origin.strip("_")
        return Symbol(f"aux_sym_{bare}", f"_{bare}", False, True, origin)
    return Symbol(f"sym_{origin.strip('_')}_as_{action.strip('_')}", node_name(action), True, True, origin)


def symbol_tables(automaton: Automaton) -> str:
    symbols = automaton.symbols
    public: dict[tuple[str, bool, bool], str] = {}
    for symbol in symbols:
        public.setdefault((symbol.name, symbol.visible, symbol.named), symbol.constant)
    return "\n".join(
        [
            "enum ts_symbol_identifiers {",
            *(f"  {symbol.constant} = {n}," for n, symbol in enumerate(symbols) if n),
            "};\n",
            array("char *const ts_symbol_names[]", (json.dumps(s.name) for s in symbols)),
            array(
                "TSSymbol ts_symbol_map[]",
                (public[s.name, s.visible, s.named] for s in symbols),
            ),
            array(
                "TSSymbolMetadata ts_symbol_metadata[]",
                (f"{{.visible = {int(s.visible)}, .named = {int(s.named)}}}" for s in symbols),
            ),
        ]
    )


def keyword_table(automaton: Automaton) -> str:
    """The keywords, sorted for the binary search of `lexer.h`."""
    words = sorted((s.name, s.constant) for s in terminals(automaton) if re.fullmatch("[a-z]+", s.origin))
    return array("Keyword keywords[]", (f'{{"{name}", {constant}}}' for name, constant in words))


def operator_table(automaton: Automaton, shorter: dict[str, int]) -> str:
    """The operators, each with the bit of the modes in which it is not read."""
    signs = (s for s in terminals(automaton) if re.fullmatch(OPERATOR, s.origin))
    return array(
        "Operator operators[]",
        (f'{{"{s.origin}", {s.constant}, {shorter.get(s.origin, 0)}}}' for s in signs),
    )


def terminals(automaton: Automaton) -> list[Symbol]:
    return automaton.symbols[1 : automaton.terminal_count]


# --------------------------------------------------------------------------------------------- modes


def operators_with_shorter(automaton: Automaton) -> dict[str, int]:
    """Each operator that another one begins: the bit that a mode sets where only that one fits."""
    operators = [s.origin for s in terminals(automaton) if re.fullmatch(OPERATOR, s.origin)]
    longer = [op for op in operators if beginnings(op) & set(operators)]
    return {op: 1 << (FIRST_BIT + n) for n, op in enumerate(longer)}


def beginnings(operator: str) -> set[str]:
    return {operator[:n] for n in range(1, len(operator))}


def mode(accepted: set[str], shorter: dict[str, int]) -> int:
    """The mode in which a state is lexed; see `lexer.h`."""
    if "STRING_TEXT" in accepted:
        return IN_STRING
    if "BLOCK_TEXT" in accepted:
        return IN_BLOCK
    return sum(bit for op, bit in shorter.items() if op not in accepted and beginnings(op) & accepted)


# -------------------------------------------------------------------------------------------- tables


@attrs.define
class Actions:
    """The list of distinct actions; a table holds the places where they begin."""

    places: dict[str, int] = attrs.field(factory=dict)
    size: int = 1

    def place(self, action: str) -> int:
        if action not in self.places:
            self.places[action] = self.size
            self.size += 2
        return self.places[action]

    def text(self) -> str:
        entries = (f"{{.entry = {{.count = 1}}}}, {action}" for action in self.places)
        return array("TSParseActionEntry ts_parse_actions[]", ["{.entry = {.count = 0}}", *entries])


def recovery(automaton: Automaton, actions: Actions) -> Entry:
    """State 0: whatever comes is skipped until a state takes it."""
    tokens = range(automaton.terminal_count)
    return {n: actions.place("RECOVER()") for n in tokens} | extras(automaton, actions)


def extras(automaton: Automaton, actions: Actions) -> Entry:
    return {automaton.tokens()[extra]: actions.place("SHIFT_EXTRA()") for extra in EXTRAS}


def parse_entries(automaton: Automaton, actions: Actions) -> Iterator[Entry]:
    tokens, made_by = automaton.tokens(), automaton.made_by()
    for state, (shifts, gotos, reduces) in enumerate(automaton.states):
        entry = extras(automaton, actions)
        for token, target in shifts.items():
            if token != END:
                entry[tokens[token]] = actions.place(f"SHIFT({target + 1})")
        for rule, on in zip(reduces[::2], reduces[1::2], strict=True):
            made, length = automaton.rules[rule]
            action = actions.place(f"REDUCE({automaton.symbols[made].constant}, {length})")
            entry |= {tokens[token]: action for token in automaton.lookaheads[on]}
        if state == automaton.last:
            entry[0] = actions.place("ACCEPT_INPUT()")
        for origin, target in gotos.items():
            entry |= dict.fromkeys(made_by[origin], target + 1)
        yield entry


def parse_tables(entries: list[Entry], terminal_count: int) -> str:
    """Tree-sitter wants two states at least in the large table, which has a column for each symbol."""
    large, small = entries[:2], entries[2:]
    rows = ("{" + ", ".join(f"[{s}] = {to}" for s, to in sorted(e.items())) + "}" for e in large)
    places, groups, size = [], [], 0
    for entry in small:
        places.append(str(size))
        numbers = list(grouped(entry, terminal_count))
        groups.append(", ".join(map(str, numbers)))
        size += len(numbers)
    return "\n".join(
        [
            array("uint16_t ts_parse_table[LARGE_STATE_COUNT][SYMBOL_COUNT]", rows),
            array("uint16_t ts_small_parse_table[]", groups),
            array("uint32_t ts_small_parse_table_map[]", places),
            array("TSStateId ts_primary_state_ids[STATE_COUNT]", map(str, range(len(entries)))),
        ]
    )


def grouped(entry: Entry, terminal_count: int) -> Iterator[int]:
    """How many groups, and each group: what to do, for how many symbols, which.

    What to do means an action for a terminal and a state for a rule, so they are never of one group."""
    groups: dict[tuple[int, bool], list[int]] = {}
    for symbol, to in sorted(entry.items()):
        groups.setdefault((to, symbol < terminal_count), []).append(symbol)
    yield len(groups)
    for (to, _), symbols in groups.items():
        yield from (to, len(symbols), *symbols)


# ---------------------------------------------------------------------------------------------- text


def defines(automaton: Automaton, states: int) -> str:
    values = {
        "LANGUAGE_VERSION": 14,
        "STATE_COUNT": states,
        "LARGE_STATE_COUNT": 2,
        "SYMBOL_COUNT": len(automaton.symbols),
        "TOKEN_COUNT": automaton.terminal_count,
        "EXTERNAL_TOKEN_COUNT": 1,
        "MAX_ALIAS_SEQUENCE_LENGTH": max(length for _, length in automaton.rules),
        "IN_STRING": IN_STRING,
        "IN_BLOCK": IN_BLOCK,
    }
    return "\n".join(f"#define {name} {value}" for name, value in values.items()) + "\n"


def array(declaration: str, items: Iterable[str]) -> str:
    return f"static const {declaration} = {{\n" + "".join(f"  {item},\n" for item in items) + "};\n"


HEADER = """\
// Made from flowlang.lark ({digest}) by `python -m flowlang.syntax.highlight`; do not edit.

#include "tree_sitter/parser.h"

typedef struct {{ const char *text; TSSymbol symbol; }} Keyword;
typedef struct {{ const char *text; TSSymbol symbol; uint16_t unread; }} Operator;  // in modes with this bit
"""

FOOTER = """\
static const bool ts_external_scanner_states[2][EXTERNAL_TOKEN_COUNT] = {{false}, {true}};
static const TSSymbol ts_external_scanner_symbol_map[EXTERNAL_TOKEN_COUNT] = {sym_first};
static const TSSymbol ts_alias_sequences[1][MAX_ALIAS_SEQUENCE_LENGTH] = {{0}};
static const uint16_t ts_non_terminal_alias_map[] = {0};

void *tree_sitter_flow_external_scanner_create(void);
void tree_sitter_flow_external_scanner_destroy(void *);
bool tree_sitter_flow_external_scanner_scan(void *, TSLexer *, const bool *);
unsigned tree_sitter_flow_external_scanner_serialize(void *, char *);
void tree_sitter_flow_external_scanner_deserialize(void *, const char *, unsigned);

#ifdef TREE_SITTER_HIDE_SYMBOLS
#define TS_PUBLIC
#elif defined(_WIN32)
#define TS_PUBLIC __declspec(dllexport)
#else
#define TS_PUBLIC __attribute__((visibility("default")))
#endif

TS_PUBLIC const TSLanguage *tree_sitter_flow(void) {
  static const TSLanguage language = {
    .version = LANGUAGE_VERSION,
    .symbol_count = SYMBOL_COUNT,
    .token_count = TOKEN_COUNT,
    .external_token_count = EXTERNAL_TOKEN_COUNT,
    .state_count = STATE_COUNT,
    .large_state_count = LARGE_STATE_COUNT,
    .production_id_count = 1,
    .max_alias_sequence_length = MAX_ALIAS_SEQUENCE_LENGTH,
    .parse_table = &ts_parse_table[0][0],
    .small_parse_table = ts_small_parse_table,
    .small_parse_table_map = ts_small_parse_table_map,
    .parse_actions = ts_parse_actions,
    .symbol_names = ts_symbol_names,
    .symbol_metadata = ts_symbol_metadata,
    .public_symbol_map = ts_symbol_map,
    .alias_map = ts_non_terminal_alias_map,
    .alias_sequences = &ts_alias_sequences[0][0],
    .lex_modes = ts_lex_modes,
    .lex_fn = ts_lex,
    .keyword_lex_fn = ts_lex_keywords,
    .keyword_capture_token = sym_name,
    .external_scanner = {
      &ts_external_scanner_states[0][0],
      ts_external_scanner_symbol_map,
      tree_sitter_flow_external_scanner_create,
      tree_sitter_flow_external_scanner_destroy,
      tree_sitter_flow_external_scanner_scan,
      tree_sitter_flow_external_scanner_serialize,
      tree_sitter_flow_external_scanner_deserialize,
    },
    .primary_state_ids = ts_primary_state_ids,
  };
  return &language;
}
"""
