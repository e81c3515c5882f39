"""What goes wrong on the way to a server and back, in words that say what to do."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import httpx

from flowlang.agents.http.addresses import PrivateAddress
from flowlang.agents.http.requests import REPEATABLE
from flowlang.runtime.agent_errors import bad_output, failed, unavailable
from flowlang.runtime.agents import AgentError

MAX_CAUSES: Final = 10


@contextmanager
def told(route: str, url: str, method: str) -> Iterator[None]:
    """What httpx raises inside, as the errors that a flow knows."""
    try:
        yield
    except httpx.HTTPError as problem:
        raise unanswered(problem, f"{route}: {urlsplit(url).netloc.rpartition('@')[2]}", method) from None
    except (httpx.InvalidURL, ValueError) as problem:
        raise failed(f"{route}: `{place(url)}` cannot be called: {problem}") from None


def place(url: str) -> str:
    """A URL without what may be secret in it."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"[
            :200
        ]
    except ValueError:
        return "what it was given"


def unanswered(problem: httpx.HTTPError, host: str, method: str) -> AgentError:
    """The error for a request to a host that got no reply; the name of the host begins the message."""
    for cause in _causes(problem):
        match cause:
            case PrivateAddress():
                help = 'name it in flow.toml, or set `private_addresses = "allow"`, if you trust who chose it'
                return failed(f"{host} is not called: {cause}; {help}")
            case ssl.SSLCertVerificationError(verify_message=why):
                help = "name its authority with `ca`, or correct the address"
                return failed(f"{host} shows a certificate that is not trusted: {why}; {help}")
            case ssl.SSLError(reason=why):
                return unavailable(f"{host} does not speak TLS as it should: {why}; is it `http://`?")
            case socket.gaierror():
                return unavailable(f"{host} is not known ({cause.strerror}): is the name right?")
    return _by_kind(problem, host, method)


def _by_kind(problem: httpx.HTTPError, host: str, method: str) -> AgentError:
    doubt = "" if method in REPEATABLE else "; it may have been carried out all the same"
    match problem:
        case httpx.ConnectTimeout():
            return unavailable(f"{host} does not answer: no connection in time")
        case httpx.ConnectError():
            return unavailable(f"{host} cannot be reached ({_words(problem)}): is it running there?")
        case httpx.ProxyError():
            return unavailable(f"{host} cannot be reached through the proxy: {_words(problem)}")
        case httpx.TimeoutException():
            return unavailable(f"{host} was silent for longer than `timeout`{doubt}")
        case httpx.DecodingError():
            return bad_output(f"{host} sent a reply that cannot be unpacked: {_words(problem)}")
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol():
            return failed(f"{host} cannot be sent this: {_words(problem)}")
    return unavailable(f"{host} broke off before its reply was complete: {_words(problem)}{doubt}")


def _words(problem: BaseException) -> str:
    """What the system says, else the exception or the one that it came from."""
    for cause in _causes(problem):
        if isinstance(cause, OSError) and cause.errno is not None:
            return os.strerror(cause.errno)
    return next((text for each in _causes(problem) if (text := str(each))), type(problem).__name__).rstrip(
        "."
    )


def _causes(problem: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = problem
    for _ in range(MAX_CAUSES):
        if at is None:
            return
        yield at
        first = at.exceptions[0] if isinstance(at, BaseExceptionGroup) else None
        at = first or at.__cause__ or at.__context__
