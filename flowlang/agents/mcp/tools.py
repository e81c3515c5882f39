"""A server's tools -> what `flow.lock` keeps of them, and whether they still are what it says.

A tool's effect is what its annotations say, and nothing where they say nothing: by the protocol such a tool
may do anything, but most servers just leave them out."""

from __future__ import annotations

import json
from typing import Final

from mcp.client import Client
from mcp_types import Tool, ToolAnnotations

from flowlang.agents.mcp import McpSettings
from flowlang.agents.offers import Effect, Offered, Schema
from flowlang.runtime.agent_errors import unavailable
from flowlang.values.value import Value

MAX_PAGES: Final = 100
MAX_TOOLS: Final = 10_000
LONGEST_DOC: Final = 4_000

UNREAD: Final = ("title", "description", "examples", "default", "$comment", "$schema", "$id", "icons")
"""Keywords of a schema that may change without any difference to a flow."""


async def list_tools(client: Client) -> list[Tool]:
    """All tools of a server, page by page. Raises AgentError where there is no end to them."""
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        if page.next_cursor is None or page.next_cursor == cursor:
            return tools
        cursor = page.next_cursor
        if len(tools) > MAX_TOOLS:
            break
    raise unavailable(f"its list of tools has no end: {len(tools):,} so far")


def offered(tool: Tool, settings: McpSettings) -> Offered:
    form = settings.results.get(tool.name)
    output: Schema | None = None if form is not None else tool.output_schema
    return Offered(
        name=tool.name,
        input=tool.input_schema,
        output={} if form == "json" else output,
        effect=settings.effects.get(tool.name) or _effect(tool.annotations),
        doc=_doc(tool),
        file=form == "file",
    )


def _effect(hints: ToolAnnotations | None) -> Effect | None:
    if hints is None:
        return None
    if hints.read_only_hint:
        return "read"
    if hints.idempotent_hint:
        return "idempotent"
    said = (hints.read_only_hint, hints.idempotent_hint, hints.destructive_hint)
    return "write" if any(hint is not None for hint in said) else None


def _doc(tool: Tool) -> str | None:
    title = tool.title or (tool.annotations.title if tool.annotations else None)
    return (tool.description or title or "").strip()[:LONGEST_DOC] or None


# What has changed


def change(locked: Offered, live: Offered) -> str | None:
    """Why calls that were checked against a locked tool may be wrong with the one that is there now."""
    was, now = _properties(locked.input), _properties(live.input)
    for name in was:
        if name not in now:
            return f"it has no parameter `{name}` any longer"
        if not _same(was[name], now[name]):
            return f"its parameter `{name}` is another"
    new = [name for name in _required(live.input) if name not in _required(locked.input)]
    if new:
        return f"it now needs `{new[0]}`"
    if locked.file != live.file or not _same(locked.output, live.output):
        return "it gives something else"
    return None


def _properties(schema: Schema) -> dict[str, Value]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _required(schema: Schema) -> list[Value]:
    found = schema.get("required")
    return found if isinstance(found, list) else []


def _same(one: Value, other: Value) -> bool:
    return json.dumps(_meant(one), sort_keys=True) == json.dumps(_meant(other), sort_keys=True)


def _meant(schema: Value) -> Value:
    """A schema without what only people read. A property may be called like a keyword."""
    match schema:
        case dict():
            kept = {key: value for key, value in schema.items() if key not in UNREAD}
            named = schema.get("properties")
            meant = {key: _meant(value) for key, value in kept.items() if key != "properties"}
            if isinstance(named, dict):
                meant["properties"] = {name: _meant(value) for name, value in named.items()}
            return meant
        case list():
            return [_meant(item) for item in schema]
    return schema
