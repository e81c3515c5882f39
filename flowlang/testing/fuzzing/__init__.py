"""Fuzzing: try to break somebody's flow, and tell the smallest story that does.

    findings    what must never happen, and what a flow says of itself
    search      Hypothesis thinks up inputs and faults, until examples or time are spent, and shrinks
    literals    a value of a type -> how a flow writes it
    rewriting   a story -> the `test` block that tells it again, tried before it is shown
    story       what came of a run, in words

`flow fuzz` shows what comes of it."""
