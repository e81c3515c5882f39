"""Floor 6, the runtime: failures, the host protocol and the interpreter. Imports no trio, no files, no clocks."""
