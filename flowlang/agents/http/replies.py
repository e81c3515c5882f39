"""What a server answers -> a value, or the error that it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Literal, TypeAlias

import attrs

from flowlang.agents.file import File
from flowlang.agents.offered_names import field_name
from flowlang.runtime.agent_errors import bad_output, failed, unavailable
from flowlang.runtime.agents import AgentError
from flowlang.values.times import format_duration
from flowlang.values.value import Value

Form: TypeAlias = Literal["json", "text", "file"]

MAX_SAID: Final = 300


@attrs.frozen
class Reply:
    """An answer. `content` is all of its body; `file` stands for it where that is the result."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""
    file: File | None = None

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        return self.media_type.endswith(("/json", "+json"))

    @property
    def said(self) -> str:
        """`404 Not Found: there is no such order`."""
        reason = next((s.phrase for s in HTTPStatus if s.value == self.status), "")
        named = f"{self.status} {reason}".strip()
        text = self._text()
        return f"{named}: {text}" if text else named

    def _text(self) -> str:
        """What the server says of an error, in the places where servers say it."""
        body = parsed(self.content) if self.is_json else None
        if isinstance(body, dict):
            for name in ("detail", "message", "error_description", "error", "title", "errors"):
                found = body.get(name)
                found = found.get("message", found) if isinstance(found, dict) else found
                if found:
                    return _brief(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))
        if self.media_type.startswith("text/plain"):
            return _brief(self.content.decode(errors="replace"))
        return ""


def parsed(content: bytes) -> Value:
    """The JSON of a body; None where it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def value_of(reply: Reply, route: str, form: Form, path: str | None) -> Value:
    """The result of a good reply; `path` is the part of its JSON that it is. Raises AgentError."""
    if form == "text" and not reply.is_json:
        return _decoded(reply, route)
    if not reply.content.strip():
        return None
    try:
        value = json.loads(reply.content)
    except (ValueError, RecursionError) as problem:
        raise _not_json(reply, route, problem) from None
    for name in path.split(".") if path else ():
        value = _inside(value, name, route, path or "")
    return value


def _decoded(reply: Reply, route: str) -> str:
    charset = reply.headers.get("content-type", "").partition("charset=")[2].partition(";")[0].strip(" \"'")
    try:
        return reply.content.decode(charset or "utf-8")
    except (LookupError, UnicodeDecodeError):
        shown = charset or "UTF-8"
        raise bad_output(
            f"{route}: the reply is not text in {shown}", "declare the result as `file`"
        ) from None


def _not_json(reply: Reply, route: str, problem: Exception) -> AgentError:
    kind = reply.media_type or "something without a type"
    start = _brief(reply.content[:200].decode(errors="replace"))[:60]
    reason = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
    what = "is broken JSON" if reply.is_json else f"is {kind}, and no JSON"
    return bad_output(f"{route}: the reply {what} ({reason}): {start!r}")


def _inside(value: Value, name: str, route: str, path: str) -> Value:
    if isinstance(value, dict) and name in value:
        return value[name]
    if isinstance(value, list) and name.isascii() and name.isdigit() and int(name[:9]) < len(value):
        return value[int(name[:9])]
    message = f"{route}: the reply has no `{path}`: there is no `{name}` in it"
    raise bad_output(message, "see `result` of its binding", path)


def error_of(
    reply: Reply, route: str, errors: Mapping[str, str], known: Mapping[str, tuple[str, ...]], now: float
) -> AgentError:
    """The error that a status means: the declared one, where `errors` names one that the agent may raise."""
    said = f"{route}: {reply.said}"
    name = errors.get(str(reply.status))
    if name in known:
        return AgentError(str(name), said, fields=_fields(reply, known[str(name)], now))
    if reply.status in (408, 429) or reply.status >= 500:
        seconds = retry_after(reply, now)
        wait = "" if seconds is None else f"; it asks to try again in {_shown(seconds)}"
        return unavailable(said + wait)
    if reply.status in (401, 403):
        return failed(f"{said}; is the secret right that `auth` gives it in flow.toml?")
    return failed(said)


def _fields(reply: Reply, names: tuple[str, ...], now: float) -> dict[str, Value]:
    """The fields of a declared error: those of the body or of the error in it, and what every reply tells."""
    body = parsed(reply.content)
    whole = body if isinstance(body, dict) else {}
    inner = next((part for key in ("error", "detail") if isinstance(part := whole.get(key), dict)), {})
    given = {**inner, **whole}
    fields: dict[str, Value] = {"status": reply.status, "message": reply.said}
    fields |= {field_name(name): value for name, value in given.items()} | given
    seconds = retry_after(reply, now)
    if seconds is None and type(fields.get("retry_after")) in (int, float):
        seconds = min(max(fields["retry_after"], 0), 1e9)
    if seconds is not None:
        fields["retry_after"] = _shown(seconds)
    return {name: fields[name] for name in names if name in fields}


def retry_after(reply: Reply, now: float) -> float | None:
    """How many seconds a server asks to wait (RFC 9110, 10.2.3); `now` in seconds since 1970."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def _shown(seconds: float) -> str:
    return format_duration(round(seconds * 1_000) * 1_000)


def _brief(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= MAX_SAID else words[: MAX_SAID - 1] + "…"
