"""The protocol: what a chat endpoint sends, whole or as a stream of events, -> what it said.

Nothing is believed of it. Endpoints differ in what they leave out, so a part that is not there is nothing,
but a part of the wrong form is `Malformed`, and an error inside a reply is `Reported`. Events are read as the
HTML standard has it (server-sent events): lines that end anyhow, `data:` lines joined, comments left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from flowlang.values.value import Value

MOST_TOKENS: Final = 1 << 53
LONGEST_SHOWN: Final = 300

_LINE_END: Final = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a \r at the end may be half of one
_DONE: Final = b"[DONE]"


class Malformed(Exception):
    """What was sent is not of the protocol, in words."""


class Reported(Exception):
    """The endpoint reports an error, in its words."""


class BrokenOff(Exception):
    """A stream that ended before its reply did, in words."""


@attrs.frozen
class Answer:
    """A whole reply. `finish` is why it ended, in the endpoint's words. `used` counts tokens by our names."""

    text: str
    finish: str | None
    refusal: str | None
    used: Mapping[str, int]


def read_reply(content: bytes) -> Answer:
    """What a reply says that was sent as a whole. Raises Malformed, Reported."""
    reply = _object(content)
    choice = _first_choice(reply)
    if choice is None:
        raise Malformed("it holds no choice")
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Malformed("its choice holds no message")
    refusal = _text(message.get("refusal")) or None
    return Answer(_text(message.get("content")), _finish(choice), refusal, _used(reply) or {})


@attrs.define
class Stream:
    """A reply that comes in pieces. `pieces` counts those that held something, about as many as tokens."""

    pieces: int = 0
    _rest: list[bytes] = attrs.field(factory=list)  # of a line that has not ended
    _data: list[bytes] = attrs.field(factory=list)
    _texts: list[str] = attrs.field(factory=list)
    _refusals: list[str] = attrs.field(factory=list)
    _finish: str | None = None
    _used: Mapping[str, int] = attrs.field(factory=dict)
    _choices: int = 0
    done: bool = False

    def add(self, content: bytes) -> None:
        """Hear what has come. Raises Malformed, Reported."""
        self._rest.append(content)
        if b"\n" in content or b"\r" in content:
            *lines, rest = _LINE_END.split(b"".join(self._rest))
            self._rest = [rest]
            for line in lines:
                self._line(line)

    def said(self) -> Answer:
        """What was said, once the stream has ended. Raises Malformed, Reported, BrokenOff."""
        self.add(b"\n\n")
        if not (self.done or self._finish):
            raise BrokenOff(f"the stream broke off after {self.pieces:,} pieces")
        if not self._choices:
            raise Malformed("it holds no choice")
        refusal = "".join(self._refusals) or None
        return Answer("".join(self._texts), self._finish, refusal, self._used)

    def _line(self, line: bytes) -> None:
        if line:
            field, _, value = line.partition(b":")
            if field == b"data":
                self._data.append(value.removeprefix(b" "))
        elif self._data:
            event, self._data = b"\n".join(self._data), []
            self._event(event)

    def _event(self, event: bytes) -> None:
        if self.done or event.strip() == _DONE:
            self.done = True
            return
        chunk = _object(event)
        self._used = _used(chunk) or self._used
        choice = _first_choice(chunk)
        if choice is None:
            return
        self._choices += 1
        self._finish = _finish(choice) or self._finish
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict):
            raise Malformed("the delta of a choice is no object")
        self._texts.append(_text(delta.get("content")))
        self._refusals.append(_text(delta.get("refusal")))
        self.pieces += any(delta.get(part) for part in ("content", "refusal", "reasoning_content"))


def error_text(content: bytes) -> str:
    """What the body of an error says, on one line, whatever it is."""
    text = content.decode(errors="replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return _one_line(text)
    return _one_line(_message(found) or text)


def _object(content: bytes) -> dict[str, Value]:
    try:
        found = json.loads(content)
    except UnicodeDecodeError:
        raise Malformed("it is not UTF-8") from None
    except (ValueError, RecursionError) as problem:
        reason = "it nests too deeply" if isinstance(problem, RecursionError) else str(problem)
        shown = _one_line(content[:LONGEST_SHOWN].decode(errors="replace"))[:60]
        raise Malformed(f"it is not JSON ({reason}): {shown!r}") from None
    if not isinstance(found, dict):
        raise Malformed("it is no JSON object")
    if found.get("error"):
        raise Reported(_one_line(_message(found) or json.dumps(found["error"])))
    return found


def _message(found: Value) -> str:
    """The message of an error in one of the forms that endpoints have for it."""
    for _ in range(3):
        if isinstance(found, str):
            return found
        if not isinstance(found, dict):
            return ""
        found = next((found[key] for key in ("error", "message", "detail") if found.get(key)), "")
    return found if isinstance(found, str) else ""


def _first_choice(reply: Mapping[str, Value]) -> dict[str, Value] | None:
    choices = reply.get("choices")
    if choices is None or choices == []:
        return None
    if not (isinstance(choices, list) and isinstance(choices[0], dict)):
        raise Malformed("its choices are no list of objects")
    return choices[0]


def _finish(choice: Mapping[str, Value]) -> str | None:
    finish = choice.get("finish_reason")
    return finish if isinstance(finish, str) else None


def _text(content: Value) -> str:
    """Text, whole or in parts."""
    return "".join(_texts(content))


def _texts(content: Value) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
    elif content is not None:
        raise Malformed("the content of its message is no text")


def _used(reply: Mapping[str, Value]) -> dict[str, int] | None:
    usage = reply.get("usage")
    if not isinstance(usage, dict):
        return None
    names = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
    counted = {ours: usage.get(theirs) for theirs, ours in names.items()}
    return {name: n for name, n in counted.items() if type(n) is int and 0 <= n < MOST_TOKENS}


def _one_line(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"
