"""Connecting to a host, if its addresses may be connected to.

What counts is the address that a connection is made to, not the name that somebody gave to it: a name is
looked up here, once, each address is looked at, and then that very address is connected to. So a name that
means another address a moment later, or a redirect into a private network, changes nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final, TypeAlias

import httpcore
import trio

Allowed: TypeAlias = Callable[[str], bool]
"""Whether a host, by its name, may have private addresses."""

TRANSLATED: Final = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits


class PrivateAddress(httpcore.ConnectError):
    """A host that lies where it may not."""


def is_private(address: str) -> bool:
    """Whether an address belongs to this machine, to a network of its own, or to no place at all."""
    found = _embedded(ip_address(address.partition("%")[0]))
    return not found.is_global or found.is_multicast


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects like httpcore does under trio, to allowed addresses only."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._inner = httpcore.TrioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        with trio.move_on_after(timeout if timeout is not None else float("inf")):
            return await self._connected(host, port, local_address, socket_options)
        raise httpcore.ConnectTimeout("no connection in time")

    async def _connected(
        self, host: str, port: int, local_address: str | None, socket_options: Iterable[Any] | None
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that answers."""
        problem: httpcore.ConnectError | None = None
        for address in await self._addresses(host, port):
            try:
                return await self._inner.connect_tcp(address, port, None, local_address, socket_options)
            except httpcore.ConnectError as refused:
                problem = problem or refused
        raise problem or httpcore.ConnectError("it has no address")

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:
            raise httpcore.ConnectError(str(problem)) from problem
        addresses = [str(place[4][0]) for place in found]
        if not self._allowed(host):
            for address in addresses:
                if is_private(address):
                    raise PrivateAddress(f"it lies at the private address {address}")
        return addresses

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)
