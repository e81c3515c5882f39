"""Floor 9, tools: the engine and the command line."""
