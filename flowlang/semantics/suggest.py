"""The names of `flowlang.text.suggest`, where the checker looks for them."""

from flowlang.text.suggest import did_you_mean, nearest

__all__ = ["did_you_mean", "nearest"]
