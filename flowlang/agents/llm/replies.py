"""Replies: a result type -> the form that a model is asked for, and what it wrote -> JSON that fits the type.

A `string` is plain text. Anything else is JSON, and since endpoints ask for an object, whatever is none goes
into the field `result` of one. Models decorate: they think aloud first, put JSON between fences or text
around it. So whatever stands in a reply and reads as JSON is tried, the whole of it first; what is wrong with
a reply is said of the first that could be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import attrs

from flowlang.agents.llm.prompts import TEXT_ALONE, holds
from flowlang.agents.offers import Schema
from flowlang.plan import model as plan
from flowlang.values.codec import decode, read_json
from flowlang.values.schema import schema
from flowlang.values.value import MAX_BOUNDARY, Misfit, Value

Asking: TypeAlias = Literal["json_schema", "json_object", "prompt"]

WRAPPED: Final = "result"
MOST_CANDIDATES: Final = 20

_FENCED: Final = re.compile(r"```\w*[ \t]*\r?\n(.*?)```", re.DOTALL)
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")


@attrs.frozen
class Form:
    """What a result is asked for as. `schema` None: as text. `wrapped`: in the field `result` of an object.
    `strict`: the schema keeps to what endpoints guarantee."""

    type: plan.Type
    name: str
    schema: Schema | None
    wrapped: bool = False
    strict: bool = False

    def response_format(self, asking: Asking) -> Schema | None:
        """What a request says of the form, if it does."""
        if self.schema is None or asking == "prompt" or not self._is_object:
            return None
        if asking == "json_object":
            return {"type": "json_object"}
        asked = {"name": self.name, "schema": self.schema, "strict": self.strict}
        return {"type": "json_schema", "json_schema": asked}

    def request(self, asking: Asking, *, templated: bool) -> str | None:
        """What the prompt says of the form, if it does; `templated`: the author wrote the prompt."""
        if self.schema is None:
            return None if templated or self.type.kind == "null" else TEXT_ALONE
        if asking == "json_schema" and self._is_object:
            return None
        return self.in_words()

    def in_words(self) -> str:
        """The form, as a sentence to a model."""
        if not self.schema:
            return TEXT_ALONE if self.schema is None else "Answer with JSON alone, without any other text."
        shown = json.dumps(self.schema, ensure_ascii=False)
        return f"Answer with JSON alone, without any other text, that fits this JSON Schema:\n{shown}"

    def read(self, text: str) -> Value:
        """The reply in what a model wrote, in its JSON form. Raises Misfit."""
        if self.type.kind == "null":
            return None
        text = _without_thoughts(text)
        if not text:
            raise Misfit("the reply is empty")
        return _checked(text, self.type) if self.schema is None else self._fitting(text)

    @property
    def _is_object(self) -> bool:
        """Only an object can be asked for beside the prompt."""
        return bool(self.schema) and (self.schema or {}).get("type") == "object"

    def _fitting(self, text: str) -> Value:
        if len(text) > MAX_BOUNDARY:
            raise Misfit("the reply is larger than 1 MiB")
        problem: Misfit | None = None
        for found in _candidates(text):
            try:
                return self._unwrapped(found)
            except Misfit as misfit:
                problem = problem or misfit
        if isinstance(self.type, plan.EnumType) and text.strip("\"'`*. ") in self.type.values:
            return text.strip("\"'`*. ")
        if problem is None:
            read_json(text)  # says why the whole is no JSON
        raise problem or Misfit("there is no JSON in the reply")

    def _unwrapped(self, found: Value) -> Value:
        inner = isinstance(found, dict) and self.wrapped and WRAPPED in found
        try:
            return _checked(found[WRAPPED] if inner else found, self.type)
        except Misfit as misfit:
            raise misfit.inside(WRAPPED) if inner else misfit from None


def form_of(name: str, result: plan.Type) -> Form:
    """The form in which an agent's result is asked for."""
    named = _NO_NAME.sub("_", name)[:64]
    if isinstance(result, plan.ScalarType) and result.kind in ("string", "null"):
        return Form(result, named, None)
    if result.kind == "json":
        return Form(result, named, {})
    asked = schema(result)
    wrapped = asked.get("type") != "object"
    if wrapped:
        asked = {
            "type": "object",
            "properties": {WRAPPED: asked},
            "required": [WRAPPED],
            "additionalProperties": False,
        }
    strict = not (holds(result, "map") or holds(result, "json"))
    return Form(result, named, _plain(asked, strict), wrapped, strict)


def _plain(node: Value, strict: bool) -> Value:
    """A schema in the subset that endpoints take: no patterns, `anyOf` for `oneOf`, and, where that is what
    makes a schema strict, every field required (those that may be missing are nullable)."""
    if isinstance(node, list):
        return [_plain(item, strict) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {("anyOf" if key == "oneOf" else key): value for key, value in node.items() if key != "pattern"}
    for key in ("anyOf", "items", "additionalProperties"):
        if key in plain:
            plain[key] = _plain(plain[key], strict)
    if "properties" in plain:
        plain["properties"] = {name: _plain(field, strict) for name, field in plain["properties"].items()}
        plain["required"] = list(plain["properties"]) if strict else plain["required"]
    return plain


def _without_thoughts(text: str) -> str:
    """A reply without what some models think aloud before it, and without blanks around it."""
    text = text.strip()
    if text.startswith("<think>") and "</think>" in text:
        return text.partition("</think>")[2].strip()
    return text


def _checked(value: Value, type: plan.Type) -> Value:
    """The value itself, if it fits the type."""
    decode(value, type)
    return value


def _candidates(text: str) -> Iterator[Value]:
    """What may be meant as JSON: the whole, then what stands between fences, then what braces enclose. The
    last comes first, since drafts stand before results."""
    for piece in [text, *reversed(_FENCED.findall(text)), *reversed([*_objects(text)])]:
        try:
            yield read_json(piece.strip())
        except Misfit:
            continue


def _objects(text: str) -> Iterator[str]:
    """The texts of the first objects in a text."""
    decoder, start = json.JSONDecoder(), text.find("{")
    for _ in range(MOST_CANDIDATES):
        if start < 0:
            return
        try:
            _, end = decoder.raw_decode(text, start)
            yield text[start:end]
        except (ValueError, RecursionError):
            end = start + 1
        start = text.find("{", end)
