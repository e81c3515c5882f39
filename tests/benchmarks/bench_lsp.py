"""The language server on a workspace of 10,000 lines: what each request and each key costs a client.

All times are those at the client's end of the pipe. The first figure is a server of a few lines that answers
every message at once, which is what the pipe and JSON themselves cost. Keys are typed one after the other,
each when the diagnostics of the one before have come; a key's time has the server's own pause in it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks import Figure, best_of
from tests.benchmarks.bench_check import FLOW, HEAD
from tests.support.lsp import PUSHED, Client, server

FILES = 20
LINES = 10_000
ROUNDS = 40

ECHO = """
import json, sys
while header := sys.stdin.buffer.readline():
    sys.stdin.buffer.readline()
    message = json.loads(sys.stdin.buffer.read(int(header.split(b":")[1])))
    body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": None}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
    sys.stdout.buffer.flush()
"""


def figures() -> Iterator[Figure]:
    yield figure("language server: the least that a message costs", echo_milliseconds(), 1)
    yield start()
    with tempfile.TemporaryDirectory() as folder, server() as client:
        texts = generated(Path(folder))
        client.initialize(Path(folder), PUSHED)
        uri = (Path(folder) / "part0.flow").as_uri()
        started = time.perf_counter()
        client.open(uri, texts["part0.flow"])
        client.diagnostics(uri, 1)
        yield figure("language server: first diagnostics", (time.perf_counter() - started) * 1e3, 1_000)
        settle(client)
        for name, bound, work in works(client, uri):
            half, most = quantiles([timed(work) for _ in range(ROUNDS)])
            yield figure(f"{name}: p50", half, bound / 2)
            yield figure(f"{name}: p95", most, bound)
        yield figure("language server: memory", memory_mib(client), 400, "MiB", "a MiB")


def start() -> Figure:
    """From the command to the end of the shortest session, beside the least that a server on pygls needs."""

    def serve() -> None:
        with server() as client:
            client.initialize()
            client.stop()

    import_pygls = [sys.executable, "-c", "import pygls.lsp.server"]
    ours, least = best_of(3, serve, lambda: subprocess.run(import_pygls, check=True))
    return Figure("language server: start", ours * 1e3, "ms", ours / least, "importing pygls", 4.0)


def works(client: Client, uri: str) -> Iterator[tuple[str, float, Callable[[], object]]]:
    """Requests, each with the milliseconds that it may take."""
    lines = HEAD.count("\n")
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 60, "character": 0}}
    at = {"start": {"line": lines + 3, "character": 8}, "end": {"line": lines + 3, "character": 8}}

    def about(method: str, **params: object) -> Callable[[], object]:
        return lambda: client.about(f"textDocument/{method}", uri, **params)

    def place(method: str, line: int, character: int, **params: object) -> Callable[[], object]:
        return lambda: client.at(f"textDocument/{method}", uri, lines + line, character, **params)

    yield "hover", 30, place("hover", 3, 16)
    yield "completion", 30, place("completion", 3, 15)
    yield "completion of a field", 30, place("completion", 4, 25)
    yield "signature help", 30, place("signatureHelp", 3, 24)
    yield "definition", 30, place("definition", 3, 16)
    yield "references, all files", 150, place("references", 3, 16, context={"includeDeclaration": True})
    yield "rename, all files", 600, place("rename", 3, 8, newName="other")
    yield "code actions", 60, about("codeAction", range=at, context={"diagnostics": []})
    yield "inlay hints of a page", 30, about("inlayHint", range=whole)
    yield "document symbols", 60, about("documentSymbol")
    yield "folds", 60, about("foldingRange")
    yield "semantic tokens, all", 60, about("semanticTokens/full")
    yield "semantic tokens of a page", 30, about("semanticTokens/range", range=whole)
    yield "workspace symbols", 150, lambda: client.request("workspace/symbol", query="brief7")
    yield "a key: syntax", 50, key(client, uri, "=")
    yield "a key: semantics", 150, key(client, uri, "x")
    library = uri.replace("part0.flow", "lib.flow")
    client.open(library, HEAD)
    client.diagnostics(library, 1)
    yield "a key in what all files import", 150, key(client, library, " ", line=3, character=0)


def key(client: Client, uri: str, text: str, line: int = 8, character: int = 15) -> Callable[[], object]:
    """Type something and wait for the diagnostics of that; at the next turn take it away again."""
    state = {"typed": False}

    def work() -> object:
        start = {"line": line, "character": character}
        end = {"line": line, "character": character + len(text) * state["typed"]}
        change = {"range": {"start": start, "end": end}, "text": "" if state["typed"] else text}
        state["typed"] = not state["typed"]
        return client.diagnostics(uri, client.change(uri, change))

    return work


def generated(folder: Path) -> dict[str, str]:
    """Files that import one, together of 10,000 lines."""
    share = (LINES // FILES - HEAD.count("\n")) // FLOW.count("\n")
    texts = {"lib.flow": HEAD}
    for part in range(FILES):
        flows = "".join(FLOW.format(n=part * share + n) for n in range(share + 1))
        head = HEAD + 'import "lib.flow" as lib\n\nflow top() -> list<lib.Source> {\n'
        texts[f"part{part}.flow"] = (
            f'{head}  step found = lib.search(query: "x")\n  return found\n}}\n\n{flows}'
        )
    for name, text in texts.items():
        (folder / name).write_text(text)
    return texts


def settle(client: Client) -> None:
    """Wait until the server has looked at all files."""
    time.sleep(1.0)
    client.request("workspace/symbol", query="")
    time.sleep(1.0)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3


def quantiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]


def echo_milliseconds() -> float:
    """What a message there and back costs at the least."""
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", ECHO], stdin=pipe, stdout=pipe)
    client = Client(process)
    client.request("warm")
    half, _ = quantiles([timed(lambda: client.request("hover", line=1)) for _ in range(ROUNDS)])
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
    return half


def memory_mib(client: Client) -> float:
    status = Path(f"/proc/{client.process.pid}/status")
    if not status.exists():
        return 0.0
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def figure(name: str, value: float, bound: float, unit: str = "ms", against: str = "a millisecond") -> Figure:
    return Figure(name, value, unit, value, against, bound)
