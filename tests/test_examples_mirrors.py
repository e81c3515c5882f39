"""The mirrors: who is believed, who is waited for, and what is left when a file is nowhere.

The slow mirror takes an hour, so a test that ends at all shows that nobody waits for it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support.examples import Example, copied


@pytest.fixture
def mirrors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    return copied("mirrors", tmp_path, monkeypatch, capfd)


def mirror(mirrors: Example, name: str, release: dict[str, str], **damaged: str) -> str:
    """A mirror of a release, some of its files with other contents."""
    folder = mirrors.folder / name
    folder.mkdir()
    sums = [f"{hashlib.sha256(text.encode()).hexdigest()}  {file}\n" for file, text in release.items()]
    (folder / "SHA256SUMS").write_text("".join(sums))
    for file, text in (release | damaged).items():
        (folder / file).write_text(text)
    return name


def saved(mirrors: Example) -> dict[str, str]:
    return {path.name: path.read_text() for path in (mirrors.folder / "out").iterdir()}


def test_every_file_comes_whole_from_somewhere(mirrors: Example) -> None:
    ended = mirrors.run()
    assert ended.data == {"files": sorted(saved(mirrors)), "missing": []}
    south = mirrors.folder / "mirrors/south"
    assert saved(mirrors) == {path.name: path.read_text() for path in south.glob("*.txt")}


def test_a_majority_outvotes_a_mirror_that_has_something_else(mirrors: Example) -> None:
    good, other = {"a": "one"}, {"a": "two"}
    names = [
        mirror(mirrors, "liar", other),
        mirror(mirrors, "first", good),
        mirror(mirrors, "second", good),
    ]
    assert mirrors.run(mirrors=names).data["files"] == ["a"]
    assert saved(mirrors) == {"a": "one"}


def test_without_a_majority_nothing_is_downloaded(mirrors: Example) -> None:
    names = [mirror(mirrors, name, {"a": name}) for name in ("one", "two", "three")]
    ended = mirrors.run(mirrors=names)
    assert ended.error == "NoQuorum" and "no 2 mirrors have the same release" in ended.err
    assert not (mirrors.folder / "out").exists()


def test_a_partial_result_only_where_it_is_tolerated(mirrors: Example) -> None:
    release = {"a": "one", "b": "two"}
    names = [mirror(mirrors, name, release, b="broken") for name in ("one", "two")]
    assert mirrors.run(mirrors=names).error == "Damaged"
    assert mirrors.run(mirrors=names, most_missing=1).data == {"files": ["a"], "missing": ["b"]}
    assert saved(mirrors) == {"a": "one"}


def test_a_mirror_that_never_answers_is_given_up(mirrors: Example) -> None:
    ended = mirrors.run(mirrors=["mirrors/north", "mirrors/south"], patience="50ms")
    assert ended.error == "NoQuorum" and "not done within 50ms" in ended.err


def test_names_that_lead_out_of_the_folder_stay_in_it(mirrors: Example) -> None:
    names = [mirror(mirrors, name, {"a": "one"}) for name in ("one", "two")]
    for name in names:
        sums = (mirrors.folder / name / "SHA256SUMS").read_text()
        (mirrors.folder / name / "SHA256SUMS").write_text(sums.replace("  a", f"  ../{name}/a"))
    assert mirrors.run(mirrors=["one", "one"]).data["files"] == ["../one/a"]
    assert saved(mirrors) == {"a": "one"}


def test_no_mirrors_no_answers_no_place_to_write(mirrors: Example) -> None:
    assert mirrors.run(mirrors=[]).error == "RequirementFailed"
    assert mirrors.run(mirrors=["nowhere", "mirrors/lost"]).error == "NoQuorum"
    assert mirrors.run(quorum=0).error == "RequirementFailed"
    # Absolute, since a call that is not awaited may still be writing when the test has left the folder.
    assert mirrors.run(out=str(mirrors.folder / "mirrors.flow")).error == "AgentFailed"
