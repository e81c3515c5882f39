; Made by `python -m flowlang.syntax.highlight`; do not edit.

["agent" "ask" "error" "event" "flow" "import" "test" "type" "use"] @keyword.type
["ensure" "expect" "fail" "given" "let" "next" "require" "return" "run" "send" "step" "yield"] @keyword
["choose" "do" "for" "match" "race" "sleep" "wait" "while"] @keyword.conditional
["after" "breaker" "cache" "catch" "effect" "finally" "key" "limit" "retry" "timeout" "undo" "when"] @keyword.modifier
["and" "as" "in" "is" "not" "or"] @keyword.operator
["false" "null" "true"] @constant.builtin
["at" "attempt" "backoff" "constant" "each" "else" "every" "exponential" "fails" "failures" "from" "if" "linear" "most" "of" "on" "once" "order" "otherwise" "per" "raises" "reset" "then" "times" "to" "tolerating" "until" "where" "within"] @keyword
["..." "!=" "->" ".." "<=" "==" "=>" ">=" "??" "%" "*" "+" "-" "/" "<" "=" ">" "?" "|"] @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," "." ":" "?."] @punctuation.delimiter

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
((named_type (qualified_name (identifier) @type.builtin)) (#any-of? @type.builtin "bool" "datetime" "duration" "file" "float" "int" "json" "list" "map" "null" "secret" "string"))
((generic_type (identifier) @type.builtin) (#any-of? @type.builtin "bool" "datetime" "duration" "file" "float" "int" "json" "list" "map" "null" "secret" "string"))
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
