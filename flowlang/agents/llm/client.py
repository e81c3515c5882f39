"""Requests to a chat endpoint: one question, one reply, within a time and a size.

Whatever the endpoint does ends in what it said, or in an `AgentError` that says what to do: `Unavailable`
where another attempt may help, `AgentFailed` where the endpoint refused, `BadOutput` where what it sent is no
reply. `NotTaken` is a request that it did not like, which somebody may put in another way. Where it asks for
patience (`Retry-After`) and there is time, the request waits and is made again. Redirects are not followed,
since the key would go with them; nothing is taken compressed, so that a size means what it says."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Final, cast

import attrs
import httpx
import trio

from flowlang.agents.llm import LlmSettings
from flowlang.agents.llm.wire import Answer, BrokenOff, Malformed, Reported, Stream, error_text, read_reply
from flowlang.agents.providers import Target
from flowlang.agents.secrets import Secrets
from flowlang.runtime.agent_errors import bad_output, failed, unavailable
from flowlang.runtime.agents import AgentError
from flowlang.values.value import Value

CONNECT_SECONDS: Final = 10.0
LONGEST_WAIT: Final = 60.0  # seconds that an endpoint may ask for, and is given
LONGEST_ASKED: Final = 1e6  # and that are told of
MOST_WAITS: Final = 5
LARGEST_ERROR: Final = 64 * 1024  # bytes of an error's body that are read
LINGERING_SECONDS: Final = 0.5  # for a stream that is done to end, so that its connection can be used again

NOT_TAKEN: Final = frozenset({400, 404, 422, 500, 501})
BUSY: Final = frozenset({429, 503, 529})


class NotTaken(Exception):
    """A request that the endpoint did not take: its status, and what it says."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    @property
    def told(self) -> str:
        return f"the endpoint does not take the request (HTTP {self.status}: {self.message})"


class Busy(Exception):
    """The endpoint asks for patience: for `seconds`, where it says so."""

    def __init__(self, status: int, message: str, seconds: float | None) -> None:
        super().__init__(message)
        self.status, self.message, self.seconds = status, message, seconds


@asynccontextmanager
async def open_client(target: Target) -> AsyncIterator[Client]:
    """A client with connections of its own. Raises AgentError, NoSecret."""
    settings = cast(LlmSettings, target.settings)
    base, headers = _filled(settings, target.secrets)
    _check_headers(headers)
    async with httpx.AsyncClient(
        headers={**headers, "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
    ) as http:
        yield Client(http, base, settings, settings.key is not None)


@attrs.frozen(eq=False)
class Client:
    http: httpx.AsyncClient
    base: str
    settings: LlmSettings
    has_key: bool

    async def ask(self, body: Mapping[str, Value], on_piece: Callable[[int], None], until: float) -> Answer:
        """The reply to a request. `on_piece` hears how many pieces have come, `until` is when nobody waits
        for it any longer, in trio's seconds. Raises AgentError, NotTaken, Busy."""
        content = json.dumps(body, separators=(",", ":")).encode()
        for _ in range(MOST_WAITS):
            try:
                return await self._asked(content, on_piece)
            except Busy as busy:
                if busy.seconds is None or busy.seconds > min(LONGEST_WAIT, until - trio.current_time()):
                    raise
                await trio.sleep(busy.seconds)
        return await self._asked(content, on_piece)

    async def reach(self) -> None:
        """See whether the endpoint is there, and takes the key. Raises AgentError."""
        try:
            with trio.fail_after(self.settings.timeout):
                async with self.http.stream("GET", f"{self.base}/models") as response:
                    if response.status_code in (401, 403) or response.status_code >= 500:
                        raise self._refused(response.status_code, await _error_of(response))
        except (httpx.HTTPError, httpx.InvalidURL, trio.TooSlowError) as problem:
            raise self._lost(problem) from None

    async def _asked(self, content: bytes, on_piece: Callable[[int], None]) -> Answer:
        headers = {"Content-Type": "application/json"}
        try:
            with trio.fail_after(self.settings.timeout):
                request = self.http.stream(
                    "POST", f"{self.base}/chat/completions", content=content, headers=headers
                )
                async with request as response:
                    return await self._read(response, on_piece)
        except trio.TooSlowError:
            raise unavailable(f"no reply within {self.settings.timeout:g} s, its `timeout`") from None
        except BrokenOff as broken:
            raise unavailable(f"{broken}") from None
        except Reported as reported:
            raise failed(f"the endpoint reports an error: {reported}") from None
        except Malformed as malformed:
            raise bad_output(
                f"what came from {self.base} is no reply of a chat endpoint: {malformed}"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise self._lost(problem) from None

    async def _read(self, response: httpx.Response, on_piece: Callable[[int], None]) -> Answer:
        if response.status_code != 200:
            raise await self._problem(response)
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Malformed("it is compressed, which nobody asked for")
        kind = response.headers.get("content-type", "").partition(";")[0].strip()
        if kind == "text/event-stream" or (not kind and self.settings.stream):
            return await self._streamed(response, on_piece)
        pieces = [piece async for piece in self._bounded(response)]
        return read_reply(b"".join(pieces))

    async def _streamed(self, response: httpx.Response, on_piece: Callable[[int], None]) -> Answer:
        stream = Stream()
        async with aclosing(self._bounded(response)) as pieces:
            async for piece in pieces:
                stream.add(piece)
                on_piece(stream.pieces)
                if stream.done:
                    break
            with trio.move_on_after(LINGERING_SECONDS), suppress(httpx.HTTPError, AgentError):
                async for _ in pieces:
                    pass
        return stream.said()

    async def _bounded(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        received = 0
        async for piece in response.aiter_raw():
            received += len(piece)
            if received > self.settings.max_reply_bytes:
                limit = f"{self.settings.max_reply_bytes:,} bytes, its `max_reply_bytes`"
                raise bad_output(f"the reply is larger than {limit}")
            yield piece

    async def _problem(self, response: httpx.Response) -> Exception:
        """What a response that is no reply comes to."""
        status, text = response.status_code, await _error_of(response)
        if response.is_redirect:
            place = response.headers.get("location", "elsewhere")[:200]
            return failed(f"{self.base} redirects to {place}: write into `base` where the endpoint is")
        if status in BUSY:
            return Busy(status, text, _patience(response.headers))
        if status in NOT_TAKEN:
            return NotTaken(status, text)
        return self._refused(status, text)

    def refusal(self, problem: NotTaken) -> AgentError:
        """What a request comes to that was not taken, and that cannot be put in another way."""
        return self._refused(problem.status, problem.message)

    def _refused(self, status: int, text: str) -> AgentError:
        """A status that no other request would change, as an error that says what to do."""
        said = f"HTTP {status}{': ' if text else ''}{text}"
        if status in (401, 403):
            todo = "check the secret of its `key`" if self.has_key else "it wants a `key`"
            return failed(f"the endpoint does not let us in ({said}); {todo}")
        if status == 404:
            todo = f"check `base` ({self.base}) and `model` ({self.settings.model})"
            return failed(f"there is no such endpoint, or no such model ({said}); {todo}")
        if status in (408, 425) or status >= 500:
            return unavailable(f"the endpoint fails ({said})")
        return failed(f"the endpoint does not take the request ({said})")

    def _lost(self, problem: Exception) -> AgentError:
        reason = str(problem) or type(problem).__name__
        match problem:
            case httpx.ConnectError() | httpx.ConnectTimeout():
                return unavailable(
                    f"nobody answers at {self.base} ({reason}): is it running, is `base` right?"
                )
            case httpx.InvalidURL() | httpx.UnsupportedProtocol():
                return failed(f"`base` is no URL that can be asked: {reason}")
            case trio.TooSlowError():
                return unavailable(f"no reply within {self.settings.timeout:g} s, its `timeout`")
        return unavailable(f"the connection to {self.base} broke off: {reason}")


async def _error_of(response: httpx.Response) -> str:
    """What a response says that is no reply, as far as anybody wants to know."""
    received = b""
    async for piece in response.aiter_raw():
        received += piece
        if len(received) > LARGEST_ERROR:
            break
    return error_text(received[:LARGEST_ERROR])


def _filled(settings: LlmSettings, secrets: Secrets) -> tuple[str, dict[str, str]]:
    """The address and the headers with their secrets. Raises NoSecret."""
    headers = {name: secrets.fill(value) for name, value in settings.headers.items()}
    if settings.key is not None:
        headers["Authorization"] = f"Bearer {secrets.fill(settings.key).strip()}"
    return secrets.fill(settings.base), headers


def _check_headers(headers: Mapping[str, str]) -> None:
    """What a header cannot hold is told without showing it, since it may be a secret."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise failed(f"the header {name} holds a line break, or a letter that no header can hold")


def _patience(headers: httpx.Headers) -> float | None:
    """How many seconds an endpoint asks for; None where it does not say."""
    asked = headers.get("retry-after", "").strip()
    try:
        seconds = (
            float(asked) if asked[:1].isdigit() else parsedate_to_datetime(asked).timestamp() - time.time()
        )
    except (ValueError, OverflowError, TypeError):
        return None
    return min(max(seconds, 0.0), LONGEST_ASKED)
