"""Runs that are killed at any commit, and carried on: real kills on a real store. See `support/kills.py`.

Two processes kill at a time, each with little in its memory, since what a fork costs is what there is to be
forked."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from support import kill_stories
from support.kill_stories import EXAMPLES, FLOWS
from support.kills import whole

LEAST = 500  # kill points

JOBS: dict[str, tuple[Callable[..., int], str]] = {
    **{f"{name}, once": (kill_stories.killed_once, name) for name in [*FLOWS, *EXAMPLES]},
    **{f"{name}, often": (kill_stories.killed_again_and_again, name) for name in [*FLOWS, *EXAMPLES]},
    "made up": (kill_stories.nobody_wrote, ""),
    "told": (kill_stories.told_what_calls_gave, ""),
    "untold": (kill_stories.left_until_told, ""),
}


@pytest.fixture(scope="module")
def killed() -> Iterator[dict[str, Future[int]]]:
    """How often each was killed, in time."""
    with ProcessPoolExecutor(2, get_context("spawn"), gc.freeze) as processes:
        yield {job: processes.submit(work, *filter(None, [name])) for job, (work, name) in JOBS.items()}
        processes.shutdown(cancel_futures=True)


@pytest.mark.parametrize("job", JOBS)
def test_a_run_outlives_its_processes(killed: dict[str, Future[int]], job: str) -> None:
    assert killed[job].result() > 0


def test_a_thread_writes_too_where_kills_strike() -> None:
    with kill_stories.story_of("looks at items") as story:
        lived = whole(story)
    assert 0 < lived.beside < lived.commits


def test_there_were_enough_kills(killed: dict[str, Future[int]]) -> None:
    assert sum(job.result() for job in killed.values()) >= LEAST
