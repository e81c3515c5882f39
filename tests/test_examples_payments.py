"""The order that waits for its payment: shipped once, or put back once, whenever it is killed."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.examples import Example, copied
from support.kill_stories import example, folder, in_a_process
from support.kills import killed_everywhere

from flowlang.tools.run_handle import RunHandle

FULL = {"kettle": 3, "teapot": 1}
ONE = {"item": "kettle", "count": 1}


@pytest.fixture
def payments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    return copied("payments", tmp_path, monkeypatch, capfd)


def shop() -> Any:
    return json.loads(Path("out/shop.json").read_text())


def begun(payments: Example, **inputs: object) -> str:
    """The id of a run that waits for its payment."""
    words = " ".join(f"{name}={value}" for name, value in inputs.items())
    return payments.prints(f"flow run payments.flow --no-wait {words}").split()[0]


def test_what_is_paid_is_shipped(payments: Example) -> None:
    run = begun(payments)
    assert shop() == {"shelf": FULL | {"kettle": 2}, "laid_aside": {"A7": ONE}, "shipped": {}}
    payments.prints(f"flow signal {run} Paid order=A7 euros=30")
    assert json.loads(payments.prints(f"flow resume {run}"))["case"] == "Shipped"
    assert shop() == {
        "shelf": FULL | {"kettle": 2},
        "laid_aside": {},
        "shipped": {"A7": {**ONE, "euros": 30}},
    }


def test_a_payment_of_another_order_or_of_too_little_is_none(payments: Example) -> None:
    run = begun(payments, patience="1h")
    payments.prints(f"flow signal {run} Paid order=A8 euros=30")
    payments.prints(f"flow signal {run} Paid order=A7 euros=29")
    assert "waits" in payments.prints(f"flow resume {run} --no-wait")
    assert shop()["shipped"] == {}


def test_a_payment_that_makes_no_sense_is_refused(payments: Example) -> None:
    run = begun(payments)
    assert "euros" in payments.prints(f"flow signal {run} Paid order=A7 euros=much")
    assert "error" in payments.prints(f"flow signal {run} Payed order=A7 euros=30")


def test_what_is_not_paid_in_time_is_put_back(payments: Example) -> None:
    ended = payments.run(patience="10ms")
    assert ended.data == {"case": "Cancelled", "reason": "A7 was not paid within 10ms"}
    assert ended.outcome["undone"] == ["sale/bill"]
    assert shop() == {"shelf": FULL, "laid_aside": {}, "shipped": {}}


def test_an_order_that_is_cancelled_is_put_back(payments: Example) -> None:
    run = begun(payments)
    payments.prints(f"flow cancel {run}")
    assert "undone: sale/bill" in payments.prints(f"flow resume {run}")
    assert shop()["shelf"] == FULL


def test_nothing_is_laid_aside_of_what_is_not_there(payments: Example) -> None:
    assert payments.run(item="teapot", count=2).data["reason"] == "there are not 2 of teapot"
    assert payments.run(count=0).error == "RequirementFailed"


def test_it_is_shipped_once_whenever_it_is_killed() -> None:
    assert in_a_process(killed, "1h", FULL | {"kettle": 2}) > 5


def test_it_is_put_back_once_whenever_it_is_killed() -> None:
    assert in_a_process(killed, "5ms", FULL) > 5


async def pay(run: RunHandle) -> None:
    run.signal("Paid", {"order": "A7", "euros": 30})


def killed(patience: str, shelf: dict[str, int]) -> int:
    """How often; what is paid in time is paid in each life, as the bank cannot know who has heard it."""
    kills = 0
    with folder() as place, chdir(place):
        story = attrs.evolve(
            example(place, "payments"),
            inputs={"patience": patience},
            outside=pay if patience == "1h" else None,
        )
        for kill in killed_everywhere(story):
            kills += 1
            assert shop()["shelf"] == shelf and shop()["laid_aside"] == {}, kill
            assert len(shop()["shipped"]) == (patience == "1h"), kill
    return kills
