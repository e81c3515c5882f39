"""Our grammar -> the grammar that tree-sitter shall have: the same language, laid out for editors.

An editor wants to colour a string's holes and to keep comments where they are, and has no use for the
empty nodes that our tree builder likes. So a few lines of `flowlang.lark` are exchanged, each of which
must be there, and the rest is taken as it stands:

- documentation is a comment that may stand anywhere, since it belongs to no node of an editor's tree;
- a string is its pieces: quotes, text, escapes, and holes with a whole expression inside;
- no rule but the file's may be empty.

Both the tables in `parser.c` and the rules in `grammar.js` are made from the result."""

from __future__ import annotations

import re

from flowlang.syntax.generate import digest

STRINGS = """
quoted: RAW_STRING
      | "\\"" (STRING_TEXT | escape | hole)* "\\""
      | "\\"\\"\\"" (BLOCK_TEXT | block_escape | block_hole)* "\\"\\"\\""
escape: ESCAPE
hole: HOLE_START expression "}"
block_escape: BLOCK_ESCAPE -> escape
block_hole: BLOCK_HOLE_START expression "}" -> hole

RAW_STRING: /'[^'\\n]*'/
// What stands in a string overlaps with everything, and only a lexer that knows where it is can tell.
// These stand for it in the tables; `lexer.h` and `grammar.js` say what they match.
STRING_TEXT: /\\x01/
ESCAPE: /\\x02/
HOLE_START: /\\x03/
BLOCK_TEXT: /\\x04/
BLOCK_ESCAPE: /\\x05/
BLOCK_HOLE_START: /\\x06/
"""

# What is looked for, what stands there instead. Patterns see one line.
EXCHANGES = (
    (r"\[(?:inner_)?doc\] ", ""),
    (r"^_?(?:inner_)?doc\w*: .*\n", ""),
    (r"^DOC: .*\n", ""),
    (r"^(?:policies|flow_policies|clauses): .*\n", ""),
    (r" policies$", " policy*"),
    (r" flow_policies block$", " (timeout | in_order)* block"),
    (r" task clauses$", " task clause*"),
    (r'^\?atom: "\(" expression "\)"$', r"\g<0> -> parenthesized"),
    (r'^( +\| "\(" type "\)")$', r"\1 -> parenthesized_type"),
    (r"^text: STRING$", "text: quoted"),
    (r"\bSTRING -> string$", "quoted"),
    (r"^string: STRING$", "?string: quoted"),
    (r"^STRING: .*\n(?: +\| .*\n)*", ""),
)

NAMES = {
    "start": "source_file",
    "ident": "identifier",
    "quoted": "string",
    "if_task": "if",
    "match_task": "match",
    "task_arm": "match_arm",
    "bare_variant": "variant",
}
"""Nodes that an editor knows by another name than our tree builder."""


def derived_grammar(grammar: str) -> str:
    """The grammar in Lark's notation, with the digest of ours in its first line."""
    text = grammar
    for pattern, replacement in EXCHANGES:
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert count, f"the grammar has nothing like {pattern}"
    return f"// {digest(grammar)}\n{text}{STRINGS}"


def node_name(rule: str) -> str:
    """What the nodes of a rule are called: `return` for `return_`."""
    return NAMES.get(rule, rule.rstrip("_"))
