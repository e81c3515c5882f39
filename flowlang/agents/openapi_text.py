"""The text of an OpenAPI document -> JSON data: from JSON, or from YAML 1.2.

YAML is read for its structure alone: keys are texts (`200:` is "200"), dates stay texts, no tag constructs
anything. An alias is the value that its anchor names, shared and never copied; one inside of its own anchor
is null. Merge keys are followed."""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import Any, Final

from flowlang.agents.offers import Schema
from flowlang.values.value import Value

MAX_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
MAX_YAML: Final = 2 * 1024 * 1024  # characters; YAML takes a hundred times as long to read as JSON


class NoDocument(Exception):
    """A text, or something in it, that is no OpenAPI document: what, where, and what to do. `path` are the
    keys that lead there."""

    def __init__(
        self,
        message: str,
        help: str | None = None,
        line: int | None = None,
        path: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message, self.help, self.line, self.path = message, help, line, path


def read_text(content: bytes) -> tuple[Schema, str]:
    """The document and its text. Raises NoDocument."""
    if len(content) > MAX_DOCUMENT_BYTES:
        raise NoDocument(f"it is larger than {MAX_DOCUMENT_BYTES >> 20} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise NoDocument(f"it is not UTF-8 at byte {problem.start}") from None
    document = _json(text) if text.lstrip().startswith(("{", "[")) else _yaml(text)
    if not isinstance(document, dict):
        raise NoDocument(
            "it holds no object, so it is no OpenAPI document", "it begins with `openapi: 3.1.0`"
        )
    return document, text


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line where the last key of a path stands, looked for behind those before it."""
    at = -1
    for key in path:
        found = place_of(text, key, at + 1)
        if found < 0:
            break
        at = found
    return text.count("\n", 0, at) + 1 if at >= 0 else None


def place_of(text: str, key: str, start: int) -> int:
    """Where a key stands next in JSON or YAML, or something that looks like it; -1 where it does not."""
    if text[:100].lstrip().startswith("{"):
        return text.find(json.dumps(key), start)
    found = re.compile(rf"(?<![\w/-])([\"']?){re.escape(key)}\1\s*:").search(text, start)
    return found.start() if found else -1


def _json(text: str) -> Value:
    try:
        return _sound(json.loads(text), text)
    except json.JSONDecodeError as problem:
        message = f"it is not JSON: {problem.msg[0].lower()}{problem.msg[1:]}"
        raise NoDocument(message, line=problem.lineno) from None
    except (ValueError, RecursionError):
        raise NoDocument("it is not JSON: it is nested too deeply, or a number is too long") from None


def _sound(document: Value, text: str) -> Value:
    """A document whose texts can be written again."""
    if "\\ud" in text.lower():
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise NoDocument("a text in it holds half of a character") from None
    return document


def _yaml(text: str) -> Value:
    if len(text) > MAX_YAML:
        help = "convert it into JSON, which is read a hundred times as fast"
        raise NoDocument(f"it is larger than {MAX_YAML >> 20} MiB of YAML", help)
    yaml = import_module("ruamel.yaml")
    try:
        root = yaml.YAML(typ="safe", pure=True).compose(text)
        found = None if root is None else _Values().of(root)
    except yaml.error.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = None if mark is None else mark.line + 1
        raise NoDocument(f"it is not YAML: {problem.problem or problem.context}", line=line) from None
    except (yaml.error.YAMLError, ValueError) as problem:
        raise NoDocument(f"it is not YAML: {problem}") from None
    except RecursionError:
        raise NoDocument("it is nested too deeply") from None
    if root is None:
        raise NoDocument("it is empty")
    return found


class _Values:
    """The values of YAML nodes, each made once."""

    def __init__(self) -> None:
        self._made: dict[int, Value] = {}

    def of(self, node: Any) -> Value:
        if node.id == "scalar":
            return _scalar(node)
        if id(node) not in self._made:
            self._made[id(node)] = None  # what an alias inside of it stands for
            self._made[id(node)] = self._object(node) if node.id == "mapping" else [*map(self.of, node.value)]
        return self._made[id(node)]

    def _object(self, node: Any) -> Value:
        merged: dict[str, Value] = {}
        own: dict[str, Value] = {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge" or key.value == "<<":
                merged |= self._bases(value)
            elif key.id == "scalar":
                own[key.value] = self.of(value)
        return merged | own

    def _bases(self, node: Any) -> dict[str, Value]:
        found = self.of(node)
        bases = found if isinstance(found, list) else [found]
        return {
            key: value for base in reversed(bases) if isinstance(base, dict) for key, value in base.items()
        }


def _scalar(node: Any) -> Value:
    text = node.value
    match str(node.tag).rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return _number(text.replace("_", ""), int)
        case "float":
            return _number(text.replace("_", ""), float)
    return text


def _number(text: str, kind: type[int] | type[float]) -> Value:
    try:
        number = kind(text)
    except ValueError:
        return text
    return number if abs(number) < float("inf") else text
