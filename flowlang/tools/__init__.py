"""Floor 10, tools: the engine and the command line."""
