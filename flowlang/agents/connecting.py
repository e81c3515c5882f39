"""Connecting by a module that needs an SDK: it is imported then, and not before.

To import one takes up to a second, in which other runs should go on; so that happens in a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

import trio

from flowlang.agents.providers import Connection, Target
from flowlang.runtime.agent_errors import unavailable


@asynccontextmanager
async def connected_by(module: str, target: Target, not_installed: str) -> AsyncIterator[Connection]:
    """What `connected` of a module of ours gives for a target. Raises AgentError: `not_installed`, where a
    package is missing that the module imports."""
    try:
        client = await trio.to_thread.run_sync(import_module, module)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] == "flowlang":
            raise
        raise unavailable(not_installed) from None
    async with client.connected(target) as connection:
        yield connection
