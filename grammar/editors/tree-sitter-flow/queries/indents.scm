; Made by `python -m flowlang.syntax.highlight`; do not edit.

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
