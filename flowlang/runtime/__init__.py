"""Floor 6, the runtime: failures, the host protocol, the interpreter. Knows no trio, no files, no clocks."""
