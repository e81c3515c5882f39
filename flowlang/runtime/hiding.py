"""Secrets taken out of what is shown or kept: texts, and JSON with texts in it.

A secret may come back in another writing than its own, so those that agents use are looked for as well: as
it stands in JSON, in a URL, in Python's `repr`, and in base64. One that is shorter than `SHORTEST` is left
alone: to look for it would spoil ordinary text and hide nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias
from urllib.parse import quote, quote_plus

from flowlang.plan import model as plan
from flowlang.plan.secrets import secret_names
from flowlang.runtime.agents import AgentCall, AgentError, Said, Tell, Used
from flowlang.values.value import Value

HIDDEN: Final = "***"
SHORTEST: Final = 4


Answer: TypeAlias = Callable[[AgentCall], Awaitable[Value]]
LookedFor: TypeAlias = Callable[[], tuple[str, ...]]


async def hiding(answer: Answer, call: AgentCall, looked_for: LookedFor) -> Value:
    """The reply to a call without what `looked_for` gives, which is asked afterwards; as is its error, and
    what the agent says meanwhile. Raises AgentError."""
    try:
        reply = await answer(call._replace(tell=_telling(call.tell, looked_for)))
    except AgentError as error:
        raise without(error, looked_for()) from None
    return hidden_in(reply, looked_for())


def without(error: AgentError, looked_for: tuple[str, ...]) -> AgentError:
    """The same error, with nothing in it of what is looked for."""
    fields = {name: hidden_in(value, looked_for) for name, value in error.fields.items()}
    cause = None if error.cause is None else hidden_in_text(error.cause, looked_for)
    message = hidden_in_text(error.message, looked_for)
    return AgentError(error.error, message, fields=fields, cause=cause)


def _telling(tell: Tell | None, looked_for: LookedFor) -> Tell | None:
    if tell is None:
        return None

    def told(said: Said | Used) -> None:
        tell(said._replace(text=hidden_in_text(said.text, looked_for())) if isinstance(said, Said) else said)

    return told


def secrets_of(flow: plan.Flow, values: Mapping[str, Value]) -> tuple[str, ...]:
    """All writings of the secrets among the inputs of a flow."""
    texts = (text for name in secret_names(flow.parameters) for text in texts_of(values.get(name)))
    return writings(texts)


def writings(secrets: Iterable[str]) -> tuple[str, ...]:
    """All that is to be looked for, longest first, so that no part of one is left over."""
    long = [secret for secret in secrets if len(secret.strip()) >= SHORTEST]
    found = dict.fromkeys(text for secret in long for text in _writings(secret))
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def hidden_in_text(text: str, looked_for: Iterable[str]) -> str:
    """A text without any of what `writings` gave."""
    for writing in looked_for:
        if writing in text:
            text = text.replace(writing, HIDDEN)
    return text


def hidden_in(value: Value, looked_for: tuple[str, ...]) -> Value:
    """JSON whose texts, keys included, are without any of what `writings` gave."""
    if not looked_for:
        return value
    match value:
        case str():
            return hidden_in_text(value, looked_for)
        case list():
            return [hidden_in(item, looked_for) for item in value]
        case dict():
            return {hidden_in_text(k, looked_for): hidden_in(item, looked_for) for k, item in value.items()}
        case _:
            return value


def texts_of(value: Value) -> Iterator[str]:
    """The texts that a secret in its JSON form is made of, numbers among them."""
    match value:
        case None | bool():
            return
        case list():
            for item in value:
                yield from texts_of(item)
        case dict():
            for item in value.values():
                yield from texts_of(item)
        case _:
            yield str(value)


def _writings(secret: str) -> Iterator[str]:
    for text in dict.fromkeys((secret, secret.strip())):
        yield text
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield repr(text)[1:-1]
        yield quote(text, safe="")
        yield quote_plus(text)
        encoded = base64.b64encode(text.encode(errors="surrogateescape")).decode()
        yield encoded
        yield encoded.rstrip("=")
