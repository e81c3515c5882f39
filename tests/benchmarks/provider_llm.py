"""Language models: a short record from a chat endpoint on loopback, whole and streamed.

The bare client asks the same with httpx, and reads the JSON; of a stream it reads the events."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from tests.benchmarks import Figure
from tests.benchmarks.bench_providers import calls, prepared

TESTS: Final = Path(__file__).resolve().parent.parent
SERVER: Final = """
import sys, threading
from support.llm_server import LlmServer, says

with LlmServer(says('{"title": "' + "A letter from far away. " * 5 + '", "score": 7}')) as server:
    print(server.base, flush=True)
    threading.Event().wait()
"""
FLOW: Final = """
type Summary = { title: string, score: int }
agent summary(letter: string) -> Summary effect read
"""
TOML: Final = """
[llm.small]
base = "BASE"
model = "small"
stream = STREAM
[agents.summary]
llm = "small"
prompt = "Sum up: {letter}"
"""
FORM: Final = {"type": "object", "properties": {"title": {"type": "string"}, "score": {"type": "integer"}},
               "required": ["title", "score"], "additionalProperties": False}  # fmt: skip


def figures() -> Iterator[Figure]:
    with _server() as base:
        for name, stream in (("llm", False), ("llm, streamed", True)):
            toml = TOML.replace("BASE", base).replace("STREAM", str(stream).lower())
            flow = prepared(FLOW, 'summary(letter: "Dear Ada ${n}")', toml)
            yield calls(name, flow, _bare(base, stream), "httpx alone")


def _bare(base: str, stream: bool) -> Any:
    async def ask(count: int) -> None:
        async with httpx.AsyncClient() as client:
            for n in range(count):
                text = await _asked(client, f"{base}/chat/completions", _body(n, stream))
                assert json.loads(text)["score"] == 7

    return ask


def _body(n: int, stream: bool) -> dict[str, Any]:
    asked = {"type": "json_schema", "json_schema": {"name": "summary", "schema": FORM, "strict": True}}
    body = {"model": "small", "messages": [{"role": "user", "content": f"Sum up: Dear Ada {n}"}]}
    return {**body, "response_format": asked, **({"stream": True} if stream else {})}


async def _asked(client: httpx.AsyncClient, url: str, body: dict[str, Any]) -> str:
    if not body.get("stream"):
        reply = await client.post(url, json=body)
        return str(reply.json()["choices"][0]["message"]["content"])
    text = ""
    async with client.stream("POST", url, json=body) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                text += json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
    return text


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-c", SERVER]
    process = subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
