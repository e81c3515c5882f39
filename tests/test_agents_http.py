"""HTTP services as agents: what is sent, what comes of the reply, and everything that can go wrong."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme
from starlette.responses import JSONResponse, Response
from support.http_service import Service, broken, service

import flowlang
from flowlang.runtime import events
from flowlang.runtime.failures import Failure
from flowlang.tools.cli import invoke
from flowlang.tools.frontend import NotRunnable


@pytest.fixture(scope="module")
def shared() -> Iterator[Service]:
    with service() as made:
        yield made


@pytest.fixture
def shop(shared: Service) -> Service:
    shared.asked.clear()
    shared.connections.clear()
    shared.replies.clear()
    return shared


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


HEAD = """
error NotFound(code: int, message: string)
error Busy(retry_after: duration?, status: int)
"""


def ended(flow: str, toml: str = "", **inputs: Any) -> flowlang.Result:
    Path("flow.toml").write_text(toml)
    Path("main.flow").write_text(HEAD + flow)
    return flowlang.run_sync(flowlang.compile("main.flow"), inputs)


def data(flow: str, toml: str = "", **inputs: Any) -> Any:
    result = ended(flow, toml, **inputs)
    assert result.failure is None, result.failure
    return result.data


def failure(flow: str, toml: str = "", **inputs: Any) -> Failure:
    result = ended(flow, toml, **inputs)
    assert result.failure is not None, result.data
    return result.failure


def agent(parameters: str = "", result: str = "json", raises: str = "", policies: str = "effect read") -> str:
    """A flow that calls one declared agent with its own inputs."""
    names = [p.partition(":")[0].strip() for p in parameters.split(",") if p]
    given = ", ".join(f"{name}: {name}" for name in names)
    raised = f" raises {raises}" if raises else ""
    return (
        f"agent ask_it({parameters}) -> {result}{raised} {policies}\n"
        f"flow main({parameters}) -> {result} {{ return ask_it({given}) }}"
    )


def written(keys: dict[str, Any]) -> str:
    """Lines of TOML; what looks like a table is one."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in keys.items())


def _value(value: Any) -> str:
    is_table = isinstance(value, str) and (value.startswith("{ ") or value == "{}")
    return value if is_table else json.dumps(value)


def bound(request: str, **keys: Any) -> str:
    return f"[agents.ask_it]\nhttp = {json.dumps(request)}\n{written(keys)}"


def target(shop: Service, **keys: Any) -> str:
    return f"[http.shop]\nbase = {json.dumps(shop.url)}\n{written(keys)}"


# What is sent: requests written by hand


def test_arguments_fill_an_address_and_nothing_but(shop: Service) -> None:
    flow = agent("id: string, q: string")
    data(flow, target(shop) + bound("shop:GET /echo/{id}/x?a=1&q={q}"), id="a/b ?#%", q="x&y=z")
    assert shop.last["path"] == "/echo/a%2Fb%20%3F%23%25/x"
    assert shop.last["query"] == [["a", "1"], ["q", "x&y=z"]]


def test_a_target_may_stand_apart(shop: Service) -> None:
    assert data(agent(), target(shop) + bound("GET {base}/echo/x", target="shop"))["path"] == "/echo/x"
    assert data(agent(), target(shop) + bound("GET /echo/y", target="shop"))["path"] == "/echo/y"


@pytest.mark.parametrize("id", ["..", ".", ""])
def test_an_argument_cannot_leave_its_place(shop: Service, id: str) -> None:
    wrong = failure(agent("id: string"), target(shop) + bound("shop:GET /echo/{id}/x"), id=id)
    assert wrong.error == "AgentFailed" and "cannot be a part of an address" in wrong.message
    assert not shop.asked


def test_queries_take_lists_and_leave_null_out(shop: Service) -> None:
    flow = agent("tags: list<string>, none: string?, n: int, yes: bool")
    data(flow, target(shop) + bound("shop:GET /echo"), tags=["a", "b c"], none=None, n=3, yes=True)
    assert shop.last["query"] == [["tags", "a"], ["tags", "b c"], ["n", "3"], ["yes", "true"]]


def test_headers_are_filled_and_cannot_be_split(shop: Service) -> None:
    flow, toml = agent("by: string"), target(shop) + bound("shop:GET /echo", headers='{ X-By = "for {by}" }')
    data(flow, toml, by="Ada")
    assert shop.last["headers"]["x-by"] == "for Ada"
    wrong = failure(flow, toml, by="Ada\r\nX-Admin: 1")
    assert "line break" in wrong.message and len(shop.asked) == 1


def test_a_body_is_what_the_address_does_not_use(shop: Service) -> None:
    flow = agent("id: int, name: string, note: string?, tags: list<int>", policies="effect idempotent")
    data(flow, target(shop) + bound("shop:PUT /echo/{id}"), id=1, name="ü", note=None, tags=[1])
    assert shop.last["body"] == {"name": "ü", "tags": [1]}
    assert shop.last["headers"]["content-type"] == "application/json"


def test_a_body_is_built_of_templates(shop: Service) -> None:
    flow = agent("name: string, n: int", policies="effect idempotent")
    body = '{ who = { name = "{name}", tag = "x-{n}" }, list = ["{n}", true] }'
    data(flow, target(shop) + bound("shop:PUT /echo", body=body), name='"', n=3)
    assert shop.last["body"] == {"who": {"name": '"', "tag": "x-3"}, "list": [3, True]}


def test_a_form_is_sent(shop: Service) -> None:
    flow = agent("name: string, tags: list<string>", policies="effect idempotent")
    data(
        flow,
        target(shop) + bound("shop:PUT /echo", form='{ n = "{name}", t = "{tags}" }'),
        name="a&b",
        tags=["1", "2"],
    )
    assert shop.last["body"] == [["n", "a&b"], ["t", "1"], ["t", "2"]]


def test_a_file_is_sent_as_it_is_or_in_a_form(shop: Service) -> None:
    photo = flowlang.File.from_bytes(b"\x89PNG\x00\xff", "image/png")
    flow = agent("photo: file, title: string", policies="effect idempotent")
    data(flow, target(shop) + bound("shop:PUT /echo/{title}", body="{photo}"), photo=photo, title="t")
    assert shop.last["body"] == "\x89PNG\x00\xff"
    assert (
        shop.last["headers"]["content-type"] == "image/png" and shop.last["headers"]["content-length"] == "6"
    )
    data(
        flow,
        target(shop) + bound("shop:PUT /echo", form='{ p = "{photo}", t = "{title}" }'),
        photo=photo,
        title="t",
    )
    content = {"type": "image/png", "content": "\x89PNG\x00\xff"}
    assert shop.last["body"] == [["t", "t"], ["p", content]]


def test_a_key_goes_with_what_may_have_an_effect(shop: Service) -> None:
    flow = """
    agent ask_it(n: int) -> json effect write
    flow main() -> json { step a = ask_it(n: 1) key "order-7" return a }
    """
    data(flow, target(shop) + bound("shop:POST /echo"))
    assert shop.last["headers"]["idempotency-key"] == "order-7"
    data(flow, target(shop, idempotency_header="X-Once") + bound("shop:POST /echo"))
    assert shop.last["headers"]["x-once"] == "order-7"
    data(flow, target(shop, idempotency_header="") + bound("shop:POST /echo"))
    assert "order-7" not in shop.last["headers"].values()


AUTHS = [
    ({"auth": '{ bearer = "{secrets.KEY}" }'}, "authorization", "Bearer hush-hush"),
    ({"auth": '{ basic = ["me", "{secrets.KEY}"] }'}, "authorization", "Basic bWU6aHVzaC1odXNo"),
    ({"auth": '{ header = "X-Key", value = "{secrets.KEY}" }'}, "x-key", "hush-hush"),
    ({"headers": '{ X-Client = "{secrets.KEY}" }'}, "x-client", "hush-hush"),
]
SECRET = '[secrets]\nKEY = { env = "SHOP_KEY" }\n'


@pytest.mark.parametrize(("keys", "header", "value"), AUTHS)
def test_a_server_is_told_who_calls(
    shop: Service, monkeypatch: pytest.MonkeyPatch, keys: Any, header: str, value: str
) -> None:
    monkeypatch.setenv("SHOP_KEY", "hush-hush")
    reply = data(agent(), target(shop, **keys) + bound("shop:GET /echo") + SECRET)
    assert shop.last["headers"][header] == value
    assert "hush-hush" not in json.dumps(reply)


def test_a_secret_in_a_query_is_in_no_message(shop: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "hush-hush")
    keys = {"auth": '{ query = "key", value = "{secrets.KEY}" }'}
    wrong = failure(agent(), target(shop, **keys) + bound("shop:GET /status/500") + SECRET)
    assert shop.last["query"] == [["key", "hush-hush"]] and "hush-hush" not in str(wrong)


def test_a_secret_that_is_missing_is_told_before_anything_is_sent(shop: Service) -> None:
    toml = target(shop, auth='{ bearer = "{secrets.KEY}" }') + bound("shop:GET /echo") + SECRET
    with pytest.raises(NotRunnable, match="SHOP_KEY"):
        ended(agent(), toml)
    assert not shop.asked


def test_a_secret_is_in_nothing_that_a_run_leaves_behind(
    shop: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOP_KEY", "hush-hush")
    monkeypatch.setenv("FLOW_STORE", str(tmp_path / "store" / "runs.db"))
    Path("flow.toml").write_text(
        target(shop, auth='{ bearer = "{secrets.KEY}" }') + bound("shop:GET /echo") + SECRET
    )
    Path("main.flow").write_text(HEAD + agent())
    assert invoke(["run", "main.flow"]) == 0
    said = "".join(capfd.readouterr())
    assert shop.last["headers"]["authorization"] == "Bearer hush-hush"
    assert "Bearer ***" in said and "hush-hush" not in said
    left = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert left and not any(b"hush-hush" in path.read_bytes() for path in left)


# What comes back


def test_a_reply_is_read_by_the_type_that_is_declared(shop: Service) -> None:
    assert data(agent(result="{ method: string }"), target(shop) + bound("shop:GET /echo")) == {
        "method": "GET"
    }
    assert data(agent(result="string"), target(shop) + bound("shop:GET /text")) == "grüße"
    assert (
        data(
            agent(result="string", policies="effect idempotent"),
            target(shop) + bound("shop:PUT /echo", result="method"),
        )
        == "PUT"
    )
    assert data(agent(result="json?"), target(shop) + bound("shop:GET /empty")) is None


def test_a_file_that_is_answered_is_kept(shop: Service) -> None:
    result = ended(agent(result="file"), target(shop) + bound("shop:GET /content"))
    assert result.data["media_type"] == "image/png" and result.data["size"] == 6


def test_a_part_that_is_not_there_is_said(shop: Service) -> None:
    wrong = failure(agent(), target(shop) + bound("shop:GET /echo", result="headers.nowhere.x"))
    assert wrong.error == "BadOutput" and "there is no `nowhere`" in wrong.message


WRONG_REPLIES = [
    ("/page", "json", "the reply is text/html, and no JSON", "Sign in"),
    ("/text", "{ a: int }", "the reply is text/plain, and no JSON", ""),
    ("/content", "string", "the reply is not text in UTF-8", "declare the result as `file`"),
    ("/echo", "{ a: int }", 'the field "a" is missing', ""),
    ("/large/2000000", "string", "larger than 1,048,576 bytes", "`max_response_bytes`"),
    ("/large/2000000?type=text/plain", "json", "larger than 1,048,576 bytes", "`file` may be larger"),
]


@pytest.mark.parametrize(("path", "result", "message", "help"), WRONG_REPLIES)
def test_a_wrong_reply_is_bad_output(shop: Service, path: str, result: str, message: str, help: str) -> None:
    wrong = failure(agent(result=result), target(shop) + bound(f"shop:GET {path}"))
    assert wrong.error == "BadOutput" and message in wrong.message and help in wrong.message


def test_a_file_that_is_too_large_is_not_kept(shop: Service) -> None:
    toml = target(shop, max_file_bytes=100_000) + bound("shop:GET /large/200000")
    wrong = failure(agent(result="file"), toml)
    assert wrong.error == "BadOutput" and "larger than 100,000 bytes; `max_file_bytes`" in wrong.message


STATUSES = [
    (400, "AgentFailed", "400 Bad Request: it is so"),
    (401, "AgentFailed", "401 Unauthorized: it is so; is the secret right"),
    (403, "AgentFailed", "403 Forbidden: it is so; is the secret right"),
    (404, "AgentFailed", "404 Not Found: it is so"),
    (429, "Unavailable", "429 Too Many Requests: it is so"),
    (500, "Unavailable", "500 Internal Server Error: it is so"),
    (503, "Unavailable", "503 Service Unavailable: it is so"),
    (418, "AgentFailed", "418 I'm a Teapot: it is so"),
]


@pytest.mark.parametrize(("status", "error", "message"), STATUSES)
def test_a_status_is_an_error(shop: Service, status: int, error: str, message: str) -> None:
    wrong = failure(agent(), target(shop) + bound(f"shop:GET /status/{status}"))
    assert wrong.error == error and f"GET /status/{status}: {message}" in wrong.message


def test_a_status_may_be_a_declared_error(shop: Service) -> None:
    toml = target(shop, errors='{ 404 = "NotFound", 429 = "Busy" }')
    wrong = failure(agent(raises="NotFound"), toml + bound("shop:GET /status/404"))
    assert wrong.error == "NotFound" and wrong.fields == {"code": 7, "message": "404 Not Found: it is so"}
    wrong = failure(agent(raises="Busy"), toml + bound("shop:GET /status/429?Retry-After=90"))
    assert wrong.fields["status"] == 429 and wrong.fields["retry_after"] == 90_000_000
    wrong = failure(agent(raises="Busy"), toml + bound("shop:GET /status/404"))
    assert wrong.error == "AgentFailed"


def test_fields_of_an_error_are_found_where_servers_put_them(shop: Service) -> None:
    toml = target(shop, errors='{ 429 = "Busy", 400 = "NotFound" }')
    bodies = [{"error": {"code": 3, "message": "no"}}, {"detail": {"code": 3, "message": "no"}}]
    for body in bodies:
        shop.replies.append(JSONResponse(body, 400))
        wrong = failure(agent(raises="NotFound"), toml + bound("shop:GET /next"))
        assert wrong.fields == {"code": 3, "message": "no"}
    shop.replies.append(JSONResponse({"retry_after": 1.5, "status": 4}, 429))
    wrong = failure(agent(raises="Busy"), toml + bound("shop:GET /next"))
    assert wrong.fields == {"retry_after": 1_500_000, "status": 4}


# Patience


def busy(status: int, after: str) -> Response:
    return JSONResponse({}, status, {"Retry-After": after})


def test_what_a_server_asks_to_wait_is_waited(shop: Service) -> None:
    shop.replies += [busy(429, "0"), busy(503, "Thu, 01 Jan 1970 00:00:00 GMT")]
    said: list[str] = []
    Path("flow.toml").write_text(target(shop) + bound("shop:GET /next"))
    Path("main.flow").write_text(agent())

    def hear(event: events.Event) -> None:
        if isinstance(event, events.AgentSaid):
            said.append(event.said.text if hasattr(event, "said") else event.text)

    result = flowlang.run_sync(flowlang.compile("main.flow"), on_event=hear)
    assert result.data == {"tries": 3}
    assert [text.rpartition(": ")[2] for text in said] == [
        "429 Too Many Requests; trying again in 0s",
        "503 Service Unavailable; trying again in 0s",
    ]


@pytest.mark.parametrize(
    ("method", "reply", "tries"),
    [
        ("GET", busy(503, "3600"), 1),  # too long to wait in a call
        ("GET", busy(500, "0"), 1),  # it failed, and nobody asks for patience
        ("GET", JSONResponse({}, 503), 1),
        ("POST", busy(503, "0"), 1),  # it may have been done
        ("POST", busy(429, "0"), 2),
        ("GET", busy(503, "never"), 1),
    ],
)
def test_patience_has_bounds(shop: Service, method: str, reply: Response, tries: int) -> None:
    shop.replies.append(reply)
    result = ended(agent(policies="effect idempotent"), target(shop) + bound(f"shop:{method} /next"))
    assert len(shop.asked) == tries and (result.failure is None) == (tries == 2)
    if tries == 1:
        assert result.failure is not None and result.failure.error == "Unavailable"


def test_a_server_that_always_asks_for_patience_loses_it(shop: Service) -> None:
    shop.replies += [busy(429, "0") for _ in range(9)]
    wrong = failure(agent(), target(shop) + bound("shop:GET /next"))
    assert "it asks to try again in 0s" in wrong.message and len(shop.asked) == 4


def test_a_wait_that_outlasts_the_call_is_not_begun(shop: Service) -> None:
    shop.replies.append(busy(429, "8"))
    started = time.monotonic()
    wrong = failure(agent(policies="effect read timeout 2s"), target(shop) + bound("shop:GET /next"))
    assert "it asks to try again in 8s" in wrong.message and time.monotonic() - started < 2


# Redirects and addresses


def test_redirects_on_the_same_host_are_followed(shop: Service) -> None:
    reply = data(
        agent(policies="effect idempotent"), target(shop) + bound("shop:POST /redirect/303?to=/echo/there")
    )
    assert (reply["method"], reply["path"]) == ("GET", "/echo/there")
    flow = agent("n: int", policies="effect idempotent")
    reply = data(flow, target(shop) + bound("shop:PUT /redirect/307?to=/echo/there"), n=3)
    assert (reply["method"], reply["body"]) == ("PUT", {"n": 3})


def test_redirects_that_go_round_are_left(shop: Service) -> None:
    wrong = failure(agent(), target(shop) + bound("shop:GET /redirect/302?to=/redirect/302?to=/redirect/302"))
    assert "redirects" in wrong.message
    wrong = failure(
        agent(), target(shop) + bound("shop:GET /redirect/302", query='{ to = "/next" }', result="x")
    )
    shop.replies += [Response(status_code=302, headers={"location": "/next"}) for _ in range(9)]
    wrong = failure(agent(), target(shop) + bound("shop:GET /next"))
    assert "redirects more than 5 times" in wrong.message


def test_redirects_to_another_host_need_a_word_and_take_no_secret(
    shop: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "hush-hush")
    with service() as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost") + "/echo"
        toml = bound("shop:GET /redirect/302", query=f'{{ to = "{elsewhere}" }}') + SECRET
        auth = {"auth": '{ bearer = "{secrets.KEY}" }', "private_addresses": "allow"}
        wrong = failure(agent(), target(shop, **auth) + toml)
        assert "redirects to http://localhost" in wrong.message and 'redirects = "any"' in wrong.message
        reply = data(agent(), target(shop, **auth, redirects="any") + toml)
        assert reply["path"] == "/echo" and "authorization" not in reply["headers"]
        assert shop.last["headers"]["authorization"] == "Bearer hush-hush"
        wrong = failure(agent(), target(shop, redirects="never") + bound("shop:GET /redirect/302?to=/echo"))
        assert "`redirects` forbids it" in wrong.message


def test_where_an_argument_leads_is_no_private_address(shop: Service) -> None:
    flow, anywhere = agent("url: string"), bound("GET {url}")
    for url in (
        shop.url,
        shop.url.replace("127.0.0.1", "localhost"),
        "http://[::1]:1/",
        "http://0x7f000001/",
    ):
        wrong = failure(flow, anywhere, url=url)
        assert wrong.error == "AgentFailed" and "private address" in wrong.message, wrong
    assert not shop.asked
    assert (
        data(flow, anywhere + '[http."*"]\nprivate_addresses = "allow"\n', url=f"{shop.url}/echo")["path"]
        == "/echo"
    )


def test_a_redirect_into_a_private_network_is_not_followed(shop: Service) -> None:
    toml = target(shop, redirects="any") + bound("shop:GET /redirect/302?to=http://127.0.0.2:1/")
    wrong = failure(agent(), toml)
    assert "it lies at the private address 127.0.0.2" in wrong.message


def test_what_counts_is_the_address_that_a_name_means(shop: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        looked_up.append(name)
        return look_up("127.0.0.1" if name == "public.test" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    url = shop.url.replace("127.0.0.1", "public.test")
    wrong = failure(agent("url: string"), bound("GET {url}"), url=f"{url}/echo")
    assert "public.test" in wrong.message and "it lies at the private address 127.0.0.1" in wrong.message
    assert looked_up.count("public.test") == 1 and not shop.asked
    assert data(agent(), bound(f"GET {url}/echo"))["path"] == "/echo"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.test/",
        "file:///etc/passwd",
        "//x",
        "",
        "http://",
        "http://me:pw@a.test/",
        "http://a b/",
        "http://\x00",
    ],
)
def test_what_is_no_address_is_not_called(url: str) -> None:
    wrong = failure(agent("url: string"), bound("GET {url}"), url=url)
    assert wrong.error == "AgentFailed" and "pw" not in wrong.message


def test_a_proxy_is_used_if_the_settings_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n42"
    with broken(lambda connection: connection.sendall(reply)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        settings = '[http.shop]\nbase = "http://shop.invalid"\n'
        assert "is not known" in failure(agent(), settings + bound("shop:GET /x")).message
        for named in ("environment", proxy):
            assert data(agent(), f'{settings}proxy = "{named}"\n' + bound("shop:GET /x")) == 42
        wrong = failure(
            agent("url: string"), f'[http."*"]\nproxy = "{proxy}"\n' + bound("GET {url}"), url=proxy
        )
        assert "private address" in wrong.message


# Faults


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    wrong = failure(agent(), bound(f"GET http://127.0.0.1:{port}/x"))
    assert wrong.error == "Unavailable" and f"127.0.0.1:{port} cannot be reached" in wrong.message


def test_a_name_that_nobody_knows_is_unavailable() -> None:
    wrong = failure(agent(), bound("GET http://nowhere.invalid/x"))
    assert wrong.error == "Unavailable" and "nowhere.invalid is not known" in wrong.message


def test_a_certificate_that_nobody_trusts_is_refused(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(str(tmp_path / "cert.pem"), append=True)
    with service(ssl_keyfile=str(tmp_path / "key.pem"), ssl_certfile=str(tmp_path / "cert.pem")) as safe:
        wrong = failure(agent(), target(safe) + bound("shop:GET /echo"))
        assert wrong.error == "AgentFailed" and "not trusted" in wrong.message and "`ca`" in wrong.message
        assert data(agent(), target(safe, ca="ca.pem") + bound("shop:GET /echo"))["path"] == "/echo"
    with pytest.raises(NotRunnable, match=r"no file other\.pem"):
        ended(agent(), target(safe, ca="other.pem") + bound("shop:GET /echo"))


def test_a_server_without_tls_is_told_apart(shop: Service) -> None:
    wrong = failure(agent(), bound(f"GET {shop.url.replace('http', 'https')}/echo"))
    assert wrong.error == "Unavailable" and "is it `http://`?" in wrong.message


BROKEN = [
    (b"", "Unavailable", "broke off"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "Unavailable", "broke off"),
    (b"what do you want?\r\n\r\n", "Unavailable", "broke off"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "Unavailable", "broke off"),
    (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx",
        "BadOutput",
        "cannot be unpacked",
    ),
    (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{",
        "BadOutput",
        "broken JSON",
    ),
    (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n" + b"[" * 60_000,
        "BadOutput",
        "nested too deeply",
    ),
    (
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
        "Unavailable",
        "Invalid URL",
    ),
    (b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n", "Unavailable", "999"),
]


@pytest.mark.parametrize(("reply", "error", "message"), BROKEN, ids=[str(i) for i in range(len(BROKEN))])
def test_a_server_that_breaks_the_rules_is_an_error(reply: bytes, error: str, message: str) -> None:
    with broken(lambda connection: connection.sendall(reply)) as url:
        wrong = failure(agent(), bound(f"GET {url}/x"))
        assert (wrong.error, message in wrong.message) == (error, True), wrong
        wrong = failure(agent(policies="effect idempotent"), bound(f"POST {url}/x"))
        if error == "Unavailable" and b"999" not in reply:
            assert "it may have been carried out all the same" in wrong.message


def test_a_server_that_is_silent_is_left(shop: Service) -> None:
    with broken(lambda connection: time.sleep(1)) as url:
        toml = f'[http.slow]\nbase = "{url}"\ntimeout = 0.1\n' + bound("slow:GET /x")
        wrong = failure(agent(), toml)
    assert wrong.error == "Unavailable" and "silent for longer than `timeout`" in wrong.message
    started = time.monotonic()
    wrong = failure(agent(policies="effect read timeout 300ms"), target(shop) + bound("shop:GET /drip"))
    assert wrong.error == "Timeout" and time.monotonic() - started < 2


def test_a_call_is_cancelled_at_once(shop: Service) -> None:
    Path("flow.toml").write_text(target(shop) + bound("shop:GET /drip"))
    Path("main.flow").write_text(agent())
    compiled = flowlang.compile("main.flow")

    async def main() -> str:
        with trio.fail_after(5):
            async with flowlang.start(compiled) as run:
                while not shop.connections:
                    await trio.sleep(0.01)
                run.cancel()
                return (await run.result()).status

    assert trio.run(main) == "cancelled"


def test_calls_share_connections(shop: Service) -> None:
    flow = """
    agent ask_it(n: int) -> json effect read
    flow main() -> int {
      step all = for each n in 0..50, in order { step one = ask_it(n: n) yield one }
      return all.size()
    }
    """
    assert data(flow, target(shop) + bound("shop:GET /echo/{n}")) == 50
    assert len(shop.asked) == 50 and len(shop.connections) == 1


# What is wrong before anything is sent

A_TEST = '[http.shop]\nbase = "http://a.test"\n'

LOOK = '[http.shop]\nopenapi = "look.yaml"\nbase = "http://a.test"\n'

UNFIT = [
    (agent(), bound("fetch it"), "it is no request"),
    (agent(), bound("GET /x"), "it does not say where the request goes"),
    (agent(), bound("GET {base}/x"), "it does not say where the request goes"),
    (agent(), bound("shop:GET x") + A_TEST, "`x` is no address"),
    (agent(), bound("shop:GET /x") + "[http.shop]\n", "its target has no `base`"),
    (agent(), bound("GET http://a.test/{id}"), "no parameter `id`"),
    (agent("n: int"), bound("GET http://a.test/", query='{ a = "b" }'), "`n` is sent nowhere"),
    (agent(), bound("GET http://a.test/", body="x"), "a GET has no body"),
    (agent(), bound("POST http://a.test/", body="x", form="{}"), "a `body` or a `form`, not both"),
    (agent(), bound("GET http://a.test/", errors='{ 404 = "NotFound" }'), "does not raise `NotFound`"),
    (agent(), bound("GET http://a.test/", errors='{ 40 = "NotFound" }'), "errors"),
    (agent(), bound("GET http://a.test/", headers='{ "X Y" = "a" }'), "headers"),
    (agent(), bound("shop:GET /x", target="other"), "it names two targets, `shop` and `other`"),
    (agent("f: file"), bound("GET http://a.test/{f}"), "the file `f` stands where only values can"),
    (agent("f: file"), bound("PUT http://a.test/"), "the file `f` stands where only values can"),
    (agent("f: list<file>"), bound("GET http://a.test/"), "the file `f` stands where only values can"),
    (agent(), bound("shop:get_it") + A_TEST, "has no operation `get_it`"),
    (agent(), bound("shop:look", query='{ a = "1" }') + LOOK, "`query` of an operation is"),
    (agent(), bound("shop:look", form='{ a = "1" }') + LOOK, "`form` of an operation is what"),
    (agent(), bound("shop:look", errors='{ 404 = "Busy" }') + LOOK, "does not raise `Busy`"),
    (agent(), bound("shop:GET /x") + '[http.shop]\nbase = "a.test"\n', "it is a URL"),
    (agent(), bound("shop:GET /x") + A_TEST + 'auth = { header = "a", query = "b" }\n', "give one of"),
    (agent(), bound("shop:GET /x") + A_TEST + 'bearer = "a"\n', "`bearer` is not an option"),
]  # fmt: skip


@pytest.mark.parametrize(("flow", "toml", "message"), UNFIT, ids=[message for *_, message in UNFIT])
def test_what_cannot_work_is_told_before_the_run(flow: str, toml: str, message: str) -> None:
    Path("look.yaml").write_text("openapi: 3.0.0\npaths: { /x: { get: { operationId: look } } }")
    with pytest.raises(NotRunnable) as wrong:
        ended(flow, toml)
    assert message in "\n".join(f"{d.message} {d.help}" for d in wrong.value.diagnostics)


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowlang.agents.http.find_spec", lambda name: None)
    with pytest.raises(NotRunnable, match=r"a package that is not installed: pip install"):
        ended(agent(), bound("GET http://a.test/"))


# By a document

PATHS = """
  /echo/{id}:
    put:
      operationId: change
      parameters:
        - { name: id, in: path, required: true, schema: { type: string } }
        - { name: tags, in: query, explode: false, schema: { type: array, items: { type: string } } }
        - { name: more, in: query, schema: { type: array, items: { type: integer } } }
        - name: range
          in: query
          style: deepObject
          schema: { properties: { from: { type: integer }, to: { type: integer } } }
        - name: filter
          in: query
          content: { application/json: { schema: { additionalProperties: { type: integer } } } }
        - { name: X-Trace, in: header, schema: { type: string } }
        - { name: session, in: cookie, schema: { type: string } }
      requestBody:
        content:
          application/json:
            schema:
              properties:
                item-no: { type: integer }
                wait: { type: string, format: duration }
                scan: { type: string, format: byte }
      responses: { 200: { content: { application/json: {} } } }
  /content:
    get: { operationId: photo, responses: { 200: { content: { image/png: {} } } } }
  /empty:
    delete: { operationId: forget, responses: { 204: {} } }
  /echo:
    post:
      operationId: upload
      parameters: [{ name: Idempotency-Key, in: header, schema: { type: string } }]
      requestBody:
        required: true
        content:
          multipart/form-data:
            schema:
              required: [photos]
              properties:
                photos: { type: array, items: { type: string, format: binary } }
                title: { type: string }
      responses: { 201: { content: { application/json: {} } } }
    put:
      operationId: replace
      requestBody: { required: true, content: { application/pdf: {} } }
      responses: { 200: { content: { application/json: {} } } }
    patch:
      operationId: form
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: { properties: { a: { type: string }, n: { type: array, items: { type: integer } } } }
      responses: { 200: { content: { application/json: {} } } }
  /echo/login:
    post:
      operationId: login
      parameters: [{ name: Idempotency-Key, in: header, schema: { type: string } }]
      requestBody:
        required: true
        content:
          application/json:
            schema: { required: [pin], properties: { pin: { type: string, format: password } } }
      responses: { 200: { content: { application/json: {} } } }
  /status/404:
    get: { operationId: missing, responses: { 200: {} } }
"""


def documented(shop: Service, *, server: bool = True) -> None:
    servers = f"servers: [{{ url: '{shop.url}' }}]\n" if server else ""
    Path("shop.yaml").write_text(f"openapi: 3.0.0\n{servers}paths:{PATHS}")


USE = 'use http shop = "shop.yaml"\n'


def test_an_operation_is_called_as_its_document_says(shop: Service) -> None:
    documented(shop)
    scan = flowlang.File.from_bytes(b"scan", "image/png")
    flow = (
        USE
        + """
    flow main(scan: file) -> json {
      return shop.change(
        id: "a/b", tags: ["x", "y"], more: [1, 2], range: { from: 1, to: null }, filter: { "a": 1 },
        X_Trace: "t", session: "s1", item_no: 7, wait_: 90s, scan: scan
      )
    }
    """
    )
    data(flow, scan=scan)
    assert shop.last["path"] == "/echo/a%2Fb"
    assert shop.last["query"] == [
        ["tags", "x,y"],
        ["more", "1"],
        ["more", "2"],
        ["range[from]", "1"],
        ["filter", '{"a":1}'],
    ]
    assert shop.last["headers"]["x-trace"] == "t" and shop.last["headers"]["cookie"] == "session=s1"
    assert shop.last["body"] == {"item-no": 7, "wait": "PT1M30S", "scan": "c2Nhbg=="}


def test_files_go_either_way(shop: Service) -> None:
    documented(shop)
    flow = (
        USE
        + """
    flow main(pdf: file) -> { sent: json, put: json, back: file } {
      step photo = shop.photo()
      step sent = shop.upload(photos: [photo, pdf], title: "two")
      step put = shop.replace(body: pdf)
      return { sent: sent, put: put, back: photo }
    }
    """
    )
    reply = data(flow, pdf=flowlang.File.from_bytes(b"%PDF", "application/pdf"))
    photo = {"type": "image/png", "content": "\x89PNG\x00\xff"}
    assert reply["sent"]["body"] == [
        ["title", "two"],
        ["photos", photo],
        ["photos", {"type": "application/pdf", "content": "%PDF"}],
    ]
    assert reply["sent"]["headers"]["idempotency-key"]
    assert reply["put"]["body"] == "%PDF" and reply["put"]["headers"]["content-type"] == "application/pdf"
    assert reply["back"]["media_type"] == "image/png"


def test_a_password_is_sent_and_shown_to_nobody(shop: Service) -> None:
    documented(shop)
    reply = data(
        USE + "flow main(pin: secret<string>) -> json { return shop.login(pin: pin) }", pin="hush-hush"
    )
    assert shop.last["body"] == {"pin": "hush-hush"} and "hush-hush" not in json.dumps(reply)


def test_forms_and_empty_replies(shop: Service) -> None:
    documented(shop)
    flow = (
        USE
        + """
    flow main() -> json {
      step gone = shop.forget()
      step sent = shop.form(a: "x y", n: [1, 2]) key "k"
      return sent
    }
    """
    )
    assert data(flow)["body"] == [["a", "x y"], ["n", "1"], ["n", "2"]]


def test_errors_of_operations_are_declared_in_flow_toml(shop: Service) -> None:
    documented(shop)
    flow = USE + "flow main() -> null { return shop.missing() }"
    toml = '[http.shop]\nopenapi = "shop.yaml"\nerrors = { 404 = "NotFound" }\n'
    wrong = failure(flow.replace("shop.yaml", "shop"), toml)
    assert wrong.error == "NotFound" and wrong.fields["code"] == 7
    assert failure(flow).error == "AgentFailed"


def test_a_declared_agent_may_be_an_operation(shop: Service) -> None:
    documented(shop)
    toml = '[http.shop]\nopenapi = "shop.yaml"\n' + bound("shop:change", result="path")
    assert data(agent("id: string", result="string"), toml, id="x") == "/echo/x"


def test_a_document_without_a_server_needs_a_base(shop: Service) -> None:
    documented(shop, server=False)
    flow = USE + "flow main() -> null { return shop.forget() }"
    with pytest.raises(NotRunnable, match="does not say where the service is"):
        ended(flow)
    toml = f'[http."shop.yaml"]\nopenapi = "shop.yaml"\nbase = "{shop.url}"\n'
    assert data(flow, toml) is None
