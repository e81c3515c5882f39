"""The import of orders: what is kept, what is set aside and why, and what stops it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.examples import Example, copied

HEAD = "order,day,customer,product,quantity,price\n"


@pytest.fixture
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    return copied("orders", tmp_path, monkeypatch, capfd)


def source(orders: Example, **exports: str | bytes) -> str:
    """A folder of exports instead of the one that comes with the example."""
    folder = orders.folder / "source"
    folder.mkdir()
    for name, content in exports.items():
        content = content.encode() if isinstance(content, str) else content
        (folder / f"{name}.csv").write_bytes(content)
    return "source"


def lines(orders: Example, name: str) -> list[Any]:
    return [json.loads(line) for line in (orders.folder / "out" / name).read_text().splitlines()]


def test_the_data_that_comes_with_it(orders: Example) -> None:
    ended = orders.run()
    assert ended.data["rows"] == ended.data["orders"] + ended.data["rejected"] == 45
    kept = lines(orders, "orders.jsonl")
    assert len({order["id"] for order in kept}) == len(kept) == 37
    assert sum(order["cents"] for order in kept) == 77135 and ended.data["revenue"] == "771.35"
    reasons = [letter["reason"] for letter in lines(orders, "rejected.jsonl")]
    assert len(reasons) == ended.data["rejected"] + ended.data["lost"]
    assert "`2026-02-30` is no day" in reasons and "the order 1028 stands twice" in reasons


def test_a_server_that_fails_is_asked_again_but_not_for_ever(orders: Example) -> None:
    row = "1,2026-03-01,a@b,tea,2,4.50\n"
    folder = source(orders, good=HEAD + row, late=HEAD + row.replace("1", "2", 1), never=HEAD + row)
    (orders.folder / folder / "faults.toml").write_text('"late.csv" = 3\n"never.csv" = 4\n')
    ended = orders.run(source=folder)
    assert (ended.data["orders"], ended.data["lost"]) == (2, 1)
    assert ended.outcome["retries"] == 3 + 3
    (letter,) = lines(orders, "rejected.jsonl")
    assert letter["file"] == "never.csv" and "closed the connection" in letter["reason"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",2026-03-01,a@b,tea,2,4.50", "there is no order number"),
        ("1,yesterday,a@b,tea,2,4.50", "`yesterday` is no day"),
        ("1,2026-03-01,a b,tea,2,4.50", "`a b` is no address"),
        ("1,2026-03-01,a@b,tea,-2,4.50", "`-2` is no quantity"),
        ("1,2026-03-01,a@b,tea,99999999999999999999,4.50", "`99999999999999999999` is no quantity"),
        ("1,2026-03-01,a@b,tea,2,4,50", "`4,50` is no price"),
        ("1,2026-03-01,a@b", "`` is no quantity"),
    ],
)
def test_rows_that_make_no_sense(orders: Example, row: str, reason: str) -> None:
    ended = orders.run(source=source(orders, day=f"{HEAD}{row}\n"), most_rejected_percent=100)
    assert (ended.data["orders"], ended.data["rejected"]) == (0, 1)
    (letter,) = lines(orders, "rejected.jsonl")
    assert letter["reason"] == reason and letter["row"]["line"] == 2


def test_an_export_that_is_no_text_or_empty_does_not_stop_the_others(orders: Example) -> None:
    folder = source(orders, a=b"\xff\xfe\x00", b="", c=HEAD + "1,2026-03-01,a@b,Tea,2,4.50\n")
    ended = orders.run(source=folder)
    assert (ended.data["orders"], ended.data["lost"], ended.data["revenue"]) == (1, 2, "9.00")
    assert (orders.folder / "out/revenue.csv").read_text().endswith('"tea",1,2,9.00\n')


def test_too_many_bad_rows_fail_but_their_letters_are_written(orders: Example) -> None:
    ended = orders.run(most_rejected_percent=5)
    assert ended.error == "TooManyRejected"
    assert ended.outcome["errors"][0]["fields"] == {
        "rejected": 8, "rows": 45, "letters": "out/rejected.jsonl"
    }  # fmt: skip
    assert len(lines(orders, "rejected.jsonl")) == 10
    assert not (orders.folder / "out/orders.jsonl").exists()


def test_no_source_no_exports_no_place_to_write(orders: Example) -> None:
    assert orders.run(source="nowhere").error == "NoSuchFolder"
    nothing = orders.run(source=source(orders))
    assert nothing.error == "RequirementFailed" and "there are no exports in source" in nothing.err
    assert orders.run(out="orders.flow").error == "AgentFailed"
