"""The version of flowlang, written once: for the package, `flow --version` and SARIF reports."""

__version__ = "0.1.0"
