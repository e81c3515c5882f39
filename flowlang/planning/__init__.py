"""Plans as data: an `ExecutionPlan` in JSON or YAML -> the same tree that a `.flow` file has.

    document, yaml_text, json_text   text -> values that know where they stand
    places                           from a character of a value back to the file
    model                            what a plan may say: pydantic models, whose schema is for language models
    reading                          a document -> its parts, each mistake at its place
    agents                           which agents a plan may call, and how the language calls them
    expressions, values              `${…}` and conditions, by the language's own grammar, where they stand
    translation, steps, clauses      the parts -> `ast.Module`; no second checker, and no second runtime

Everything here takes text and gives values; files are read by the floor above."""
