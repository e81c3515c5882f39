"""Writes all that editors colour by into `grammar/editors`; a test insists that it is current."""

from __future__ import annotations

from pathlib import Path

from flowlang.syntax.generate import GRAMMAR
from flowlang.syntax.highlight.derived import derived_grammar
from flowlang.syntax.highlight.emacs import flow_keywords
from flowlang.syntax.highlight.grammar_js import grammar_js
from flowlang.syntax.highlight.monarch import monarch
from flowlang.syntax.highlight.node_types import node_types
from flowlang.syntax.highlight.parser_c import parser_c
from flowlang.syntax.highlight.queries import queries
from flowlang.syntax.highlight.textmate import textmate

EDITORS = GRAMMAR.parent / "editors"


def main() -> None:
    for path, text in assets().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def assets() -> dict[Path, str]:
    """The text of each generated file."""
    derived = derived_grammar(GRAMMAR.read_text(encoding="utf-8"))
    tree_sitter = EDITORS / "tree-sitter-flow"
    return {
        EDITORS / "flow.tmLanguage.json": textmate(),
        EDITORS / "flow.monarch.json": monarch(),
        EDITORS / "emacs" / "flow-keywords.el": flow_keywords(),
        tree_sitter / "grammar.js": grammar_js(derived),
        tree_sitter / "src" / "parser.c": parser_c(derived),
        tree_sitter / "src" / "node-types.json": node_types(derived),
        **{tree_sitter / "queries" / name: text for name, text in queries().items()},
        **{EDITORS / "neovim" / "queries" / "flow" / name: text for name, text in queries().items()},
    }


if __name__ == "__main__":
    main()
