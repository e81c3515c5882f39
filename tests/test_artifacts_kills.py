"""A run with files is killed at any of its commits: no row that outlives it mentions a content that is not
there, and what it gives in the end is what it would have given."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.kills import Kill, Story, outlives, whole

import flowlang
from flowlang.hosts.sqlite.artifacts import Artifacts, artifacts_of
from flowlang.hosts.sqlite.store import Store
from flowlang.values.references import HASH

FLOW = """
agent write(text: string) -> file effect idempotent
agent join(parts: list<file>) -> file effect idempotent

flow main() -> file {
  step parts = for each n in 1..3 { step part = write(text: "part ${n}") yield part }
  step first = join(parts: parts)
  step twice = join(parts: [first, first])
  return twice
}
"""


def write(text: str) -> flowlang.File:
    return flowlang.File.from_bytes(text.encode(), "text/plain")


def join(parts: list[flowlang.File]) -> flowlang.File:
    return flowlang.File.from_bytes(b" ".join(part.read() for part in parts), "text/plain")


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.flow").write_text(FLOW)
    compiled = flowlang.compile("main.flow")
    prepared = flowlang.prepare(compiled, agents={"write": write, "join": join})
    return Story(tmp_path, prepared, forked=True)


@pytest.mark.parametrize("when", ["before", "after", "interrupt"])
def test_killed_at_a_commit(story: Story, when: str) -> None:
    expected = whole(story)
    for commit in range(1, expected.commits + 1):
        outlives(story, expected, [Kill(commit, when)])  # type: ignore[arg-type]
        insist_on_contents(story.store)


@pytest.mark.parametrize("puts", [1, 3, 4])
def test_killed_between_a_content_and_its_row(story: Story, puts: int) -> None:
    expected = whole(story)
    story.forget()
    with dying_after(puts):
        assert story.live(1, None) is None
    insist_on_contents(story.store)
    assert story.live(2, None) is not None
    assert story.look().result["data"] == expected.result["data"]
    insist_on_contents(story.store)


@contextmanager
def dying_after(puts: int) -> Iterator[None]:
    """A process that dies once it has put so many contents."""
    put, count = Artifacts.put, [0]

    def dying(self: Artifacts, hash: str, source: Path | bytes, pin: str) -> None:
        put(self, hash, source, pin)
        count[0] += 1
        if count[0] == puts:
            os.kill(os.getpid(), signal.SIGKILL)

    Artifacts.put = dying  # type: ignore[method-assign]
    try:
        yield
    finally:
        Artifacts.put = put  # type: ignore[method-assign]


def insist_on_contents(path: Path) -> None:
    """Every content that the store mentions is there and whole."""
    contents = Artifacts(artifacts_of(path))
    with Store.open(path, "none") as store:
        texts = [row.outcome or "" for run in store.runs() for row in store.journal(run.number)]
    for text in texts:
        for found in HASH.finditer(text):
            contents.check(found[0])
