"""The keyword table -> `flow-keywords.el`, which Emacs's `flow-mode` colours by.

Emacs's regular expressions have no look ahead, so each word comes with what the mode asks for in its place:
the keywords one of which stands before it, how what follows it may begin, and which words do not follow."""

from __future__ import annotations

import json
import re

from flowlang.syntax import words
from flowlang.syntax.highlight.lexicon import Keyword, keywords

HEADER = """\
;;; flow-keywords.el --- the keywords of flowlang  -*- lexical-binding: t; -*-

;; Made by `python -m flowlang.syntax.highlight'; do not edit.

;;; Code:

(defconst flow-keywords
  '(
"""

FOOTER = """\
    )
  "Each keyword: (WORD ROLE BEHIND AHEAD UNLESS).
It is one behind a word of BEHIND, or before what AHEAD matches unless that is
a word of UNLESS; with neither BEHIND nor AHEAD it always is.")

(defconst flow-types
  '(TYPES)
  "The built-in types.")

(provide 'flow-keywords)
;;; flow-keywords.el ends here
"""


def flow_keywords() -> str:
    """The text of `flow-keywords.el`."""
    rows = "".join(f"    {row(keyword)}\n" for keyword in keywords())
    types = " ".join(json.dumps(name) for name in sorted(words.TYPES))
    return HEADER + rows + FOOTER.replace("TYPES", types)


def row(keyword: Keyword) -> str:
    ahead, unless = without_negation(keyword.ahead.removeprefix("(?=").removesuffix(")"))
    told_by = f"{listed(keyword.behind)} {in_elisp(ahead)} {listed(unless)}"
    return f"({json.dumps(keyword.text)} {keyword.role} {told_by})"


def without_negation(ahead: str) -> tuple[str, tuple[str, ...]]:
    """A look ahead without the words that it excludes, and these words."""
    if found := re.search(r"\(\?!\(\?:([a-z|]+)\)\\b\)", ahead):
        return ahead.replace(found[0], ""), tuple(found[1].split("|"))
    return ahead, ()


def listed(texts: tuple[str, ...]) -> str:
    return f"({' '.join(map(json.dumps, texts))})" if texts else "nil"


def in_elisp(pattern: str) -> str:
    """A regular expression of the table as Emacs writes it, in a string of its own language."""
    if not pattern:
        return "nil"
    pieces = re.findall(r"\\.|\(\?:|\[[^\]]*\]|.", pattern)
    return (
        '"'
        + "".join(ELISP.get(piece, piece) for piece in pieces).replace("\\", "\\\\").replace('"', '\\"')
        + '"'
    )


ELISP = {
    "(?:": "\\(?:",
    "(": "\\(",
    ")": "\\)",
    "|": "\\|",
    "\\(": "(",
    "\\[": "\\[",
    "\\{": "{",
    "\\b": "\\_>",
    "\\n": "\n",
    "[ \\t]": "[ \t]",
    "[\\\"']": "[\"']",
}
