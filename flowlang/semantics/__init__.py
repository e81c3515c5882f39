"""Floor 3, semantics: modules, names, types, errors and effects. Knows nothing of running.

Everything learned about a tree lies in side tables keyed by node id (`facts`)."""
