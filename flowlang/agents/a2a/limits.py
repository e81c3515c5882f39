"""A transport of httpx that reads no more of a reply than it may, whoever reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import httpx


class TooLarge(Exception):
    """A reply is larger than it may be."""


@attrs.frozen(eq=False)
class Limited(httpx.AsyncBaseTransport):
    """Counts the bytes of each reply as they come."""

    transport: httpx.AsyncBaseTransport
    most: int

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.transport.handle_async_request(request)
        response.stream = _Counted(response.stream, self.most)
        return response

    async def aclose(self) -> None:
        await self.transport.aclose()


@attrs.frozen(eq=False)
class _Counted(httpx.AsyncByteStream):
    stream: httpx.SyncByteStream | httpx.AsyncByteStream
    most: int

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self.stream, httpx.AsyncByteStream), "an asynchronous transport gives such streams"
        read = 0
        async for piece in self.stream:
            read += len(piece)
            if read > self.most:
                raise TooLarge(f"the reply is larger than {self.most:,} bytes")
            yield piece

    async def aclose(self) -> None:
        assert isinstance(self.stream, httpx.AsyncByteStream), "an asynchronous transport gives such streams"
        await self.stream.aclose()
