"""Floor 1, text: sources, spans, diagnostics and their renderers. Knows nothing else of flowlang."""
