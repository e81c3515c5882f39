"""Cases are read by tests, and wrong on purpose: where flowlang is installed, pytest collects none of them."""

from __future__ import annotations

collect_ignore_glob = ["*"]
