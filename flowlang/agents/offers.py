"""What a provider offers, in the words that servers speak: names, JSON Schemas and hints.

It is what `flow.lock` keeps. What flows see of it, names and types of the language, is made of it whenever
a flow is checked, so a better translation needs no new lock file. Imports nothing heavy: `flow check` reads
it."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

import attrs

from flowlang.text import codes
from flowlang.text.codes import Code
from flowlang.values.value import Value

Schema: TypeAlias = dict[str, Value]
Effect: TypeAlias = Literal["pure", "read", "idempotent", "write"]


@attrs.frozen
class Offered:
    """An agent as its target describes it. `input` is the JSON Schema of an object with the arguments;
    `output` that of the reply, None where it is not said: it is then text. `file` says that the reply is the
    content of a file."""

    name: str
    input: Schema
    output: Schema | None = None
    effect: Effect | None = None
    doc: str | None = None
    file: bool = False

    def to_json(self) -> dict[str, Value]:
        """Only what is there, in an order that reads well."""
        fields: dict[str, Value] = {"name": self.name, "doc": self.doc, "effect": self.effect}
        fields |= {"input": self.input, "output": self.output, "file": self.file or None}
        return {name: value for name, value in fields.items() if value is not None}

    @classmethod
    def from_json(cls, fields: dict[str, Value]) -> Offered:
        """Raises KeyError, TypeError or ValueError for what `to_json` cannot have written."""
        name, input, output = fields["name"], fields.get("input", {}), fields.get("output")
        effect, doc = fields.get("effect"), fields.get("doc")
        if not (isinstance(name, str) and isinstance(input, dict) and isinstance(output, dict | None)):
            raise TypeError("an agent has a name, and JSON Schemas of its input and output")
        if effect not in (None, "pure", "read", "idempotent", "write") or not isinstance(doc, str | None):
            raise ValueError(f"{name} has an effect or a doc that means nothing")
        return cls(name, input, output, cast("Effect | None", effect), doc, fields.get("file") is True)


@attrs.frozen
class Told:
    """What is known of a target without asking it, and the file that says so. `lines` are those where each
    offer stands in it, from 1; there are none where nobody looked."""

    offers: tuple[Offered, ...]
    path: str
    lines: tuple[int, ...] = ()


class NotDescribed(Exception):
    """Nobody can tell what a target offers without asking it: why, and what to do. `path` is the file that
    was to say it, and `line` where in it."""

    def __init__(
        self,
        message: str,
        help: str | None = None,
        line: int | None = None,
        path: str | None = None,
        code: Code = codes.BAD_SIGNATURE,
    ) -> None:
        super().__init__(message)
        self.message, self.help, self.line, self.path, self.code = message, help, line, path, code
