"""The shop behind an HTTP service: what is sold is sold once or not at all, whoever is killed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.examples import Example, alike, copied
from support.kill_stories import example, folder, in_a_process
from support.kills import killed_everywhere

import flowlang

PORT = "8321"


@attrs.define
class Shop:
    """The service of the example, on a port of its own."""

    port: int
    process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it anew, with empty books."""
        self.end()
        self.process = subprocess.Popen([sys.executable, "service.py", str(self.port)])
        while self.process.poll() is None:
            try:
                return socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.01)
        raise AssertionError("the service did not start")

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def books(self) -> Any:
        headers = {"Authorization": "Bearer open-sesame"}
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/books", headers=headers)
        with urllib.request.urlopen(asked) as reply:
            return json.load(reply)


@contextmanager
def shop_on(config: Path) -> Iterator[Shop]:
    """A service for the example in the working folder, whose settings then name its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        shop = Shop(free.getsockname()[1])
    config.write_text(config.read_text().replace(PORT, str(shop.port)))
    try:
        shop.begin()
        yield shop
    finally:
        shop.end()


@pytest.fixture
def sold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[tuple[Example, Shop]]:
    place = copied("shop_api", tmp_path, monkeypatch, capfd)
    with shop_on(place.folder / "flow.toml") as shop:
        yield place, shop


def test_the_readme_tells_the_truth(sold: tuple[Example, Shop]) -> None:
    seen = list(sold[0].session())
    assert len(seen) == 4
    for command, shown, printed in seen:
        assert alike(shown, printed), f"$ {command}\n{printed}"


def test_whoever_cannot_pay_gets_nothing(sold: tuple[Example, Shop]) -> None:
    example, shop = sold
    assert example.run(customer="nobody").data["reason"] == "the bank does not know nobody"
    assert shop.books()["stock"]["kettle"] == 3 and not shop.books()["charges"]


def test_a_wrong_token_is_told_and_not_shown(sold: tuple[Example, Shop]) -> None:
    example, _ = sold
    (example.folder / "shop.env").write_text("SHOP_TOKEN=open-lettuce\n")
    ended = example.run()
    assert ended.error == "AgentFailed"
    assert "401 Unauthorized: who are you?; is the secret right" in " ".join(ended.err.split())
    assert "lettuce" not in ended.err


def test_a_service_that_is_gone_is_unavailable(sold: tuple[Example, Shop]) -> None:
    example, shop = sold
    shop.end()
    ended = example.run()
    assert ended.error == "Unavailable" and "is it running there?" in ended.err


def test_it_is_sold_once_whenever_it_is_killed() -> None:
    assert in_a_process(killed, "Rue 1") >= 8


def test_nothing_is_left_of_it_whenever_it_is_killed() -> None:
    assert in_a_process(killed, "Atlantis") > 5


def killed(address: str) -> int:
    """How often."""
    kills = 0
    with folder() as place, chdir(place):
        story = example(place, "shop_api")
        with shop_on(Path("flow.toml")) as shop:
            story = attrs.evolve(
                story,
                prepared=flowlang.prepare(flowlang.compile("shop_api.flow")),
                inputs={"address": address},
                begin_anew=shop.begin,
            )
            for kill in killed_everywhere(story):
                kills += 1
                books = shop.books()
                shipped = address != "Atlantis"
                assert books["stock"]["kettle"] == (2 if shipped else 3), kill
                assert [c["state"] for c in books["charges"].values()] == ["paid" if shipped else "refunded"]
                assert len(books["shipments"]) == shipped and len(books["reservations"]) == 1, kill
    return kills
