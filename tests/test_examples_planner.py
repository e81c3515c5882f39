"""The planner: a model is corrected until its plan is sound, and no further."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from support.examples import Example, copied

INTENT = "What did we decide about backups?"
SEARCH = {"step_id": "found", "agent_id": "search", "parameters": {"words": ["a"]}}
GOOD = {"plan_id": "answer", "steps": [SEARCH], "output": "${results.found.join(' ')}"}


@pytest.fixture
def planner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    return copied("planner", tmp_path, monkeypatch, capfd)


class Server(HTTPServer):
    """Gives one reply after the other, and keeps what it was asked."""

    def __init__(self, replies: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies, self.asked = replies, []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        content = self.server.replies[min(len(self.server.asked), len(self.server.replies)) - 1]
        body = json.dumps({"choices": [{"message": {"content": content}}]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    servers: list[Server] = []

    def start(*replies: object) -> Server:
        server = Server([r if isinstance(r, str) else json.dumps(r) for r in replies])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PLANNER_URL", f"http://127.0.0.1:{server.server_port}/v1")
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_stand_in_is_corrected_in_one_round(planner: Example) -> None:
    assert "sound in draft 2" in planner.run(intent=INTENT).data


def test_a_server_is_given_the_schema_and_then_its_mistakes(planner: Example, serve) -> None:
    bad = json.loads(json.dumps(GOOD).replace("search", "serch"))
    server = serve(bad, GOOD)
    assert planner.run(intent=INTENT).data.startswith("backups")
    first, second = server.asked
    assert first["response_format"]["json_schema"]["schema"]["title"] == "ExecutionPlan"
    assert '"agent_id": "search"' in first["messages"][0]["content"]
    assert "delete" not in first["messages"][0]["content"]
    told = second["messages"][-1]["content"]
    assert "/steps/0/agent_id: there is no agent `serch` (did you mean `search`?)" in told
    assert '"op": "replace"' in told


@pytest.mark.parametrize(
    "reply",
    ["I cannot do that.", "", "{}", "[]", '{"plan_id": "x", "steps": []}', "[" * 10_000,
     {**GOOD, "steps": [{"step_id": "x", "agent_id": "delete", "parameters": {"name": "office"}}]}],
)  # fmt: skip
def test_a_model_that_does_not_listen_is_given_up(planner: Example, serve, reply: object) -> None:
    server = serve(reply)
    assert planner.run(intent=INTENT).error == "NoPlan"
    assert len(server.asked) == 4 and (planner.folder / "notes/office.md").exists()


def test_a_plan_cannot_call_more_than_it_may(planner: Example, serve) -> None:
    loop = {"type": "for_each", "items": "0..1000"}
    greedy = {"step_id": "all", "agent_id": "search", "parameters": {"words": []}, "loop": loop}
    server = serve({"plan_id": "greedy", "steps": [greedy], "output": "x"}, GOOD)
    planner.run(intent=INTENT)
    assert "1,000 calls of agents, and 20 are allowed" in server.asked[1]["messages"][-1]["content"]
