"""Agents that speak A2A, at the other end of a socket: the SDK's own server, over each way to speak."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import attrs
import httpx
import pytest
import trio
import trustme
from google.protobuf.json_format import MessageToDict

from flowlang.agents.a2a import A2AEntry, A2ASettings, provider
from flowlang.agents.file import File
from flowlang.agents.provided import ProvidedAgent
from flowlang.agents.providers import Member, Target, Unfit
from flowlang.agents.secrets import Secrets
from flowlang.hosts.connections import OpenConnections, open_connections
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall, AgentError, Said, Used
from flowlang.tools.cli import invoke
from flowlang.tools.temporary_files import temporary_files
from flowlang.values.value import Value
from tests.support.a2a_agent import SKILLS, card_of

ROOT = Path(__file__).parent.parent
WAYS = ["JSONRPC streaming", "JSONRPC whole", "HTTP+JSON streaming"]

STRING, JSON, FILE = (plan.ScalarType(kind=kind) for kind in ("string", "json", "file"))
FILES = plan.ListType(item=FILE)


@attrs.frozen
class Desk:
    url: str
    process: subprocess.Popen[str]

    def heard(self) -> list[list[str]]:
        """What it has said on its output, once it is gone."""
        self.process.kill()
        return [json.loads(line) for line in self.process.communicate()[0].splitlines()]


@contextmanager
def desk(way: str = WAYS[0], *, quiet: bool = False) -> Iterator[Desk]:
    """An agent for as long as the block lasts; a `quiet` one does not tell what it has heard."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.support.a2a_agent", str(port), *way.split()]
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/.well-known/agent-card.json", process)
        yield Desk(url, process)
    finally:
        process.kill()
        process.wait()


@contextmanager
def refusing(what: str, binding: str, streaming: bool, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """An agent whose "card" or "call" is answered with a status, with "text" that is no JSON, or not at all,
    when it is "gone"."""
    wrong, _, how = what.partition(" ")

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            card = card_of(self.server.server_port, binding, streaming)  # type: ignore[attr-defined]
            self.answer("card", json.dumps(MessageToDict(card)))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer("call", "{}")

        def answer(self, asked: str, sound: str) -> None:
            if asked == wrong and how == "gone":
                return
            content = ("what?" if asked == wrong else sound).encode()
            self.send_response(int(how) if asked == wrong and how.isdigit() else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
        server.shutdown()


def wait_for(url: str, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the agent does not start"
        try:
            httpx.get(url)
            return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise AssertionError("the agent does not answer")


@pytest.fixture(scope="module", params=WAYS)
def any_desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with desk(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def one_desk() -> Iterator[Desk]:
    with desk() as running:
        yield running


def target(url: str, secrets: Secrets | None = None, **settings: object) -> Target:
    read = A2ASettings.model_validate({"url": url, **settings})
    return Target("a2a", "desk", ROOT, read, secrets or Secrets(), provider)


def agent(
    target: Target, skill: str, result: plan.Type = STRING, entry: A2AEntry | None = None, **types: plan.Type
) -> ProvidedAgent:
    parameters = tuple(plan.Parameter(name=name, type=type) for name, type in types.items())
    place = plan.Place(0, 1, 1, 1, 1)
    declared = plan.Agent(parameters=parameters, result=result, timeout=None, at=place)
    return ProvidedAgent(target, Member(skill, f"desk.{skill}", declared, {}, entry=entry))


def answered(
    bound: ProvidedAgent,
    arguments: dict[str, Value],
    within: float = 20,
    told: list[Said | Used] | None = None,
) -> Value:
    """The reply to one call; raises AgentError."""

    async def main() -> Value:
        async with open_connections() as connections:
            with trio.fail_after(within):
                return await bound.call(call(arguments, connections, told))

    return trio.run(main)


def call(
    arguments: dict[str, Value], connections: OpenConnections, told: list[Said | Used] | None = None
) -> AgentCall:
    tell = None if told is None else told.append
    return AgentCall("desk", arguments, idempotency_key="key-1", connections=connections, tell=tell)


# What is offered


def test_each_skill_of_the_card_is_an_agent(one_desk: Desk) -> None:
    async def main() -> dict[str, tuple[bool, bool]]:
        async with target(one_desk.url).connect() as connection:
            return {o.name: (o.output is None, o.file) for o in await connection.offers()}

    offered = trio.run(main)
    assert offered["shout"] == (True, False)
    assert offered["tally"] == (False, False)
    assert offered["logo"] == (True, True)


# What is sent, and what comes back


def test_text_data_and_pieces_come_back_over_every_way(any_desk: Desk) -> None:
    there = target(any_desk.url)
    assert answered(agent(there, "shout", text=STRING), {"text": "hi"}) == "HI"
    numbers = {"numbers": [1, 2, 39]}
    assert answered(agent(there, "tally", JSON, numbers=JSON), numbers) == {"sum": 42, "of": 3}
    assert answered(agent(there, "write", text=STRING), {"text": "go"}) == "one two three"


def test_a_message_of_the_binding_is_filled_in(one_desk: Desk) -> None:
    entry = A2AEntry(a2a="desk:shout", message="{text}, in {language}")
    bound = agent(target(one_desk.url), "shout", entry=entry, text=STRING, language=STRING)
    assert answered(bound, {"text": "hello", "language": "Dutch"}) == "HELLO, IN DUTCH"


def test_files_go_and_come(one_desk: Desk) -> None:
    there = target(one_desk.url)

    async def main() -> tuple[Value, Value, bytes]:
        async with open_connections() as connections:
            with temporary_files() as kept:
                photo = File.from_bytes(b"12345", "image/jpeg")
                await kept.keep(photo.reference(), photo.content)
                sizes = agent(there, "measure", JSON, photo=FILE, others=FILES)
                given = {"photo": photo.reference(), "others": [photo.reference()]}
                measured = await sizes.call(call(given, connections)._replace(files=kept))
                logo = await agent(there, "logo", FILE).call(call({}, connections)._replace(files=kept))
                return measured, logo, Path(kept.find(logo)).read_bytes()

    measured, logo, content = trio.run(main)
    assert measured == [[5, "image/jpeg"], [5, "image/jpeg"]]
    assert logo == File.from_bytes(content, "image/png").reference()
    assert content == b"\x89PNG logo"


def test_what_an_agent_says_meanwhile_is_told(one_desk: Desk) -> None:
    told: list[Said | Used] = []
    answered(agent(target(one_desk.url), "write", text=STRING), {"text": "go"}, told=told)
    assert Said("sharpening the pencil") in told


def test_a_repeated_call_is_the_same_message() -> None:
    with desk() as running:
        bound = agent(target(running.url), "fail", text=STRING)
        for _ in range(2):
            with pytest.raises(AgentError):
                answered(bound, {"text": "go"})
        assert running.heard() == [["fail", "key-1"], ["fail", "key-1"]]


# What goes wrong


@pytest.mark.parametrize(
    ("skill", "error", "message"),
    [
        ("fail", "AgentFailed", "the task ended as failed: the printer is on fire"),
        ("ask-back", "AgentFailed", "the agent asks back: which colour?; tell it all that it needs"),
        ("tally", "BadOutput", "the reply holds no text"),
        ("enormous", "BadOutput", "larger than 1,000,000 bytes; `max_reply_bytes` is the limit"),
    ],
)
def test_a_task_that_does_not_do_what_it_should(any_desk: Desk, skill: str, error: str, message: str) -> None:
    bound = agent(target(any_desk.url, max_reply_bytes=1_000_000), skill, numbers=JSON)
    with pytest.raises(AgentError) as raised:
        answered(bound, {"numbers": [1]})
    assert raised.value.error == error
    assert str(raised.value).startswith("a2a desk: ") and message in str(raised.value)


@pytest.mark.parametrize("way", WAYS)
def test_a_call_that_is_cancelled_cancels_its_task(way: str) -> None:
    with desk(way) as running:
        with pytest.raises(trio.TooSlowError):
            answered(agent(target(running.url), "slow", text=STRING), {"text": "go"}, within=2)
        assert running.heard() == [["slow", "key-1"], ["cancelled", ""]]


@pytest.mark.parametrize("way", WAYS)
def test_an_agent_that_dies_in_a_call_is_unavailable(way: str) -> None:
    with desk(way) as running, pytest.raises(AgentError) as raised:
        answered(agent(target(running.url), "die", text=STRING), {"text": "go"})
    assert raised.value.error == "Unavailable"


def test_nobody_there() -> None:
    with pytest.raises(AgentError) as raised:
        answered(agent(target("http://127.0.0.1:9"), "shout"), {})
    assert raised.value.error == "Unavailable"
    told = "a2a desk: 127.0.0.1:9 cannot be reached (Connection refused): is it running there?"
    assert str(raised.value) == told


REFUSED = [
    ("card 503", "Unavailable", "answers 503 Service Unavailable"),
    ("card 401", "AgentFailed", "is the secret right that `headers` give it?"),
    ("card text", "Unavailable", "there is no agent card at"),
    ("card gone", "Unavailable", "broke off before its reply was complete"),
    ("call 429", "Unavailable", "answers 429 Too Many Requests"),
    ("call 503", "Unavailable", "answers 503 Service Unavailable"),
    ("call 401", "AgentFailed", "answers 401 Unauthorized: it does not let us in"),
    ("call 400", "AgentFailed", "answers 400 Bad Request"),
    ("call text", "AgentFailed", "JSON"),
    ("call gone", "Unavailable", "broke off before its reply was complete"),
]


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(("what", "error", "message"), REFUSED)
def test_what_an_agent_answers_in_the_place_of_a_reply(
    binding: str, streaming: bool, what: str, error: str, message: str
) -> None:
    with refusing(what, binding, streaming) as url, pytest.raises(AgentError) as raised:
        answered(agent(target(url), "shout", text=STRING), {"text": "go"})
    assert (raised.value.error, message in str(raised.value)) == (error, True), str(raised.value)
    assert "developer.mozilla.org" not in str(raised.value) and ".;" not in str(raised.value)


def test_a_certificate_is_trusted_by_its_authority(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)

    async def offered(ca: str | None) -> int:
        async with provider.connect(target(url, ca=ca)) as connection:
            return len(await connection.offers())

    with refusing("nothing", "JSONRPC", True, tls) as url:
        assert trio.run(offered, str(tmp_path / "ca.pem")) == len(SKILLS)
        with pytest.raises(AgentError, match=r"not trusted: .*; name its authority with `ca`"):
            trio.run(offered, None)
    bound = agent(target(url, ca="other.pem"), "shout", text=STRING)
    with pytest.raises(Unfit, match=r"no file other\.pem"):
        provider.check(bound.target, bound.member)


def test_a_page_that_is_no_card(one_desk: Desk) -> None:
    with pytest.raises(AgentError) as raised:
        answered(agent(target(one_desk.url, card="/nothing"), "shout"), {})
    assert "where its card should be; `card` says where else it is" in str(raised.value)


def test_headers_are_sent_to_their_host_and_nowhere_else(
    one_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_TOKEN", "s3cret")
    secrets = Secrets({"DESK": {"env": "DESK_TOKEN"}})
    headers = {"authorization": "Bearer {secrets.DESK}"}
    bound = agent(target(one_desk.url, secrets, headers=headers), "who", text=STRING)
    assert answered(bound, {"text": "?"}) == "Bearer ***"
    by_name = target(one_desk.url.replace("127.0.0.1", "localhost"), secrets, headers=headers)
    with pytest.raises(AgentError) as raised:
        answered(agent(by_name, "who", text=STRING), {"text": "?"})
    assert "which `headers` are not meant for" in str(raised.value)
    assert "s3cret" not in str(raised.value)


# Settings


def test_a_target_is_a_url_or_a_table() -> None:
    assert provider.from_text("https://a.example/x", ROOT) == A2ASettings(url="https://a.example/x")
    with pytest.raises(Unfit) as unfit:
        provider.from_text("desk", ROOT)
    assert "neither a URL nor a table [a2a.desk]" in unfit.value.message


def test_a_message_with_a_hole_that_nothing_fills() -> None:
    entry = A2AEntry(a2a="desk:shout", message="{txt}")
    bound = agent(target("http://127.0.0.1:9"), "shout", entry=entry, text=STRING)
    with pytest.raises(Unfit) as unfit:
        provider.check(bound.target, bound.member)
    assert unfit.value.key == ("message",)


def test_an_entry_names_a_target_and_a_skill() -> None:
    assert provider.named(A2AEntry(a2a="desk:shout")) == ("desk", "shout")
    assert provider.named(A2AEntry(a2a="desk")) == ("desk", "")


# From a flow

FLOW = """\
use a2a desk = "desk"

type Tally = { sum: int, of: int }
agent count(numbers: list<int>) -> Tally

flow main(text: string) -> { loud: string, tally: Tally, logo: file } {
  step loud = desk.shout(message: text)
  step tally = count(numbers: [1, 2, 39])
  step logo = desk.logo(message: "go")
  return { loud, tally, logo }
}
"""


def test_a_flow_calls_skills_with_types(
    one_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("main.flow").write_text(FLOW)
    Path("flow.toml").write_text(
        f'[a2a.desk]\nurl = "{one_desk.url}"\n\n[agents.count]\na2a = "desk:tally"\n'
    )
    assert invoke(["check", "main.flow"]) == 1
    assert "run `flow lock main.flow`" in capsys.readouterr().out
    assert invoke(["lock"]) == 0
    assert invoke(["check", "main.flow"]) == 0
    capsys.readouterr()
    assert invoke(["run", "main.flow", "text=hi", "--store", "runs.db", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert (data["loud"], data["tally"]) == ("HI", {"sum": 42, "of": 3})
    assert data["logo"]["media_type"] == "image/png"
