"""Floor 8, agents: how calls reach Python functions, commands and services.

A module that flows use may say with `@effect("read")` what calling a function does, and ask with
`current_call()` about the call that it is answering. `File` is content that flows pass on by reference."""

from flowlang.agents.current import current_call as current_call
from flowlang.agents.file import File as File
from flowlang.agents.hints import effect as effect
