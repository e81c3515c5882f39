; Made by `python -m flowlang.syntax.highlight`; do not edit.

([(comment) (doc_comment)] @injection.content (#set! injection.language "comment"))

; The argument of `.matches("…")` is a regular expression.
((call
  (member (identifier) @_method)
  (arguments . (argument (string) @injection.content)))
  (#eq? @_method "matches")
  (#set! injection.language "regex"))
