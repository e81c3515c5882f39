"""The value of a plan -> its text, as JSON or as YAML that people like to read."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any, Literal, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

Form: TypeAlias = Literal["yaml", "json"]

WIDTH = 10_000  # texts are not folded


def plan_text(value: dict[str, Any], form: Form) -> str:
    """The text of a plan; it ends with a line break."""
    if form == "json":
        return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    yaml = YAML()
    yaml.width = WIDTH
    yaml.representer.add_representer(type(None), _null)
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(_readable(value), out)
    return out.getvalue()


def _null(representer: Any, value: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _readable(value: Any) -> Any:
    """The same value, with texts of several lines as blocks."""
    if isinstance(value, dict):
        return {key: _readable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in value]
    if isinstance(value, str) and "\n" in value and _fits_a_block(value):
        return LiteralScalarString(value)
    return value


def _fits_a_block(text: str) -> bool:
    """Whether a text stands in a block as it is: no odd characters, and no blanks where YAML counts them."""
    lines = text.split("\n")
    plain = all(line.isprintable() and line == line.rstrip() for line in lines)
    return plain and not text.startswith((" ", "\n"))
