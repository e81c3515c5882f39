"""A connection to an HTTP service: its client, and what each of its agents has to do with a call."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias, cast
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import attrs
import trio

from flowlang.agents.file import File
from flowlang.agents.fitting import check_fits
from flowlang.agents.http import known_offers, operation_of
from flowlang.agents.http.addresses import Allowed
from flowlang.agents.http.operations import Operation
from flowlang.agents.http.replies import Form, Reply, error_of, retry_after, value_of
from flowlang.agents.http.requests import REPEATABLE, Pairs, Request
from flowlang.agents.http.sending import Credentials, Limits, Sender, open_client, origin_of
from flowlang.agents.http.settings import Auth, HttpEntry, HttpSettings
from flowlang.agents.http.templates import written
from flowlang.agents.http_route import route_of
from flowlang.agents.http_signatures import is_url
from flowlang.agents.kept import finder, keep_all
from flowlang.agents.offered_types import signature_of
from flowlang.agents.offers import Offered
from flowlang.agents.openapi import offers_of
from flowlang.agents.openapi_text import MAX_DOCUMENT_BYTES, NoDocument, line_of, read_text
from flowlang.agents.providers import Member, Target
from flowlang.agents.python_values import FindFile
from flowlang.agents.secrets import Secrets
from flowlang.plan import model as plan
from flowlang.runtime.agent_errors import failed
from flowlang.runtime.agents import AgentCall, Said
from flowlang.semantics import types
from flowlang.values.codec import reader_of
from flowlang.values.value import Value, weight

MAX_WAITS: Final = 3  # times that a call waits because a server asks for it

MAX_OFFER: Final = 8 << 20  # bytes of one operation's JSON in flow.lock

MakeRequest: TypeAlias = Callable[[Mapping[str, Value], FindFile, tuple[str, str] | None], Request]


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[HttpConnection]:
    """A connection to a target; nothing is sent yet. Raises NoSecret, AgentError."""
    settings = cast(HttpSettings, target.settings)
    limits = Limits(
        settings.max_response_bytes, settings.max_file_bytes, settings.redirects, settings.timeout
    )
    allowed = _allowed(settings, target)
    credentials = _credentials(settings, target)
    ca = None if settings.ca is None else target.folder / settings.ca
    proxy = settings.proxy and target.secrets.fill(settings.proxy)
    async with open_client(allowed, limits, ca=ca, proxy=proxy) as client:
        yield HttpConnection(target, settings, Sender(client, credentials, allowed, limits))


def _allowed(settings: HttpSettings, target: Target) -> Allowed:
    """Which hosts may lie at private addresses: those that the project itself names, if nothing is set."""
    if settings.private_addresses is not None:
        return lambda host: settings.private_addresses == "allow"
    named = [settings.base, settings.openapi]
    if not is_url(settings.openapi or ""):
        named += _servers(target)
    names = {urlsplit(url).hostname for url in named if url is not None}
    return lambda host: host.lower() in names


def _servers(target: Target) -> list[str]:
    """Where its document says that the service is; the first one is the service itself."""
    routes = [route_of(offered) for offered in known_offers(target)]
    return list(
        dict.fromkeys(route.server for route in routes if route is not None and route.server is not None)
    )


def service_of(settings: HttpSettings, target: Target) -> str | None:
    """The URL of the service itself, if that is known."""
    named = (settings.base, *_servers(target), settings.openapi)
    return next((url for url in named if url is not None and is_url(url)), None)


def _credentials(settings: HttpSettings, target: Target) -> Credentials:
    """Who calls; only the service itself hears of it."""
    own = service_of(settings, target)
    fill = target.secrets.fill
    headers = [(name, fill(value)) for name, value in settings.headers.items()]
    query: Pairs = ()
    match settings.auth:
        case Auth(bearer=str(token)):
            headers.append(("Authorization", f"Bearer {fill(token)}"))
        case Auth(basic=(user, password)):
            pair = b64encode(f"{fill(user)}:{fill(password)}".encode()).decode()
            headers.append(("Authorization", f"Basic {pair}"))
        case Auth(header=str(name), value=str(value)):
            headers.append((name, fill(value)))
        case Auth(query=str(name), value=str(value)):
            query = ((name, fill(value)),)
    return Credentials(None if own is None else origin_of(own), tuple(headers), query)


@attrs.frozen(eq=False)
class _Way:
    """What a member does with a call: how its request is made, what its reply is read as, and what it is
    then in a flow."""

    request: MakeRequest
    form: Form
    heard: Callable[[Value, list[File]], Value]
    result: str | None
    errors: Mapping[str, str]
    key_header: str | None


@attrs.define(eq=False)
class HttpConnection:
    """See `Connection`. The way of a member is known for as long as some run has that member."""

    target: Target
    settings: HttpSettings
    sender: Sender
    ways: WeakKeyDictionary[Member, _Way] = attrs.field(factory=WeakKeyDictionary)

    async def offers(self) -> tuple[Offered, ...]:
        document = self.settings.openapi
        if document is not None and is_url(document):
            return await self._fetched(document)
        service = service_of(self.settings, self.target)
        if service is not None:
            await self.sender.knock(service)
        return known_offers(self.target)

    async def _fetched(self, url: str) -> tuple[Offered, ...]:
        """What the document behind a URL offers."""
        most = attrs.evolve(
            self.sender.limits, reply=MAX_DOCUMENT_BYTES, help="no document is read that is larger"
        )
        sender = attrs.evolve(self.sender, limits=most)
        reply = await sender.send(Request("GET", url, f"GET {url}"), None)
        if reply.status != 200:
            raise error_of(reply, f"GET {url}", {}, {}, time.time())
        text = ""
        try:
            document, text = read_text(reply.content)
            return _checked(offers_of(document, url))
        except NoDocument as problem:
            line = problem.line or line_of(text, problem.path)
            place = f"{url}:{line}" if line else url
            help = f"; {problem.help}" if problem.help else ""
            raise failed(f"{place}: {problem.message}{help}") from None

    async def call(self, member: Member, call: AgentCall) -> Value:
        way = self.ways.get(member)
        if way is None:
            way = self.ways[member] = _way_of(self.target, self.settings, member)
        key = (way.key_header, call.idempotency_key) if way.key_header and call.idempotency_key else None
        request = way.request(call.arguments, finder(call), key)
        with _folder(way.form) as folder:
            reply = await self._answered(request, way, member, call, folder)
            if reply.file is not None:
                await keep_all([reply.file], call)
                return reply.file.reference()
        files: list[File] = []
        value = way.heard(value_of(reply, request.route, way.form, way.result), files)
        await keep_all(files, call)
        return value

    async def _answered(
        self, request: Request, way: _Way, member: Member, call: AgentCall, folder: str | None
    ) -> Reply:
        """A good reply. Where a server asks for patience, and has it in reason, it is given."""
        end = trio.current_time() + (float("inf") if call.timeout is None else call.timeout / 1_000_000)
        for waits in range(MAX_WAITS + 1):
            reply = await self.sender.send(request, folder)
            if reply.status < 300:
                return reply
            wait = self._patience(reply, request, way, waits)
            if wait is None or trio.current_time() + wait >= end:
                break
            if call.tell is not None:
                call.tell(Said(f"{request.route}: {reply.said}; trying again in {wait:g}s", "warning"))
            await trio.sleep(wait)
        raise error_of(reply, request.route, way.errors, member.errors, time.time())

    def _patience(self, reply: Reply, request: Request, way: _Way, waits: int) -> float | None:
        """How long to wait before the same request is sent again, in seconds; None: not at all. What a flow
        hears of by a name, it handles itself."""
        if str(reply.status) in way.errors or waits == MAX_WAITS:
            return None
        harmless = reply.status == 429 or (reply.status == 503 and request.method in REPEATABLE)
        wait = retry_after(reply, time.time()) if harmless else None
        return wait if wait is not None and wait <= self.settings.patience else None


def _checked(offers: tuple[Offered, ...]) -> tuple[Offered, ...]:
    """The offers, if each can be written down: what is shared in YAML is many times as long in JSON.
    Raises NoDocument."""
    for offered in offers:
        if weight(offered.to_json(), MAX_OFFER) > MAX_OFFER:
            raise NoDocument(f"`{offered.name}` takes more than {MAX_OFFER >> 20} MiB to describe")
    return offers


def _way_of(target: Target, settings: HttpSettings, member: Member) -> _Way:
    if member.entry is not None and " " in member.name:
        return _by_hand(target.secrets, settings, member, cast(HttpEntry, member.entry))
    return _by_document(target, settings, member)


def _by_hand(secrets: Secrets, settings: HttpSettings, member: Member, entry: HttpEntry) -> _Way:
    made = written(member, entry, settings.base)
    repeatable = made.method in REPEATABLE or not settings.idempotency_header
    return _Way(
        lambda given, find, key: made.request(given, find, key, secrets),
        _form_of(member.agent.result),
        lambda value, files: value,
        entry.result,
        {**settings.errors, **entry.errors},
        None if repeatable else settings.idempotency_header,
    )


def _form_of(type: plan.Type) -> Form:
    """How a reply is read for a result of a type of the plan."""
    match type:
        case plan.OptionalType(inner=inner):
            return _form_of(inner)
        case plan.ScalarType(kind="file"):
            return "file"
        case plan.ScalarType(kind="string") | plan.EnumType():
            return "text"
    return "json"


def _by_document(target: Target, settings: HttpSettings, member: Member) -> _Way:
    offered = operation_of(target, member)
    route, signature = route_of(offered), signature_of(offered)
    base = settings.base or (route.server if route is not None else None)
    if route is None or base is None:
        raise failed(f"how `{member.name}` is called is not known; run `flow lock --update`")
    operation = Operation(route, signature, base.rstrip("/"))
    entry = cast("HttpEntry | None", member.entry)
    own = None if route.method in REPEATABLE else settings.idempotency_header
    result = types.present(signature.result.type)
    form: Form = "file" if offered.file else "text" if types.is_text(result) else "json"
    read = None if member.offered is None else reader_of(member.agent.result)
    wrong = f"{route.method} {route.path}: the reply is not what the document of the service says"
    help = _what_to_do(settings)

    def heard(value: Value, files: list[File]) -> Value:
        reply = signature.reply(value, _kept_in(files), settings.offset)
        if read is not None:
            check_fits(reply, read, wrong, help)
        return reply

    return _Way(
        operation.request,
        form,
        heard,
        None if entry is None else entry.result,
        settings.errors if entry is None else {**settings.errors, **entry.errors},
        route.key_header or own or None,
    )


def _what_to_do(settings: HttpSettings) -> str:
    """What to do where a service does not keep to its document."""
    if is_url(settings.openapi or ""):
        return "`flow lock --check` shows whether that has changed since it was locked"
    return f"correct {settings.openapi or 'it'}, or the service"


def _kept_in(files: list[File]) -> Callable[[str, str], Value]:
    """What makes a file of a text in base64; one that is none stays, and is then no file."""

    def read(text: str, media_type: str) -> Value:
        try:
            file = File.from_bytes(b64decode(text, validate=True), media_type)
        except (NotBase64, ValueError):
            return text
        files.append(file)
        return file.reference()

    return read


def _folder(form: Form) -> AbstractContextManager[str | None]:
    """Where a file lies until it is kept."""
    return TemporaryDirectory(prefix="flow-") if form == "file" else nullcontext()
