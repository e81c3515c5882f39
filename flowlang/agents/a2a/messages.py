"""A call's arguments -> the parts of a message, and the parts of a reply -> JSON of the declared result.

Protocol buffers keep every number as a double, so a whole one comes back as an int: the result's type decides
what it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import cast

from a2a.types import Message, Part, Role, SendMessageRequest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from google.protobuf.struct_pb2 import Value as StructValue

from flowlang.agents.a2a import A2AEntry
from flowlang.agents.command_template import fill, parse_template
from flowlang.agents.file import UNKNOWN_TYPE, File
from flowlang.agents.kept import finder
from flowlang.agents.providers import Member
from flowlang.plan import model as plan
from flowlang.runtime.agent_errors import bad_output
from flowlang.runtime.agents import AgentCall
from flowlang.values.references import holds_files
from flowlang.values.value import Value


def request_of(member: Member, call: AgentCall) -> SendMessageRequest:
    """What is sent for a call. The message's id is the call's key, so an agent can tell a repetition."""
    message = Message(message_id=call.idempotency_key, role=Role.ROLE_USER, parts=_parts(member, call))
    if member.name:
        message.metadata.CopyFrom(ParseDict({"skill": member.name}, Struct()))
    return SendMessageRequest(message=message)


def _parts(member: Member, call: AgentCall) -> list[Part]:
    types = {parameter.name: parameter.type for parameter in member.agent.parameters}
    values = {n: value for n, value in call.arguments.items() if value is not None and n in types}
    files = [name for name in values if holds_files(types[name])]
    plain = {name: value for name, value in values.items() if name not in files}
    parts = _said(member, types, plain)
    for name in files:
        parts += _file_parts(values[name], call)
    return parts


def _said(member: Member, types: dict[str, plan.Type], values: dict[str, Value]) -> list[Part]:
    """The text of a message, and its data."""
    entry = cast(A2AEntry | None, member.entry)
    if entry is not None and entry.message is not None:
        return [Part(text=fill(parse_template(entry.message, types), values) or "")]
    if member.offered is not None:
        data = [_data(values["data"])] if "data" in values else []
        return [Part(text=str(values.get("message", ""))), *data]
    if len(values) == 1 and isinstance(only := next(iter(values.values())), str):
        return [Part(text=only)]
    return [_data(values)]


def _data(value: Value) -> Part:
    return Part(data=ParseDict(value, StructValue()), media_type="application/json")


def _file_parts(value: Value, call: AgentCall) -> list[Part]:
    """The contents of the files in an argument."""
    if isinstance(value, list):
        return [part for each in value for part in _file_parts(each, call)]
    if isinstance(value, dict) and "hash" not in value:
        return [part for each in value.values() for part in _file_parts(each, call)]
    if not isinstance(value, dict):
        return []
    file = finder(call)(value)
    return [Part(raw=file.read(), media_type=file.media_type)]


def reply_of(parts: Sequence[Part], result: plan.Type) -> Value | File:
    """What the parts of a reply are for a declared result. Raises AgentError."""
    match result:
        case plan.OptionalType(inner=inner):
            return reply_of(parts, inner) if parts else None
        case plan.ScalarType(kind="null"):
            return None
        case plan.ScalarType(kind="file"):
            return _file(parts)
        case plan.ScalarType(kind="string") | plan.EnumType():
            return _text(parts)
    return _structured(parts)


def joined(parts: Iterable[Part]) -> list[Part]:
    """The parts of an artifact, text that came in pieces as one."""
    whole: list[Part] = []
    for part in parts:
        if whole and part.HasField("text") and whole[-1].HasField("text"):
            whole[-1] = Part(text=whole[-1].text + part.text, media_type=whole[-1].media_type)
        else:
            whole.append(part)
    return whole


def _text(parts: Iterable[Part]) -> str:
    texts = [part.text for part in parts if part.HasField("text")]
    if not texts:
        raise bad_output("the reply holds no text")
    return "\n".join(texts)


def _structured(parts: Iterable[Part]) -> Value:
    """The data of a reply; where there is none, its text as JSON."""
    parts = [*parts]
    found = [_whole(MessageToDict(part.data)) for part in parts if part.HasField("data")]
    if found:
        return found[0] if len(found) == 1 else found
    try:
        return cast(Value, json.loads(_text(parts)))
    except (ValueError, RecursionError):
        raise bad_output("the reply holds no data, and its text is not JSON") from None


def _whole(value: Value) -> Value:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(each) for each in value]
        case dict():
            return {key: _whole(each) for key, each in value.items()}
    return value


def _file(parts: Iterable[Part]) -> File:
    parts = [*parts]
    for part in parts:
        if part.HasField("raw"):
            return File.from_bytes(part.raw, part.media_type or UNKNOWN_TYPE)
    if url := next((part.url for part in parts if part.HasField("url")), None):
        raise bad_output(f"the reply refers to {url}; a step of its own can fetch it")
    texts = [part for part in parts if part.HasField("text")]
    if not texts:
        raise bad_output("the reply holds no file")
    return File.from_bytes(_text(texts).encode(), texts[0].media_type or "text/plain")
