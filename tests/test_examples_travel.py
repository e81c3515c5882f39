"""The saga of a trip: booked as a whole or not at all, whenever it is killed, and who is asked on the way."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.examples import ROOT, Example, copied
from support.kill_stories import example, folder, in_a_process
from support.kills import Kill, killed_everywhere

import flowlang


@pytest.fixture
def travel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    return copied("travel", tmp_path, monkeypatch, capfd)


def log(travel: Example) -> list[str]:
    return (travel.folder / "out/office/log.txt").read_text().splitlines()


def assert_nothing_is_left(travel: Example) -> None:
    """The office's books are as they were before the first customer."""
    state = json.loads((travel.folder / "out/office/state.json").read_text())
    assert state | {"last_id": 0} == json.loads((travel.folder / "offers.json").read_text())
    assert log(travel)[-1] == "the office closes"


def test_a_trip_is_booked_and_paid_once(travel: Example) -> None:
    ended = travel.run()
    assert ended.data["case"] == "Booked" and ended.data["euros"] == 425
    assert ended.outcome["retries"] == 1  # the bank's first answer is lost
    state = json.loads((travel.folder / "out/office/state.json").read_text())
    assert state["accounts"]["ada"] == 2000 - 425 and list(state["payments"]) == [ended.data["receipt"]]
    assert state["offers"]["hotel"]["Lisbon"]["left"] == 1 and len(state["bookings"]) == 3
    assert len(list((travel.folder / "out/tickets").iterdir())) == 3


def test_a_payment_that_fails_undoes_everything_in_reverse(travel: Example) -> None:
    assert travel.run(account="bob").data["case"] == "NotBooked"
    assert log(travel)[1:] == [
        "hotel hotel-1 booked",
        "train train-2 booked",
        "museum museum-3 booked",
        "bob cannot pay 425",
        "museum museum-3 cancelled",
        "train train-2 cancelled",
        "hotel hotel-1 cancelled",
        "the office closes",
    ]
    assert_nothing_is_left(travel)


def test_a_failure_after_the_payment_gives_the_money_back_too(travel: Example) -> None:
    ended = travel.run(tickets="travel.flow")
    assert ended.error == "AgentFailed"
    assert "undone: trip/receipt, trip/museum, trip/train, trip/hotel" in ended.err
    assert "ada got 425 back" in log(travel)
    assert_nothing_is_left(travel)


def test_without_a_museum_it_is_still_a_trip_but_not_without_a_hotel(travel: Example) -> None:
    assert [b["id"] for b in travel.run(city="Vienna").data["bookings"]] == ["hotel-1", "train-2"]
    nowhere = travel.run(city="Vienna").data
    assert nowhere == {"case": "NotBooked", "reason": "there is no hotel for Vienna"}
    assert travel.run(city="Atlantis").data["case"] == "NotBooked"


@pytest.mark.parametrize(("answer", "case"), [("yes", "Booked"), ("no", "NotBooked")])
def test_a_program_answers_the_question(travel: Example, answer: str, case: str) -> None:
    asked: list[Any] = []

    async def answers(path: str, question: flowlang.Question) -> str:
        asked.append((question.ask, question.arguments))
        return answer

    plan = flowlang.compile("travel.flow")
    result = flowlang.run_sync(plan, {"nights": 4}, answer=answers)
    assert asked == [("confirm", {"question": "Lisbon, 4 nights, for 645 euros?"})]
    assert result.status == "done" and result.data["case"] == case
    if answer == "no":
        assert_nothing_is_left(travel)


def test_where_nobody_can_be_asked_nothing_is_booked(travel: Example) -> None:
    told = travel.prints("flow run travel.flow nights=4 --ephemeral")
    assert "error[Unavailable]: nobody is there to answer `confirm`" in told
    assert_nothing_is_left(travel)


def test_a_person_answers_at_the_terminal_as_the_readme_shows(travel: Example) -> None:
    travel.run()
    before = (travel.folder / "out/office/state.json").read_text()
    code, shown = at_a_terminal(travel, "perhaps\nno\n")
    readme = (travel.folder / "README.md").read_text()
    session = readme.partition("```text\n$ flow run travel.flow nights=4\n")[2].partition("```")[0]
    told = [line for line in session.splitlines() if line not in ("> no", "…")]
    assert code == 0 and told and [line for line in told if line not in shown] == []
    after = (travel.folder / "out/office/state.json").read_text()
    assert json.loads(after) | {"last_id": 3} == json.loads(before)


def test_an_interrupt_at_the_question_undoes_what_was_booked_where_nothing_is_kept(travel: Example) -> None:
    code, shown = at_a_terminal(travel, None, "--ephemeral")
    assert code == 130 and "undone: trip/museum, trip/train, trip/hotel" in shown
    assert_nothing_is_left(travel)


def test_an_interrupt_at_the_question_leaves_the_run_to_be_resumed_or_cancelled(travel: Example) -> None:
    code, shown = at_a_terminal(travel, None)
    assert code == 3 and log(travel)[-1] == "museum museum-3 booked"
    run = shown.partition("`flow resume ")[2].partition("`")[0]
    travel.prints(f"flow cancel {run}")
    assert "undone: trip/museum, trip/train, trip/hotel" in travel.prints(f"flow resume {run}")
    assert_nothing_is_left(travel)


def test_no_nights_no_place_for_the_office(travel: Example) -> None:
    assert travel.run(nights=0).error == "RequirementFailed"
    assert travel.run(office="travel.flow").error == "AgentFailed"


def test_a_trip_is_booked_once_whenever_it_is_killed() -> None:
    assert in_a_process(booked_once) > 12


@pytest.mark.parametrize("inputs", [{"account": "bob"}, {"tickets": "travel.flow"}], ids=str)
def test_nothing_is_left_half_booked_whenever_it_is_killed(inputs: dict[str, str]) -> None:
    assert in_a_process(given_back, inputs) >= 8


def booked_once() -> int:
    kills = 0
    with folder() as place, chdir(place):
        for kill in killed_everywhere(example(place, "travel")):
            kills += 1
            books = json.loads(Path("out/office/state.json").read_text())
            assert books["accounts"]["ada"] == 2000 - 425 and list(books["payments"]) == ["trip-r1"], kill
            assert list(books["bookings"]) == ["hotel-1", "train-2", "museum-3"], kill
            assert "cancelled" not in Path("out/office/log.txt").read_text(), kill
    return kills


def given_back(inputs: dict[str, str]) -> int:
    """Each run is killed once more in its second life, so while it undoes as well. Had anything not been
    given back, or given back twice, the books would show it."""
    kills = 0
    with folder() as place, chdir(place):
        story = attrs.evolve(example(place, "travel"), inputs=inputs, told=undone)
        for kill in killed_everywhere(story, Kill(2, "before"), step=3):
            kills += 1
            books = json.loads(Path("out/office/state.json").read_text())
            assert books | {"last_id": 0} == json.loads(Path("offers.json").read_text()), kill
    return kills


def undone(result: Any) -> object:
    """What came of it, what went wrong, and what was undone: each recorded once."""
    return result["data"], [error["error"] for error in result["errors"]], result["undone"]


def at_a_terminal(travel: Example, typed: str | None, *options: str) -> tuple[int, str]:
    """A trip that is asked about, in a process with a terminal of its own: the exit code and the screen.
    Once the question is on it, `typed` is typed, or the process interrupted."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flowlang", "run", "travel.flow", "nights=4", *options],
        cwd=travel.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while read := _read(ours):
        shown += read
        if b"> " in shown and b"answer with" in shown and process.poll() is None:
            if typed is None:
                process.send_signal(signal.SIGINT)
            else:
                os.write(ours, typed.encode())
            shown += _rest(ours)
            break
    os.close(ours)
    return process.wait(timeout=20), shown.decode(errors="replace")


def _rest(terminal: int) -> bytes:
    rest = b""
    while read := _read(terminal):
        rest += read
    return rest


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that nobody has the other end any more
        return b""
