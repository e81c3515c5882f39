"""What editors colour by, all of it made from the grammar: `python -m flowlang.syntax.highlight`.

`lexicon` is the one table of keywords; the generators beside it write it down for TextMate, Monarch, Emacs
and tree-sitter, and `tools/pygments_lexer.py` reads it."""
