"""Floor 8, agents: how calls reach Python functions, commands and services.

A module that flows use may say with `@effect("read")` what calling a function does."""

from flowlang.agents.hints import effect as effect
