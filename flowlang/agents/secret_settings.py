"""Settings that say who calls: each mentions a secret, and never is one itself.

`flow.toml` belongs into version control, so a token that stands in it is a mistake, which is told without
showing it (`config_mistakes.py`)."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator

from flowlang.agents.providers import Unfit
from flowlang.agents.secrets import secrets_in

SECRET_HEADERS: Final = ("authorization", "proxy-authorization", "x-api-key", "api-key", "x-auth-token")


class PlainSecret(ValueError):
    """A secret stands in a file."""

    def __init__(self, what: str) -> None:
        help = 'write "{secrets.NAME}", and NAME into `[secrets]`'
        super().__init__(f"{what} must not stand in this file itself: {help}")


def from_elsewhere(text: str) -> str:
    """A setting that mentions a secret. Raises PlainSecret."""
    if not any(secrets_in(text)):
        raise PlainSecret("a secret")
    return text


def headers_from_elsewhere(headers: dict[str, str]) -> dict[str, str]:
    """Headers, of which those that say who calls have holes. Raises PlainSecret."""
    for name, value in headers.items():
        if name.lower() in SECRET_HEADERS and "{" not in value:
            raise PlainSecret(f"the secret in the header {name}")
    return headers


def without_password(url: str) -> str:
    """A URL that holds no password. Raises PlainSecret."""
    if holds_password(url):
        raise PlainSecret("a password in a URL")
    return url


def refuse_password(text: str) -> None:
    """The same of a target that a flow names. Raises Unfit."""
    if holds_password(text):
        help = "write a table of flow.toml that has it as a secret, and name that"
        raise Unfit("a password must not stand in a flow", help)


def holds_password(url: str) -> bool:
    try:
        password = urlsplit(url).password
    except ValueError:
        return False  # it is no URL, which is told elsewhere
    return bool(password) and not any(secrets_in(password))


SecretText: TypeAlias = Annotated[str, AfterValidator(from_elsewhere)]
Url: TypeAlias = Annotated[str, AfterValidator(without_password)]
Headers: TypeAlias = Annotated[dict[str, str], AfterValidator(headers_from_elsewhere)]
