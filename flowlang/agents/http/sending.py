"""Requests over the wire: one client for each target, redirects, limits, and what can go wrong, in words.

Nothing but the settings decides: no variable of the environment, no `.netrc`, no cookie that a server sets.
A secret goes to the host that it is for, and never follows a redirect to another."""

from __future__ import annotations

import mimetypes
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, assert_never
from urllib.parse import urlencode, urljoin, urlsplit

import attrs
import httpcore
import httpx
import trio

from flowlang.agents.file import PIECE, UNKNOWN_TYPE, File
from flowlang.agents.http.addresses import Allowed, CheckedBackend, PrivateAddress, is_private
from flowlang.agents.http.problems import place, told
from flowlang.agents.http.replies import Reply
from flowlang.agents.http.requests import (
    SAFE,
    Body,
    ContentBody,
    FormBody,
    JsonBody,
    MultipartBody,
    Pairs,
    Request,
)
from flowlang.runtime.agent_errors import bad_output, failed
from flowlang.runtime.agents import AgentError
from flowlang.values.codec import write_json

CONNECTING: Final = 10.0  # seconds
IDLE: Final = 4.0  # seconds that a connection is kept without a request: many servers close it after 5
MAX_REDIRECTS: Final = 5
MAX_CONNECTIONS: Final = 100
MAX_ERROR_BYTES: Final = 64 * 1024  # of a reply that says what went wrong
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

Origin: TypeAlias = tuple[str, str, int | None]


@attrs.frozen
class Credentials:
    """What tells a server who calls, and the only place that may hear of it."""

    origin: Origin | None = None
    headers: Pairs = attrs.field(default=(), repr=False)
    query: Pairs = attrs.field(default=(), repr=False)


@attrs.frozen
class Limits:
    """See `HttpSettings`. `reply` and `file` in bytes; `help` is what to do about a larger reply."""

    reply: int
    file: int
    redirects: str
    timeout: float | None
    help: str = "`max_response_bytes` of its target is the limit, and a `file` may be larger"


class Transport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool whose connections are looked at before they are made."""

    def __init__(self, context: ssl.SSLContext, allowed: Allowed) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=IDLE,
            network_backend=CheckedBackend(allowed),
        )


@asynccontextmanager
async def open_client(
    allowed: Allowed, limits: Limits, *, ca: Path | None, proxy: str | None
) -> AsyncIterator[httpx.AsyncClient]:
    """The client of a target. Behind a proxy it is that which connects, and which decides where to."""
    timeout = httpx.Timeout(limits.timeout, connect=CONNECTING, pool=None)
    context = trusting(ca)
    transport = Transport(context, allowed) if proxy is None else None
    async with httpx.AsyncClient(
        transport=transport,
        proxy=None if proxy in (None, "environment") else proxy,
        trust_env=proxy == "environment",
        verify=context,
        timeout=timeout,
        headers={"User-Agent": "flowlang"},
    ) as client:
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield client


def trusting(ca: Path | None) -> ssl.SSLContext:
    """Whom everybody trusts, and the authorities of a file in PEM. Raises AgentError."""
    context = httpx.create_ssl_context(trust_env=False)
    if ca is None:
        return context
    try:
        context.load_verify_locations(ca)
        return context
    except (OSError, ssl.SSLError) as problem:
        raise failed(f"`ca` cannot be read, {ca.name}: {problem}") from None


@attrs.frozen(eq=False)
class Sender:
    """Sends the requests of a target."""

    client: httpx.AsyncClient
    credentials: Credentials
    allowed: Allowed
    limits: Limits

    async def send(self, request: Request, folder: str | None) -> Reply:
        """The answer to a request, redirects followed; with a folder a good one is a file there.
        Raises AgentError."""
        url, method = request.url, request.method
        for _ in range(MAX_REDIRECTS + 1):
            with told(request.route, url, method):
                reply = await self._sent(request, method, url, folder)
                if reply.status not in REDIRECTS or "location" not in reply.headers:
                    return reply
                url = self._redirected(request, url, reply)
            method = "GET" if reply.status == 303 or (reply.status < 303 and method == "POST") else method
        raise failed(f"{request.route}: it redirects more than {MAX_REDIRECTS} times, last to {place(url)}")

    async def knock(self, url: str) -> None:
        """See whether anybody answers there, whatever they say. Raises AgentError."""
        request = Request("HEAD", url, f"HEAD {url}")
        with told(request.route, url, "HEAD"):
            await self._sent(request, "HEAD", url, None)

    async def _sent(self, request: Request, method: str, url: str, folder: str | None) -> Reply:
        self._check_host(url, request)
        ours = self.credentials.origin is not None and origin_of(url) == self.credentials.origin
        secret = self.credentials if ours else Credentials()
        first = url == request.url
        query = (*(request.query if first else ()), *secret.query)
        own = request.headers if first or ours else ()
        with ExitStack() as stack:
            body = request.body if method == request.method else None
            content = _content(body, stack)
            headers = _without_twice([*secret.headers, *_described(body), *own])
            sending = self.client.build_request(method, _with_query(url, query), headers=headers, **content)
            response = await self.client.send(sending, stream=True)
            try:
                return await self._read(response, request, folder)
            finally:
                if not response.is_closed:
                    with trio.CancelScope(shield=True):
                        await response.aclose()

    def _check_host(self, url: str, request: Request) -> None:
        """Refuse what no connection should be tried to; a proxy would not tell."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or " " in parts.netloc:
            raise failed(f"{request.route}: `{place(url)}` is no address of the web")
        if parts.username is not None:
            raise failed(f"{request.route}: an address with a user or a password in it is not called")
        try:
            private = is_private(parts.hostname)
        except ValueError:
            return
        if private and not self.allowed(parts.hostname):
            raise PrivateAddress(f"it lies at the private address {parts.hostname}")

    def _redirected(self, request: Request, url: str, reply: Reply) -> str:
        """Where a redirect leads, if it may be followed. Raises AgentError."""
        wanted = urljoin(url, reply.headers["location"])
        policy = self.limits.redirects
        other = urlsplit(wanted).hostname != urlsplit(url).hostname
        downgraded = urlsplit(url).scheme == "https" and urlsplit(wanted).scheme != "https"
        said = f"{request.route}: {reply.status} redirects to {place(wanted)}"
        if policy == "never" or (other and policy != "any"):
            help = 'name that address, or set `redirects = "any"`' if other else "`redirects` forbids it"
            raise failed(f"{said}; {help}")
        if downgraded:
            raise failed(f"{said}, which is not encrypted any longer")
        if other and request.method not in SAFE:
            raise failed(f"{said}; what is sent is not sent on to another host")
        return wanted

    async def _read(self, response: httpx.Response, request: Request, folder: str | None) -> Reply:
        good = response.is_success
        headers = {name.lower(): value for name, value in response.headers.items()}
        if folder is not None and good:
            return await self._file(response, request, headers, folder)
        most = self.limits.reply if good else MAX_ERROR_BYTES
        pieces: list[bytes] = []
        size = 0
        async for piece in response.aiter_bytes():
            size += len(piece)
            pieces.append(piece)
            if size > most:
                break
        if size > most and good:
            raise _too_large(request, most, self.limits.help)
        return Reply(response.status_code, headers, b"".join(pieces)[:most])

    async def _file(
        self, response: httpx.Response, request: Request, headers: dict[str, str], folder: str
    ) -> Reply:
        """The body of a reply, written to the disk piece by piece."""
        size = 0
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as written:
            async for piece in response.aiter_bytes():
                size += len(piece)
                if size > self.limits.file:
                    help = "`max_file_bytes` of its target is the limit"
                    raise _too_large(request, self.limits.file, help)
                written.write(piece)
        media_type = headers.get("content-type", "").partition(";")[0].strip() or UNKNOWN_TYPE
        return Reply(response.status_code, headers, file=File.from_path(written.name, media_type))


def origin_of(url: str) -> Origin:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", parts.port or usual


def _with_query(url: str, query: Pairs) -> str:
    if not query:
        return url
    address, mark, fragment = url.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}{mark}{fragment}"


def _content(body: Body | None, stack: ExitStack) -> dict[str, Any]:
    """A body in httpx's words, which are read once; files are open until the stack is left."""
    match body:
        case None:
            return {}
        case JsonBody(value):
            return {"content": write_json(value).encode()}
        case FormBody(fields):
            return {"content": urlencode(fields).encode()}
        case ContentBody(content):
            if isinstance(content, str):
                return {"content": content.encode()}
            return {"content": _pieces(stack.enter_context(content.path.open("rb")))}
        case MultipartBody(fields, files):
            parts = [(name, (None, text.encode())) for name, text in fields]
            contents = [(name, _part(name, file, stack)) for name, file in files]
            return {"files": [*parts, *contents]}
    assert_never(body)


def _part(name: str, file: File, stack: ExitStack) -> tuple[str, BinaryIO, str]:
    ending = mimetypes.guess_extension(file.media_type) or ""
    return f"{name}{ending}", stack.enter_context(file.path.open("rb")), file.media_type


async def _pieces(opened: BinaryIO) -> AsyncIterator[bytes]:
    while piece := opened.read(PIECE):
        yield piece


def _described(body: Body | None) -> Pairs:
    """The headers that say what a body is."""
    match body:
        case JsonBody(media_type=media_type) | ContentBody(str(), media_type):
            return (("Content-Type", media_type),)
        case ContentBody(File(size=size), media_type):
            return (("Content-Type", media_type), ("Content-Length", str(size)))
        case FormBody():
            return (("Content-Type", "application/x-www-form-urlencoded"),)
    return ()


def _without_twice(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Each header once, as it was said last, in UTF-8."""
    return [*{name.lower(): (name.encode(), value.encode()) for name, value in headers}.values()]


def _too_large(request: Request, most: int, help: str) -> AgentError:
    return bad_output(f"{request.route}: the reply is larger than {most:,} bytes", help)
