"""Floor 8, agents: how calls reach Python functions, commands and services."""
