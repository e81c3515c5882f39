"""The version of flowlang, written once; the package, `flow --version` and SARIF reports have it from here."""

__version__ = "0.1.0"
