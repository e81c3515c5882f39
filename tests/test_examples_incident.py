"""The incident: who is asked how often, who decides, and that there is a report in any case."""

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

QUICK = "every=10ms"


@pytest.fixture
def incident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    return copied("incident", tmp_path, monkeypatch, capfd)


def begun(incident: Example) -> str:
    """The id of a run that waits for whoever is on call."""
    return incident.prints(f"flow run incident.flow {QUICK} --no-wait").split()[0]


def calls() -> int:
    return len(Path("out/calls.txt").read_text().splitlines())


def report() -> list[str]:
    return Path("out/report.md").read_text().splitlines()[2:]


def test_the_breaker_opens_before_everybody_has_tried_thrice(incident: Example) -> None:
    begun(incident)
    assert 4 <= calls() <= 5  # two at once: one may be on its way when the fourth fails


def test_whoever_is_on_call_has_it_restarted(incident: Example) -> None:
    run = begun(incident)
    incident.prints(f"flow answer {run} restart")
    seen = json.loads(incident.prints(f"flow resume {run}"))
    assert [one["component"] for one in seen if one["health"] == "down"] == ["search"]
    assert len(seen) == 6 and report()[1:3] == ["- the status service is restarted", "- shop is up"]


def test_nobody_on_call_has_it_restarted_too(incident: Example) -> None:
    ended = incident.run(patience="10ms")
    assert {one["health"] for one in ended.data} == {"up", "down"}


def test_there_is_a_report_of_what_could_not_be_found_out(incident: Example) -> None:
    run = begun(incident)
    incident.prints(f"flow answer {run} wait")
    assert "StillUnknown" in incident.prints(f"flow resume {run}")
    assert report() == [f"- {run} is opened"]


def test_there_is_a_report_of_what_was_cancelled(incident: Example) -> None:
    run = begun(incident)
    incident.prints(f"flow cancel {run}")
    incident.prints(f"flow resume {run}")
    assert report() == [f"- {run} is opened"]


def test_it_comes_to_the_same_report_whenever_it_is_killed() -> None:
    assert in_a_process(reported) > 5


async def answer(run: RunHandle) -> None:
    while True:
        for path in run.questions():
            run.answer(path, "restart")
        await trio.sleep(0.002)


def reported() -> int:
    """With one component, so that the breaker, which a new life knows nothing of, does not open."""
    kills = 0
    inputs = {"components": ["search"], "every": "10ms"}
    with folder() as place, chdir(place):
        story = attrs.evolve(example(place, "incident"), inputs=inputs, outside=answer)
        for kill in killed_everywhere(story):
            kills += 1
            happened = ["- r1 is opened", "- the status service is restarted", "- search is down"]
            assert report() == happened, kill
    return kills
