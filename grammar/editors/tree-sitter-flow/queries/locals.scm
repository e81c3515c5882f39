; Made by `python -m flowlang.syntax.highlight`; do not edit.

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
