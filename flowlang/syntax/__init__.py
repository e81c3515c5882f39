"""Floor 2, syntax: text to tree and back. Knows nothing of types or of running."""
