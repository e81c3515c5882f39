"""Two people who approve an invoice: what one says, both, and none; and all of it in the teeth of kills."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path

import attrs
import pytest
import trio
from support.examples import Example, copied
from support.kill_stories import example, folder, in_a_process
from support.kills import killed_everywhere

from flowlang.tools.run_handle import RunHandle

ADA, GRACE = "paid/first/verdict|0", "paid/second/verdict|0"


@pytest.fixture
def invoices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    return copied("invoices", tmp_path, monkeypatch, capfd)


def begun(invoices: Example, words: str = "") -> str:
    """The id of a run that waits for both."""
    return invoices.prints(f"flow run invoices.flow --no-wait {words}").split()[0]


def questions(invoices: Example, run: str) -> list[str]:
    found = json.loads(invoices.prints(f"flow questions {run} --json"))
    return [question["address"].partition("/")[2] for question in found]


def mails() -> list[str]:
    """Who was reminded, as often as they were."""
    mail = Path("out/mail.txt")
    return sorted(line.split(":")[0] for line in mail.read_text().splitlines()) if mail.exists() else []


def test_it_is_paid_when_both_have_approved_and_nobody_is_reminded(invoices: Example) -> None:
    run = begun(invoices)
    assert questions(invoices, run) == [ADA, GRACE]
    invoices.prints(f"flow answer '{run}/{GRACE}' yes")
    assert "waits" in invoices.prints(f"flow resume {run} --no-wait")
    assert questions(invoices, run) == [ADA]
    invoices.prints(f"flow answer {run} yes")
    assert json.loads(invoices.prints(f"flow resume {run}"))["receipt"] == "invoice-2024-117"
    assert mails() == []


def test_one_no_withdraws_the_other_question(invoices: Example) -> None:
    run = begun(invoices)
    invoices.prints(f"flow answer '{run}/{ADA}' no")
    assert json.loads(invoices.prints(f"flow resume {run}")) == {"case": "NotPaid", "reason": "ada said no"}
    assert questions(invoices, run) == []
    assert "error" in invoices.prints(f"flow answer '{run}/{GRACE}' yes")


def test_who_is_reminded_is_so_once_and_asked_the_same_question(invoices: Example) -> None:
    run = begun(invoices, "remind_after=1ms")
    for _ in range(2):
        assert "waits" in invoices.prints(f"flow resume {run} --no-wait")
        assert mails() == ["to ada", "to grace"]
        assert questions(invoices, run) == [ADA, GRACE]


def test_what_nobody_answers_lapses(invoices: Example) -> None:
    ended = invoices.run(remind_after="1ms", lapse_after="200ms")
    assert ended.data["case"] == "NotPaid" and "did not answer within 200ms" in ended.data["reason"]
    assert mails() == ["to ada", "to grace"]


def test_an_answer_that_is_none_is_refused(invoices: Example) -> None:
    run = begun(invoices)
    assert "error" in invoices.prints(f"flow answer '{run}/{ADA}' perhaps")
    assert questions(invoices, run) == [ADA, GRACE]


def test_it_is_paid_once_whenever_it_is_killed() -> None:
    assert in_a_process(paid_once) > 5


async def answer_once_reminded(run: RunHandle) -> None:
    while True:
        if len(mails()) == 2:
            for path in run.questions():
                run.answer(path, "yes")
        await trio.sleep(0.002)


def paid_once() -> int:
    """Both answer when both were reminded."""
    kills = 0
    with folder() as place, chdir(place):
        story = attrs.evolve(
            example(place, "invoices"), inputs={"remind_after": "5ms"}, outside=answer_once_reminded
        )
        for kill in killed_everywhere(story):
            kills += 1
            assert mails() == ["to ada", "to grace"], kill
            assert [file.name for file in Path("out").glob("invoice-*")] == ["invoice-2024-117.txt"], kill
    return kills
