"""The tables of `flow.toml` that are about HTTP: `[http.NAME]`, and `[agents.NAME]` with `http`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from flowlang.agents.fitting import Offset
from flowlang.agents.http_signatures import is_url
from flowlang.agents.providers import Settings
from flowlang.agents.secret_settings import SecretText, Url, from_elsewhere, headers_from_elsewhere

MIB: Final = 1 << 20

Status: TypeAlias = Annotated[str, Field(pattern=r"^[345]\d\d$")]
HeaderName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
HttpHeaders: TypeAlias = Annotated[dict[HeaderName, str], AfterValidator(headers_from_elsewhere)]


class Auth(Settings):
    """Who calls: exactly one way."""

    bearer: SecretText | None = None
    basic: tuple[str, str] | None = None
    header: HeaderName | None = None
    query: str | None = None
    value: SecretText | None = None

    @field_validator("basic")
    @classmethod
    def _secret(cls, basic: tuple[str, str] | None) -> tuple[str, str] | None:
        if basic is not None:
            from_elsewhere("".join(basic))
        return basic

    @model_validator(mode="after")
    def _one_way(self) -> Auth:
        ways = [way for way in (self.bearer, self.basic, self.header, self.query) if way is not None]
        if len(ways) != 1:
            raise ValueError("give one of `bearer`, `basic`, `header` and `query`")
        if (self.value is not None) != (self.header is not None or self.query is not None):
            raise ValueError("`value` belongs to `header` or `query`, and they need it")
        return self


class HttpSettings(Settings):
    """`[http.NAME]`. Times in seconds. `timeout` is the longest silence of a server; how long a call may take
    is said in the flow. `patience` is how long a call waits by itself where a server asks for it
    (`Retry-After`). `offset` is that of the times which the service gives without one, such as "Z"."""

    openapi: Url | None = None
    base: str | None = None
    auth: Auth | None = None
    headers: HttpHeaders = Field(default_factory=dict)
    errors: dict[Status, str] = Field(default_factory=dict)
    timeout: Annotated[float, Field(gt=0, le=3600)] | None = None
    patience: Annotated[float, Field(ge=0, le=300)] = 10.0
    max_response_bytes: Annotated[int, Field(ge=1024, le=64 * MIB)] = MIB
    max_file_bytes: Annotated[int, Field(ge=1024, le=1024 * MIB)] = 256 * MIB
    redirects: Literal["same_host", "any", "never"] = "same_host"
    private_addresses: Literal["allow", "refuse"] | None = None
    offset: Offset | None = None
    idempotency_header: HeaderName | Literal[""] = "Idempotency-Key"
    ca: str | None = None
    proxy: Url | None = None

    @field_validator("base")
    @classmethod
    def _is_address(cls, base: str | None) -> str | None:
        return None if base is None else _checked_base(base)

    @field_validator("proxy")
    @classmethod
    def _is_proxy(cls, proxy: str | None) -> str | None:
        if proxy is not None and proxy != "environment" and not is_url(proxy):
            raise ValueError('it is `"environment"`, or the URL of a proxy')
        return proxy


class HttpEntry(Settings):
    """`[agents.NAME]` with `http`: `[TARGET:]METHOD ADDRESS`, or `TARGET:OPERATION`. The target may also
    stand apart, as `target`; `{base}` in an address is the target's.

    `query`, `headers`, `form` and `body` are templates; a hole that stands alone in a body is the value
    itself. Without any of them, a POST, PUT or PATCH sends as JSON what the address does not use."""

    http: Annotated[str, Field(min_length=1)]
    target: Annotated[str, Field(min_length=1)] | None = None
    query: dict[str, str] = Field(default_factory=dict)
    headers: HttpHeaders = Field(default_factory=dict)
    body: Any = None
    form: dict[str, str] | None = None
    result: Annotated[str, Field(pattern=r"^[^.]+(\.[^.]+)*$")] | None = None
    errors: dict[Status, str] = Field(default_factory=dict)


def _checked_base(base: str) -> str:
    parts = urlsplit(base)
    if not is_url(base) or not parts.hostname:
        raise ValueError('it is a URL, such as "https://api.example.com/v1"')
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("it is scheme, host and path only; `auth` and `query` have their own keys")
    return base
