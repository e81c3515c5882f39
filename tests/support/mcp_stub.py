"""A server of MCP that misbehaves as it is told: raw JSON-RPC over its standard streams, and nothing imported
but the standard library. `python mcp_stub.py [WAY …]`; the ways say what it does beside its tools.

    --silent        answers nothing, ever            --exit       ends at once, with words
    --chatty        prints lines that are no JSON    --old        knows no protocol that we do
    --on-and-on     prints such lines by the hundred
    --endless       lists tools without end          --stubborn   heeds no SIGTERM, and no end of its input
    --family        starts a child that does not end by itself
    --strict        ends if it hears anything before the handshake
    --other         its tool `echo` takes something else
    --pids FILE     adds its process id, and that of its child, to a file, a line each"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
OTHER = {"type": "object", "properties": {"words": {"type": "string"}}, "required": ["words"]}
NUMBER = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
ANY = {"type": "object"}
SUM = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
TOTAL = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

SCHEMAS = {"sum": SUM} | dict.fromkeys(("echo", "raw", "noise"), TEXT)
SCHEMAS |= dict.fromkeys(("huge", "refuse", "flood"), NUMBER)
MEETING = {
    "type": "object",
    "properties": {"at": {"type": "string", "format": "date-time"}},
    "required": ["at"],
}
OUTPUTS = {"sum": TOTAL, "meeting": MEETING, "wrong": TOTAL, "unstructured": TOTAL}
NAMES = (
    "echo", "raw", "sum", "wrong", "unstructured", "picture", "pictures", "linked", "fail", "not_found",
    "refuse", "huge", "half", "garbage", "malformed", "say", "ask", "hang", "cancelled", "die", "deaf",
    "mute", "flood", "noise", "second", "environment", "folder", "key",
    "meeting",
)  # fmt: skip

WAYS = sys.argv[1:]
cancelled: list[int] = []


def main() -> None:
    start()
    for line in sys.stdin:
        message = json.loads(line)
        if "--strict" in WAYS and message["method"] == "server/discover":
            sys.exit("expected an initialize request")
        if "method" in message and "--silent" not in WAYS:
            answer(message)
    if "--stubborn" in WAYS:
        time.sleep(1_000)


def start() -> None:
    if "--stubborn" in WAYS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pids = [os.getpid()]
    if "--family" in WAYS:
        child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"
        pids.append(subprocess.Popen([sys.executable, "-c", child]).pid)
    if "--pids" in WAYS:
        with open(WAYS[WAYS.index("--pids") + 1], "a") as file:
            file.writelines(f"{pid}\n" for pid in pids)
    if "--chatty" in WAYS:
        print('Welcome to the server!\n\n[1, 2]\n{"hello": 1}', flush=True)
    if "--on-and-on" in WAYS:
        print("Welcome!\n" * 500, flush=True)
    if "--exit" in WAYS:
        print("loading\nthe key of the shop is missing", file=sys.stderr)
        sys.exit(3)


def answer(message: dict) -> None:
    number, params = message.get("id"), message.get("params", {})
    match message["method"]:
        case "initialize":
            version = "1999-01-01" if "--old" in WAYS else params["protocolVersion"]
            info = {"name": "stub", "version": "1"}
            reply(number, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info})
        case "tools/list":
            reply(number, listing(params))
        case "tools/call":
            call(number, params["name"], params.get("arguments", {}), params.get("_meta", {}))
        case "resources/read":
            content = {"uri": params["uri"], "mimeType": "text/csv", "text": "a,b\n1,2\n"}
            reply(number, {"contents": [content]})
        case "notifications/cancelled":
            cancelled.append(params["requestId"])
        case _ if number is not None:
            refuse(number, -32601, "no such method")


def listing(params: dict) -> dict:
    tools = [
        {"name": name, "inputSchema": SCHEMAS.get(name, ANY)}
        | ({"outputSchema": OUTPUTS[name]} if name in OUTPUTS else {})
        for name in NAMES
    ]
    if "--other" in WAYS:
        tools[0]["inputSchema"] = OTHER
    tools[1] |= {"title": "Raw", "description": "Gives what it got.", "annotations": {"readOnlyHint": True}}
    if "--endless" in WAYS:
        return {"tools": tools, "nextCursor": str(int(params.get("cursor", "0")) + 1)}
    half = len(tools) // 2
    return {"tools": tools[half:]} if params.get("cursor") else {"tools": tools[:half], "nextCursor": "half"}


def call(number: int, tool: str, given: dict, meta: dict) -> None:
    match tool:
        case "echo":
            give(number, given.get("text") or given["words"])
        case "raw":
            send(json.loads(given["text"]) | {"jsonrpc": "2.0", "id": number})
        case "sum":
            total = given.get("a", 0) + given.get("b", 0)
            reply(number, {"content": [], "structuredContent": {"total": total}})
        case "meeting":
            reply(number, {"content": [], "structuredContent": {"at": "2024-05-01T12:00:00"}})
        case "wrong":
            reply(number, {"content": [], "structuredContent": {"total": "many"}})
        case "picture":
            reply(number, {"content": [text_of("see:"), picture()]})
        case "pictures":
            reply(number, {"content": [picture(), picture()]})
        case "linked":
            reply(number, {"content": [{"type": "resource_link", "name": "x", "uri": "stub://table"}]})
        case "fail":
            reply(number, {"content": [text_of("the shop\nis closed")], "isError": True})
        case "not_found":
            said = {"error": "NotFound", "what": "a book"}
            reply(number, {"content": [text_of(json.dumps(said))], "isError": True})
        case "refuse":
            refuse(number, given["number"], "not like this")
        case "huge":
            give(number, "x" * given["number"])
        case "half":
            write(json.dumps({"jsonrpc": "2.0", "id": number, "result": {"content": []}})[:-7])
        case "garbage":
            write("%% 12 of 13\n<html>")
            give(number, "after all")
        case "malformed":
            reply(number, {"content": [{"type": "smell"}]})
        case "say":
            say(number, meta)
        case "ask":
            ask(number)
        case "hang":
            pass
        case "cancelled":
            give(number, json.dumps(cancelled))
        case "die":
            print("out of memory", end="", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        case "deaf":
            os.close(0)
            print("deaf", file=sys.stderr, flush=True)
            time.sleep(1_000)
        case "mute":
            os.close(1)
            time.sleep(1_000)
        case "flood":
            sys.stderr.writelines(f"line {line}\n" for line in range(given["number"]))
            give(number, "flooded")
        case "second":
            with open(WAYS[WAYS.index("--pids") + 1]) as file:
                if len(file.readlines()) > 1:
                    give(number, "the second time")
        case "noise":
            write(given["text"])
            give(number, "heard")
        case "environment":
            give(number, json.dumps(dict(os.environ)))
        case "folder":
            give(number, os.getcwd())
        case _:
            give(number, json.dumps(meta) if tool == "key" else "some text")


def say(number: int, meta: dict) -> None:
    print("a line\nof two", file=sys.stderr, flush=True)
    log = {"level": "critical", "data": {"hot": True}}
    send({"jsonrpc": "2.0", "method": "notifications/message", "params": log})
    progress = {"progressToken": meta.get("progressToken"), "progress": 2, "total": 5, "message": "half way"}
    send({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress})
    time.sleep(0.1)  # the standard error comes by another way than the reply
    give(number, "said")


def ask(number: int) -> None:
    """Ask the client to do things, and give what it says to that."""
    said = []
    for id, method in enumerate(("sampling/createMessage", "elicitation/create", "roots/list"), 1_000):
        params = {"messages": [], "maxTokens": 1, "message": "?", "requestedSchema": {}, "mode": "form"}
        send({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        answered = json.loads(sys.stdin.readline())
        said.append(answered.get("result") or answered["error"]["message"])
    give(number, json.dumps(said))


def text_of(text: str) -> dict:
    return {"type": "text", "text": text}


def picture() -> dict:
    return {"type": "image", "data": PIXEL, "mimeType": "image/png"}


def give(number: int, text: str) -> None:
    reply(number, {"content": [text_of(text)]})


def reply(number: int, result: dict) -> None:
    send({"jsonrpc": "2.0", "id": number, "result": result})


def refuse(number: int, code: int, message: str) -> None:
    send({"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}})


def send(message: dict) -> None:
    write(json.dumps(message))


def write(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
