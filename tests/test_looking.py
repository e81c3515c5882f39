"""Looking at stored runs and speaking to them, as a user sees it: sessions of commands with what they print.

All sessions are held with the same runs, made in virtual time, and at the same instant; UPDATE_CASES=1 writes
them anew."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from support.stored import CASES, EPOCH, Scene, make

from flowlang.hosts.sqlite.store import Store
from flowlang.tools import cli

SESSIONS = sorted(CASES.glob("*.txt"))

NOW = EPOCH + 5 * 3_600 * 1_000_000

SCENES = (
    Scene("4f2a90c1d3e7", "order", {"name": "Bob", "token": "hush"}),
    Scene("4f2b11aa0c55", "trip", {"token": "hush"}),
    Scene("90aa37b1c2d4", "review", {"draft": "All is well."}, seconds=2 * 3_600),
    Scene("c0de00000001", "bulk", {"count": 40}, seconds=60),
    Scene("dead00000001", "pay", {"token": "hush"}, seconds=5, lost=True),
    Scene("ca9ce1000001", "review", {"draft": "No."}, acts=((30.0, "cancel"),)),
    Scene("a1ive0000001", "review", {"draft": "Wait."}, seconds=60, held=True),
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store with all scenes, one of them held."""
    path = tmp_path_factory.mktemp("store") / "runs.db"
    before = Path.cwd()
    os.chdir(CASES)
    try:
        with Store.open(path, "none") as store, store.new_owner() as owner:
            for scene in SCENES:
                make(store, scene, owner)
            yield path
    finally:
        os.chdir(before)


@pytest.fixture
def there(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The store, of which every test may change a copy; the same hour in every time zone."""
    with Store.open(runs, "none") as store:
        store.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(runs, tmp_path / "runs.db")
    (tmp_path / "runs.db-owners").symlink_to(runs.with_name("runs.db-owners"))
    monkeypatch.chdir(CASES)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(time, "time_ns", lambda: NOW * 1000)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FLOW_STORE", str(tmp_path / "runs.db"))
    yield tmp_path / "runs.db"
    monkeypatch.undo()
    time.tzset()


def test_what_is_printed_as_json_fits_its_schema(there: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def printed(command: str) -> str:
        cli.invoke(command.split())
        return capfd.readouterr().out

    def fit(name: str, *texts: str) -> None:
        schema = json.loads(printed(f"schema {name}"))
        checker = Draft202012Validator(schema)
        checker.check_schema(schema)
        for text in texts:
            assert (error := best_match(checker.iter_errors(json.loads(text)))) is None, error

    fit("runs", printed("runs --json"))
    fit("questions", printed("questions --json"))
    for scene in SCENES:
        shown = printed(f"show {scene.id} --json")
        steps = [step["path"] for step in json.loads(shown)["steps"]]
        fit("show", shown)
        fit("step", *(printed(f"show {scene.id} {path} --json") for path in steps[:12]))
        fit("logs", *printed(f"logs {scene.id} --json").splitlines())
        fit("result", printed(f"result {scene.id} --json"))
    fit("result", printed("run nowhere.flow --json"))


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_session(
    path: Path, there: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = path.read_text(encoding="utf-8")
    commands = [line.removeprefix("$ ") for line in expected.split("\n") if line.startswith("$ ")]
    found = "\n".join(transcript(command, there, monkeypatch, capfd) for command in commands)
    if os.environ.get("UPDATE_CASES"):
        path.write_text(found, encoding="utf-8")
    else:
        assert found == expected


def transcript(
    command: str, store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> str:
    """What a command prints; `command < text` gives it a text on stdin."""
    words, _, given = command.partition(" < ")
    content = given.encode().decode("unicode_escape").encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    code = cli.invoke(shlex.split(words)[1:])
    out, err = (equalised(text, store) for text in capfd.readouterr())
    told = f"--- stderr\n{err}" if err else ""
    return f"$ {command}\n{out}{told}--- exit {code}\n"


def equalised(text: str, store: Path) -> str:
    text = text.replace(str(store), "STORE").replace(str(CASES), "CASES")
    text = re.sub(r'("(?:pid|since)"): \d+', r"\1: 1", text)
    text = re.sub(r"process \d+ .*? since [-\d]+ [:\d]+", "process 1 (`flow run`) since then", text)
    return re.sub(r"process \d+ \(`[^`]*`\)", "process 1 (`flow run`)", text)
