"""The job at a slow service: there is one, whatever happens to whoever waits for it."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path

import attrs
import pytest
from support.examples import Example, copied
from support.kill_stories import example, folder, in_a_process
from support.kills import killed_everywhere


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    return copied("jobs", tmp_path, monkeypatch, capfd)


def at_the_service() -> list[str]:
    return sorted(path.name for path in Path("out").iterdir())


def test_the_counts_are_collected(jobs: Example) -> None:
    ended = jobs.run(takes="30ms", every="10ms")
    assert ended.data[0] == {"word": "the", "times": 4}
    assert ended.outcome["retries"] == 1  # the first answer to `submit` is lost
    assert at_the_service() == [f"words-{ended.outcome['run_id']}.json"]


def test_what_it_said_in_between_can_be_seen(jobs: Example) -> None:
    # In fewer rounds than are kept: of a longer loop only the last ones are known.
    run = jobs.run(takes="100ms", every="40ms").outcome["run_id"]
    assert '"state": "working"' in jobs.prints(f"flow show {run} end#0/progress")


def test_a_job_that_fails_is_cancelled(jobs: Example) -> None:
    ended = jobs.run(takes="1ms", text="nowhere.txt")
    assert ended.error == "Broken" and ended.outcome["undone"] == ["job"]
    assert at_the_service() == []


def test_a_job_that_takes_too_long_is_cancelled(jobs: Example) -> None:
    ended = jobs.run(takes="10h", every="0s")
    assert ended.error == "LoopExhausted" and ended.outcome["undone"] == ["job"]
    assert at_the_service() == []


def test_there_is_one_job_whenever_it_is_killed() -> None:
    assert in_a_process(submitted_once) > 5


def submitted_once() -> int:
    kills = 0
    with folder() as place, chdir(place):
        story = attrs.evolve(example(place, "jobs"), inputs={"takes": "60ms", "every": "40ms"})
        for kill in killed_everywhere(story):
            kills += 1
            [job] = Path("out").glob("*.json")
            assert json.loads(job.read_text())["text"] == "letter.txt", kill
    return kills
