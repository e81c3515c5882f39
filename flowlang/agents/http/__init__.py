"""HTTP: the operations of an OpenAPI document as agents, and agents bound to requests by hand.

    use http shop = "shop.openapi.json"          # every operation is an agent: shop.place_order(…)

    [http.shop]                                  # or by name, with settings, in flow.toml
    openapi = "shop.openapi.json"                # a path relative to flow.toml, or a URL (see `flow lock`)
    base = "https://shop.example.com/v1"         # where it is; else what the document says
    auth = { bearer = "{secrets.SHOP_TOKEN}" }   # or basic = [user, password], or value = … for a
                                                 # header = NAME or query = NAME
    headers = { X-Client = "flow" }
    errors = { 404 = "NotFound", 429 = "RateLimited" }    # status -> declared error

    [agents.item]                                # an agent that a flow declares
    http = "shop:GET /items/{id}"                # the target, and a request; or one of its operations
    query = { page = "{page}" }                  # what is null is left out, a list is repeated
    result = "data.items"                        # the part of the reply that is the result

    [agents.stock]
    target = "shop"                              # the same, with the target apart
    http = "GET {base}/stock"

    [agents.fetch]
    http = "GET {url}"                           # without a target: all of the address

A request goes where `flow.toml`, the flow or a document of the project say by name; where its host comes from
an argument or from another server's reply, it may be no private address. httpx is imported when somebody
connects."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

from flowlang.agents.connecting import connected_by
from flowlang.agents.http.settings import HttpEntry, HttpSettings
from flowlang.agents.http.templates import ANYWHERE, METHODS, check_entry, check_errors
from flowlang.agents.http_route import route_of
from flowlang.agents.http_signatures import is_url, told_by_file
from flowlang.agents.offered_types import agent_names
from flowlang.agents.offers import NotDescribed, Offered
from flowlang.agents.providers import Connection, Member, Provider, Settings, Target, Unfit
from flowlang.agents.roots import CONFIG_NAME, root_folder
from flowlang.agents.secret_settings import refuse_password
from flowlang.text.suggest import did_you_mean

NOT_INSTALLED: Final = 'HTTP needs a package that is not installed: pip install "flowlang[http]"'

_ADDRESS: Final = re.compile(rf"(?:([^\s:/]+):)?\s*(?:({'|'.join(METHODS)})\s+(\S+)|([^\s:/]+))")


class HttpProvider:
    """See `Provider`."""

    settings: type[Settings] = HttpSettings
    entry: type[Settings] = HttpEntry

    def from_text(self, text: str, folder: Path) -> Settings:
        """A document, by its path or URL; a bare `https://host` is where requests of entries go."""
        if text == ANYWHERE:
            return HttpSettings()
        refuse_password(text)
        if is_url(text) and urlsplit(text).path in ("", "/"):
            return HttpSettings(base=text)
        return HttpSettings(openapi=text)

    def named(self, entry: Settings) -> tuple[str, str]:
        """`shop:GET /items/{id}` is the request `GET /items/{id}` of `shop`; without a target it is the
        host of the address."""
        table = cast(HttpEntry, entry)
        found = _ADDRESS.fullmatch(table.http.strip())
        help = 'write `http = "shop:GET /items/{id}"` with `[http.shop]`, or "GET https://…"'
        if found is None:
            raise Unfit("it is no request", help, ("http",))
        target, method, address, operation = found.groups()
        if target is not None and table.target is not None:
            raise Unfit(f"it names two targets, `{target}` and `{table.target}`", "keep one", ("target",))
        target = target or table.target
        if method is None:
            if target is None:
                raise Unfit("it names no target, or no request", help, ("http",))
            return target, operation
        if target is not None:
            return target, f"{method} {address}"
        if is_url(address) and "{" not in urlsplit(address).netloc:
            parts = urlsplit(address)
            return f"{parts.scheme}://{parts.netloc}", f"{method} {address}"
        if address.startswith("{") and not address.startswith("{base}"):
            return ANYWHERE, f"{method} {address}"
        raise Unfit("it does not say where the request goes", help, ("http",))

    def check(self, target: Target, member: Member) -> None:
        settings, entry = cast(HttpSettings, target.settings), cast("HttpEntry | None", member.entry)
        if entry is not None and " " in member.name:
            check_entry(member, entry, settings.base)
        else:
            self._check_operation(target, settings, operation_of(target, member), entry)
        if entry is not None:
            check_errors(member, entry.errors)
        if settings.ca is not None and not (target.folder / settings.ca).is_file():
            raise Unfit(f"there is no file {settings.ca}", "it holds certificates in PEM", ("ca",))
        if find_spec("httpx") is None:
            raise Unfit(NOT_INSTALLED)

    def _check_operation(
        self, target: Target, settings: HttpSettings, offered: Offered, entry: HttpEntry | None
    ) -> None:
        route = route_of(offered)
        if route is None:
            raise Unfit("how it is called is not known any longer", "run `flow lock --update`")
        if settings.base is None and not is_url(route.server or ""):
            help = f'say `base = "https://…"` below `[http.{target.text}]` in flow.toml'
            raise Unfit("the document does not say where the service is", help, ("base",))
        for key in ("query", "headers", "body", "form"):
            if entry is not None and getattr(entry, key):
                help = "remove it, or write the request: METHOD and address"
                raise Unfit(f"`{key}` of an operation is what its document says", help, (key,))

    def connect(self, target: Target) -> AbstractAsyncContextManager[Connection]:
        return connected_by("flowlang.agents.http.connection", target, NOT_INSTALLED)


def operation_of(target: Target, member: Member) -> Offered:
    """The operation that a member calls: as the flow knows it, or by what an entry calls it. Raises Unfit."""
    if member.offered is not None:
        return member.offered
    offers = known_offers(target)
    known = dict(zip(agent_names(offers), offers, strict=True)) | {
        offered.name: offered for offered in offers
    }
    if member.name not in known:
        help = did_you_mean(member.name, known) or "run `flow lock`, or write a request"
        raise Unfit(f"{target} has no operation `{member.name}`", help, ("http",))
    return known[member.name]


def known_offers(target: Target) -> tuple[Offered, ...]:
    """What a target offers, as far as it is known without asking: as it was locked, or by its document."""
    document = cast(HttpSettings, target.settings).openapi
    if target.locked or document is None or is_url(document):
        return target.locked
    try:
        return told_by_document(target.folder, document)
    except NotDescribed as problem:
        raise Unfit(f"{problem.path or document}: {problem.message}", problem.help, ("openapi",)) from None


def told_by_document(folder: Path, document: str) -> tuple[Offered, ...]:
    """What a document on the disk offers. Raises NotDescribed."""
    root = root_folder(str(folder / CONFIG_NAME))
    return told_by_file(str(folder / document), root).offers


provider: Final[Provider] = HttpProvider()
