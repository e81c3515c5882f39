"""flowlang: a small, statically typed, declarative language for orchestrating agents and tools."""

__version__ = "0.1.0"
