"""Properties of requests: what is sent arrives, whatever it is, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from support.http_service import Service, service

import flowlang
from flowlang.agents.http.addresses import is_private
from flowlang.agents.http.replies import Reply, retry_after
from flowlang.tools.engine import Prepared

FLOW = """
type Part = { name: string, count: int?, tags: list<string> }
agent send(id: string, q: string?, by: string?, part: Part) -> json effect idempotent
flow main(id: string, q: string?, by: string?, part: Part) -> json {
  return send(id: id, q: q, by: by, part: part)
}
"""
BINDING = """
[agents.send]
http = "PUT URL/echo/{id}/end"
query = { q = "{q}" }
headers = { X-By = "{by}" }
body = { part = "{part}", by = "{by}" }
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[Service]:
    with service() as made:
        yield made


@pytest.fixture(scope="module")
def flow(shop: Service, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder: Path = tmp_path_factory.mktemp("requests")
    (folder / "flow.toml").write_text(BINDING.replace("URL", shop.url))
    (folder / "main.flow").write_text(FLOW)
    return flowlang.prepare(flowlang.compile(folder / "main.flow"), folder=folder)


TEXTS = st.text(max_size=20) | st.sampled_from(
    ["a/../b", "%2e%2e", "?#&=", "//x.test/", "{id}", "\\..", "a\nb: c", "\x7f"]
)
PARTS = st.fixed_dictionaries(
    {
        "name": TEXTS,
        "count": st.none() | st.integers(-(2**63), 2**63 - 1),
        "tags": st.lists(TEXTS, max_size=3),
    }
)


@settings(max_examples=60, deadline=None)
@given(id=TEXTS.filter(lambda text: "\n" not in text), q=st.none() | TEXTS, by=st.none() | TEXTS, part=PARTS)
def test_what_is_sent_arrives(shop: Service, flow: Prepared, id: str, q: Any, by: Any, part: Any) -> None:
    shop.asked.clear()
    result = trio.run(partial(flow.run, {"id": id, "q": q, "by": by, "part": part}))
    if result.failure is not None:
        told = ("cannot be a part of an address", "the header `X-By` holds", "lead to another place")
        assert any(words in result.failure.message for words in told), result.failure
        assert not shop.asked
        return
    (asked,) = shop.asked
    head, _, rest = asked["path"].removeprefix("/echo/").partition("/")
    assert (unquote(head), rest) == (id, "end")
    assert asked["query"] == ([] if q is None else [["q", q]])
    assert asked["body"] == {"part": part} | ({} if by is None else {"by": by})
    assert asked["headers"].keys() - {"x-by"} == {
        "host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length",
    }  # fmt: skip
    sent = asked["headers"].get("x-by")
    assert (None if sent is None else sent.encode("latin-1").decode().strip()) == (by and by.strip())


ADDRESSES = [
    ("127.0.0.1", True), ("10.1.2.3", True), ("172.31.0.1", True), ("192.168.1.1", True),
    ("169.254.169.254", True),
    ("0.0.0.0", True), ("100.64.0.1", True), ("224.0.0.1", True), ("255.255.255.255", True), ("::", True),
    ("::1", True), ("fe80::1%eth0", True), ("fd00::1", True), ("ff02::1", True), ("::ffff:127.0.0.1", True),
    ("64:ff9b::7f00:1", True), ("2002:7f00:1::", True), ("::ffff:8.8.8.8", False),
    ("64:ff9b::808:808", False), ("8.8.8.8", False), ("2606:4700::1111", False),
]  # fmt: skip


@pytest.mark.parametrize(("address", "private"), ADDRESSES)
def test_addresses_are_told_apart(address: str, private: bool) -> None:
    assert is_private(address) == private


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("9" * 40, 999_999_999),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
        ("²", None),
        ("Thu, 99 Jan 1970 00:00:00 GMT", None),
    ],
)
def test_how_long_a_server_asks_to_wait(text: str, seconds: float | None) -> None:
    assert retry_after(Reply(429, {"retry-after": text}), now=60) == seconds


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=30)
    | st.recursive(
        st.none() | st.text(max_size=3),
        lambda inside: (
            st.dictionaries(st.sampled_from(["detail", "error", "message"]), inside)
            | st.lists(inside, max_size=2)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_a_server_says_of_an_error_is_shown(content: bytes) -> None:
    for kind in ("application/json", "text/plain", ""):
        assert Reply(400, {"content-type": kind}, content).said.startswith("400 Bad Request")
