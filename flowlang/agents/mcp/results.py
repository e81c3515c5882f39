"""What a tool gave -> the reply as JSON, read by the type that the plan says it has.

    structured content    what has an output schema, and for a declared agent anything but text and files
    string                the texts, one after the other
    file, list<file>      images, sounds and resources, or else the texts; what is only linked is fetched
    json                  the text as JSON if it is JSON, else as it is; contents of other kinds as they came
    anything else         the text, which must be JSON

Much of what servers say comes as `{"result": …}`, because structured content has long been an object; for a
declared agent whose type is no such record the inner value is the reply. An error is a declared one if
`errors` in `flow.toml` finds its text, or if it says so itself: `{"error": "NotFound", …}`."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import attrs
from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from flowlang.agents.file import UNKNOWN_TYPE, File
from flowlang.agents.offered_types import Signature
from flowlang.agents.providers import Member
from flowlang.plan import model as plan
from flowlang.runtime.agent_errors import bad_output, failed
from flowlang.runtime.agents import AgentError
from flowlang.values.value import Value

LONGEST_ERROR: Final = 2_000

Resource: TypeAlias = TextResourceContents | BlobResourceContents
Fetch: TypeAlias = Callable[[str], Awaitable[Iterable[Resource]]]


@attrs.frozen(eq=False)
class Reply:
    """A reply, and the files that it refers to."""

    value: Value
    files: tuple[File, ...] = ()


async def reply_of(
    result: CallToolResult, member: Member, signature: Signature, fetch: Fetch, offset: str | None
) -> Reply:
    """See above; `signature` is how the tool was described, `offset` that of times without one. Raises
    AgentError."""
    type = member.agent.result
    if result.is_error:
        raise _error(result, member)
    if member.offered is not None and member.offered.output:
        return _of_schema(result, signature, offset)
    item = _file_item(type)
    if item is None:
        return Reply(_value(result, type, member.name))
    files = [file for block in result.content for file in await _files(block, fetch)]
    files = files or [File.from_bytes(text.encode(), "text/plain") for text in _texts(result)]
    return _of_files(files, type, item)


def _of_schema(result: CallToolResult, signature: Signature, offset: str | None) -> Reply:
    """Structured content, with the contents that its schema says stand in it in base64."""
    if "structured_content" not in result.model_fields_set:
        raise bad_output("it gave no structured content, though it has an output schema")
    files: list[File] = []

    def read(text: str, media_type: str) -> Value:
        files.append(_decoded(text, media_type))
        return files[-1].reference()

    return Reply(signature.reply(result.structured_content, read, offset), tuple(files))


# Files


def _file_item(type: plan.Type) -> plan.Type | None:
    """What of a type is a file: itself, or the items of a list of them."""
    match type:
        case plan.OptionalType(inner=inner):
            return _file_item(inner)
        case plan.ListType(item=plan.ScalarType(kind="file") as item):
            return item
        case plan.ScalarType(kind="file"):
            return type
    return None


def _of_files(files: list[File], type: plan.Type, item: plan.Type) -> Reply:
    if isinstance(type, plan.OptionalType):
        return _of_files(files, type.inner, item) if files else Reply(None)
    if type is not item:
        return Reply([file.reference() for file in files], tuple(files))
    if len(files) != 1:
        raise bad_output(f"it gave {len(files) or 'no'} contents where one file was expected")
    return Reply(files[0].reference(), tuple(files))


async def _files(block: ContentBlock, fetch: Fetch) -> list[File]:
    match block:
        case ImageContent() | AudioContent():
            return [_decoded(block.data, block.mime_type)]
        case EmbeddedResource():
            return [_file_of(block.resource)]
        case ResourceLink():
            return [_file_of(resource) for resource in await fetch(block.uri)]
    return []


def _file_of(resource: Resource) -> File:
    if isinstance(resource, TextResourceContents):
        return File.from_bytes(resource.text.encode(), resource.mime_type or "text/plain")
    return _decoded(resource.blob, resource.mime_type or UNKNOWN_TYPE)


def _decoded(text: str, media_type: str) -> File:
    try:
        return File.from_bytes(base64.b64decode(text, validate=True), media_type)
    except (binascii.Error, ValueError) as problem:
        raise bad_output(f"a content of type {media_type} is not in base64: {problem}") from None


# Values


def _value(result: CallToolResult, type: plan.Type, tool: str) -> Value:
    structured = result.structured_content
    match type:
        case plan.OptionalType(inner=inner) | plan.SecretType(inner=inner):
            has_nothing = structured is None and not result.content
            return None if has_nothing else _value(result, inner, tool)
        case plan.ScalarType(kind="null"):
            return None
        case plan.ScalarType(kind="string" | "datetime" | "duration") | plan.EnumType():
            return structured if isinstance(structured, str) else _text(result, tool)
    if structured is not None:
        return _unwrapped(structured, type)
    if type == plan.ScalarType(kind="json"):
        return _anything(result)
    return _json(_text(result, tool))


def _unwrapped(structured: Value, type: plan.Type) -> Value:
    match type:
        case plan.MapType() | plan.UnionType() | plan.ScalarType(kind="json"):
            return structured
        case plan.RecordType(fields=fields) if any(field.name == "result" for field in fields):
            return structured
    is_wrapped = isinstance(structured, dict) and structured.keys() == {"result"}
    return structured["result"] if is_wrapped else structured


def _anything(result: CallToolResult) -> Value:
    if any(not isinstance(block, TextContent) for block in result.content):
        return [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]
    text = "\n".join(_texts(result))
    try:
        return _json(text)
    except AgentError:
        return text


def _json(text: str) -> Value:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        shown = repr(text[:100]) if text else "nothing"
        raise bad_output(f"it gave no structured content, and text that is not JSON: {shown}") from None


def _text(result: CallToolResult, tool: str) -> str:
    texts = _texts(result)
    if not texts and result.content:
        help = f'declare a `file`, or write results = {{ {tool} = "file" }} into its table of flow.toml'
        raise bad_output(f"it gave {result.content[0].type} where text was expected: {help}")
    return "\n".join(texts)


def _texts(result: CallToolResult) -> list[str]:
    texts: list[str] = []
    for block in result.content:
        match block:
            case TextContent():
                texts.append(block.text)
            case EmbeddedResource(resource=TextResourceContents() as resource):
                texts.append(resource.text)
    return texts


# Errors


def _error(result: CallToolResult, member: Member) -> AgentError:
    text = "\n".join(_texts(result))
    message = " ".join(text.split())[:LONGEST_ERROR] or "it failed, and does not say why"
    said = result.structured_content if isinstance(result.structured_content, dict) else _object(text)
    name = said.get("error")
    if isinstance(name, str) and name in member.errors:
        fields: dict[str, Value] = {"message": message, **said}
        return AgentError(name, message, fields={f: fields[f] for f in member.errors[name] if f in fields})
    for piece, error in _errors_of(member).items():
        if piece in text:
            return AgentError(error, message, fields={"message": message})
    return failed(message)


def _errors_of(member: Member) -> Mapping[str, str]:
    found: Any = getattr(member.entry, "errors", None)
    return found or {}


def _object(text: str) -> dict[str, Value]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
