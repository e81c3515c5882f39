"""The keyword table -> tree-sitter's queries: what to colour, fold, indent, and which names belong together.

The captures are those of nvim-treesitter, most of which Helix shares. Later patterns win."""

from __future__ import annotations

import json

from flowlang.syntax import words
from flowlang.syntax.highlight.lexicon import by_role, operators

CAPTURES = {
    "declaration": "keyword.type",
    "statement": "keyword",
    "task": "keyword.conditional",
    "clause": "keyword.modifier",
    "operator": "keyword.operator",
    "constant": "constant.builtin",
    "part": "keyword",
}
BRACKETS = ("(", ")", "[", "]", "{", "}")
DELIMITERS = (",", ".", ":", "?.")


def queries() -> dict[str, str]:
    """The text of each query file by its name."""
    return {
        "highlights.scm": NOTE + highlights(),
        "folds.scm": NOTE + FOLDS,
        "indents.scm": NOTE + INDENTS,
        "locals.scm": NOTE + LOCALS,
        "injections.scm": NOTE + INJECTIONS,
    }


def highlights() -> str:
    signs = [sign for sign in operators() if sign not in (*BRACKETS, *DELIMITERS)]
    words_of = {role: [k.text for k in listed if k.text != "first"] for role, listed in by_role().items()}
    lists = [
        *((CAPTURES[role], texts) for role, texts in words_of.items()),
        ("operator", signs),
        ("punctuation.bracket", BRACKETS),
        ("punctuation.delimiter", DELIMITERS),
    ]
    tokens = "".join(f"[{' '.join(map(json.dumps, texts))}] @{capture}\n" for capture, texts in lists)
    types = " ".join(map(json.dumps, sorted(words.TYPES)))
    return tokens + HIGHLIGHTS.replace("TYPES", types)


NOTE = "; Made by `python -m flowlang.syntax.highlight`; do not edit.\n\n"

HIGHLIGHTS = """
(comment) @comment
(doc_comment) @comment.documentation
(first) @keyword.conditional

(string) @string
(escape) @string.escape
(hole ["${" "}"] @punctuation.special)
[(integer) (floating) (duration)] @number
(boolean) @boolean
(null) @constant.builtin

(name) @variable
(short_entry) @variable
(step (identifier) @variable)
(let (identifier) @variable)
(for_each (identifier) @variable)
(while (identifier) @variable)
(lambda (identifier) @variable.parameter)
(catch (identifier) @variable.parameter)
(binding (identifier) @variable.parameter)
(param (identifier) @variable.parameter)
(named_argument (identifier) @variable.parameter)

(field (identifier) @property)
(entry (identifier) @property)
(key_entry . (string) @property)
(member (identifier) @property)
(safe_member (identifier) @property)

[(agent_decl (identifier) @function) (ask_decl (identifier) @function) (flow_decl (identifier) @function)]
(run (identifier) @function.call)
(given . (given_name (identifier) @function.call .))
(call . (name) @function.call)
(call . (member (identifier) @function.method.call))
(call . (safe_member (identifier) @function.method.call))

[(type_decl (identifier) @type) (error_decl (identifier) @type) (event_decl (identifier) @type)]
(named_type (qualified_name (identifier) @type))
(generic_type (identifier) @type)
((named_type (qualified_name (identifier) @type.builtin)) (#any-of? @type.builtin TYPES))
((generic_type (identifier) @type.builtin) (#any-of? @type.builtin TYPES))
[(raises (qualified_name (identifier) @type)) (errors (qualified_name (identifier) @type))]
(on (qualified_name (identifier) @type))
(wait_for (qualified_name (identifier) @type))
(is_case (qualified_name (identifier) @type))
(variant (identifier) @constructor)
(constructor_pattern (qualified_name (identifier) @constructor))
((call . (name) @constructor) (#lua-match? @constructor "^%u"))
(effect (identifier) @constant.builtin)

[(import_decl (identifier) @module) (use_decl (identifier) @module)]
(import_decl (text) @string.special.path)
(use_decl (text) @string.special.path)
"""

FOLDS = """\
[
  (block)
  (test_block)
  (fields)
  (params)
  (record_type)
  (record_literal)
  (list_literal)
  (arguments)
  (match)
  (choose)
  (branches)
] @fold
(doc_comment)+ @fold
"""

INDENTS = """\
[
  (block)
  (test_block)
  (fields)
  (params)
  (record_type)
  (record_literal)
  (list_literal)
  (arguments)
  (match)
  (choose)
  (branches)
] @indent.begin
["}" ")" "]"] @indent.end @indent.branch
[(comment) (doc_comment)] @indent.auto
"""

LOCALS = """\
[(flow_decl) (block) (for_each) (lambda) (match_arm) (test_decl)] @local.scope

(param (identifier) @local.definition.parameter)
(step (identifier) @local.definition.var)
(let (identifier) @local.definition.var)
(for_each (identifier) @local.definition.var)
(while (identifier) @local.definition.var)
(lambda (identifier) @local.definition.parameter)
(catch (identifier) @local.definition.var)
(binding (identifier) @local.definition.var)
[(agent_decl (identifier) @local.definition.function) (ask_decl (identifier) @local.definition.function)]
(flow_decl (identifier) @local.definition.function)
[(type_decl (identifier) @local.definition.type) (error_decl (identifier) @local.definition.type)]
[(import_decl (identifier) @local.definition.import) (use_decl (identifier) @local.definition.import)]

(name) @local.reference
(short_entry) @local.reference
"""

INJECTIONS = """\
([(comment) (doc_comment)] @injection.content (#set! injection.language "comment"))

; The argument of `.matches("…")` is a regular expression.
((call
  (member (identifier) @_method)
  (arguments . (argument (string) @injection.content)))
  (#eq? @_method "matches")
  (#set! injection.language "regex"))
"""
