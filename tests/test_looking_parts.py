"""What looking at runs rests on: the history of every case of the runtime, as far as any of its rows; paths;
times and columns; and journals, stores and readers that are not what they should be."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.durable import PlayedDurably, play_durably
from support.runs import EPOCH, outside_of
from support.stored import CASES, Scene, make

from flowlang.hosts.sqlite.records import NewRun
from flowlang.hosts.sqlite.store import Store
from flowlang.plan.load import dump_plan
from flowlang.plan.paths import step_at
from flowlang.plan.styled import Stretch, written
from flowlang.runtime import events
from flowlang.runtime.inputs import Resumed
from flowlang.runtime.journal import Commit, Ending, row_of
from flowlang.text.render import Style
from flowlang.tools import cli
from flowlang.tools.run_columns import aligned
from flowlang.tools.run_history import OPEN, around
from flowlang.tools.run_log import log
from flowlang.tools.run_show import render_run
from flowlang.tools.run_show_json import detailed_json, run_json
from flowlang.tools.run_show_step import render_step, step_named
from flowlang.tools.run_table import listed, table
from flowlang.tools.run_times import ago_text, due_text, rough_text, span_text
from flowlang.tools.run_view import View, resume_command, view
from flowlang.tools.stored import Begun
from flowlang.values.times import format_datetime

RUNTIME_CASES = sorted((Path(__file__).parent / "cases" / "runtime").glob("*.flow"))

# The history of all that can happen


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("store") / "runs.db", "none") as store:
        yield store


def kept(store: Store, played: PlayedDurably, id: str, rows: int) -> View:
    """A run of which the journal holds the first rows only, looked at."""
    run = played.journaled
    compiled = run.program.plan
    # The seed of its jitter is the id that it was played with.
    new = NewRun("r1", compiled.main or "main", dump_plan(compiled), Begun(run.inputs, "/").to_json(), EPOCH)
    with store.new_owner() as owner:
        lease = store.create(new, owner)
        ended = rows == len(run.keeper.rows)
        ending = Ending(EPOCH, played.result.status, "{}") if ended else None
        store.write_all([Commit(lease, run.keeper.rows[:rows], ending=ending)])
    seen = view(store, "r1", now=EPOCH)
    store.database.connection.execute(
        "UPDATE runs SET id = ? WHERE number = ?", (f"gone{lease.run}", lease.run)
    )
    return seen


@pytest.mark.parametrize("path", RUNTIME_CASES, ids=lambda path: path.stem)
def test_every_case_has_a_history_that_can_be_shown(path: Path, store: Store) -> None:
    text = path.read_text(encoding="utf-8")
    played = play_durably(text, outside_of(text))
    total = len(played.journaled.keeper.rows)
    for rows in sorted({1, total // 3, 2 * total // 3, total}):
        seen = kept(store, played, path.stem, rows)
        assert render_run(seen, Style(), everything=True)
        assert len(run_json(seen)["steps"]) == len(seen.history.steps)
        for step in seen.history.steps.values():
            assert render_step(seen, step, Style()) and json.dumps(detailed_json(seen, step))
            assert step_named(seen, step.path) is step
    started = [e for e in played.events if isinstance(e, events.StepStarted)]
    skipped = [e for e in played.events if isinstance(e, events.StepSkipped)]
    named = {path: step for path, step in seen.history.steps.items() if not step.unnamed}
    assert sorted(named) == sorted(e.path for e in [*started, *skipped])
    assert not [step.path for step in seen.history.steps.values() if step.state in OPEN]
    for event in started:
        found = step_at(seen.plan, played.result.flow, event.path)
        assert found is not None and found.task.kind == event.doing, event.path


RETURNS = """//! cancel after 90s
agent again(name: string, fails: string, times: int) -> string effect read retry 3 times backoff constant 1m
flow main() -> string { return again(name: "x", fails: "Nope", times: %d) }
"""


UNDER_WAY = ["interrupted", "retrying"]


@pytest.mark.parametrize(
    ("times", "states"),
    [(1, [*UNDER_WAY, "interrupted", "done"]), (9, [*UNDER_WAY, *UNDER_WAY, "cancelled"])],
)
def test_a_return_has_no_name_and_yet_a_place(store: Store, times: int, states: list[str]) -> None:
    text = RETURNS % times
    played = play_durably(text, outside_of(text))
    ends = range(1, len(played.journaled.keeper.rows) + 1)
    assert [kept(store, played, "r", rows).history.steps["!return"].state for rows in ends] == states


def test_what_an_event_brought_is_shown(store: Store) -> None:
    text = """//! send Ping {"id": "early"} after 1s
//! send Ping {"id": "mine"} after 2s
flow main() -> string {
  step came = wait for Ping where ping => ping.id == "mine"
  return came.id
}
"""
    played = play_durably(text, outside_of(text))
    seen = kept(store, played, "event", len(played.journaled.keeper.rows))
    [call] = detailed_json(seen, seen.history.steps["came"])["calls"]
    assert (call["kind"], call["name"], call["reply"]) == ("event", "Ping", {"id": "mine"})
    assert '"id": "mine"' in render_step(seen, seen.history.steps["came"], Style())


DOUBT = """//! send Ping {"id": "x"} after 2s
agent pay(name: string, takes: duration) -> string effect write
flow main() -> string {
  step paid = pay(name: "paid", takes: 4s)
  step came = wait for Ping
  step soon = sleep 3s
  return "${paid} ${came.id}"
}
"""


@pytest.mark.parametrize(
    ("redone", "told", "again"), [(True, False, 1), (False, True, 0)], ids=["redone", "told"]
)
def test_several_instants_due_are_one_resume(store: Store, redone: bool, told: bool, again: int) -> None:
    played = play_durably(DOUBT, outside_of(DOUBT))
    began, started, came, due, paid = played.journaled.keeper.rows
    assert (started.kind, came.kind, due.kind, paid.kind) == ("started", "event", "timer", "call")
    late = row_of(0, Resumed(came.at - 1, 0))
    now = row_of(0, Resumed(due.at + 1, 0))
    rows = [began, started, *([started] if redone else []), late, came, now, paid._replace(at=now.at + 9)]
    played.journaled.keeper.rows[:] = [row._replace(seq=n) for n, row in enumerate(rows, 1)]
    seen = kept(store, played, "doubt", len(rows))
    [call] = detailed_json(seen, seen.history.steps["paid"])["calls"]
    assert call["told"] == told
    assert call["made_again"] == [format_datetime(now.at)] * again


@pytest.mark.parametrize(
    ("path", "outer"),
    [
        ("a", ""),
        ("a/b", "a"),
        ("a[3]/b", "a[3]"),
        ("a[3]", "a"),
        ('a["x/y[0]"]/b', 'a["x/y[0]"]'),
        ('a["x/y[0]"]', "a"),
        ('a["\\"]"]', "a"),
        ("a@2|1", "a@2"),
        ("a#4/b", "a#4"),
        ("a/!undo@1", "a/!undo"),
        ("a/!undo", "a"),
    ],
)
def test_a_path_lies_in_another(path: str, outer: str) -> None:
    assert around(path) == outer


def test_a_path_that_leads_nowhere_is_no_step() -> None:
    played = play_durably("flow main() -> int { step a = do { yield 1 } return a }")
    compiled = played.program.plan
    for path in ("", "b", "a/b", "a|3/b", "a/!undo/b", "a/!finally/b", "!return", "[", "a/a/a"):
        assert step_at(compiled, "main", path) is None


# Words and columns

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (45, "45s"),
        (90, "1m30s"),
        (3_599, "59m"),
        (12_345, "3h25m"),
        (90_000, "1d1h"),
        (999_999, "11d"),
        (-5, "0s"),
    ],
)
def test_rough_times(seconds: int, text: str) -> None:
    assert rough_text(seconds * SECOND) == text
    assert ago_text(-seconds * SECOND, 0) == f"{text} ago"


def test_times_to_come() -> None:
    assert due_text(90 * SECOND, 0) == "in 1m30s"
    assert due_text(-1, 0) == "overdue"
    assert span_text(86_400 * SECOND + 61 * SECOND) == "1d1m"


def test_columns_are_aligned_by_what_is_seen() -> None:
    rows = [
        [Stretch("漢字"), Stretch("1"), Stretch("x")],
        [Stretch("a\x1b[2J\nb"), Stretch("22"), Stretch("y" * 99)],
    ]
    lines = written(aligned(rows, right=(1,), limit=30), colour=False).splitlines()
    assert lines == ["漢字" + " " * 13 + "1  x", "a<U+001B>[2J b  22  " + "y" * 9 + "…"]


# Stores and journals that are not what they should be


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store with one run that waits, `4f2a`."""
    monkeypatch.chdir(CASES)
    monkeypatch.setenv("FLOW_STORE", str(tmp_path / "runs.db"))
    with Store.open(tmp_path / "runs.db", "none") as store, store.new_owner() as owner:
        make(store, Scene("4f2a", "review", {"draft": "x"}, seconds=200), owner)
        yield store


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.invoke(arguments)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE journal SET outcome = '{\"value\":7}' WHERE seq = 2", "row 2 of the journal of run `4f2a`"),
        ("UPDATE plans SET json = json || ' '", "is not what was written"),
        ("UPDATE runs SET inputs = '{}'", "what run `4f2a` began with is not what was written"),
        ("UPDATE runs SET semantics = 99", "was started by a newer flowlang"),
        ("PRAGMA user_version = 99", "was written by a newer flowlang"),
    ],
)
def test_damage_is_told(run: Store, capsys: pytest.CaptureFixture[str], damage: str, words: str) -> None:
    run.database.connection.execute(damage)
    for command in (["show", "4f2a"], ["logs", "4f2a"]):
        code, out, err = said(capsys, *command)
        assert (code, out) == (1, "") and words in err and "help: " in err


def test_a_journal_of_another_plan_is_told(run: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run.database.connection.execute("DELETE FROM journal WHERE seq = 1")
    code, _, err = said(capsys, "show", "4f2a")
    assert code == 1 and "does not fit its plan" in err


def test_an_answer_that_cannot_be_read(
    run: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for content, words in ((b"\xff", "not valid UTF-8"), (b"x" * 2_000_000, "does not fit")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        code, _, err = said(capsys, "answer", "4f2a/verdict", "-")
        assert code == 1 and words in err
    assert not run.messages()


def test_without_agents_a_run_can_be_looked_at(
    run: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # neither the flow nor what it is bound to is here
    code, out, _ = said(capsys, "show", "4f2a")
    assert code == 0 and "verdict" in out


def test_the_store_that_an_option_names_stands_in_the_commands(
    run: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLOW_STORE")
    code, out, _ = said(capsys, "questions", "--store", str(run.path))
    assert code == 0 and f"flow answer 4f2a/verdict VALUE --store {run.path}" in out


def test_the_only_question_needs_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("main.flow").write_text("ask sure(n: int) -> int?\nflow main() -> int? { return sure(n: 1) }\n")
    with Store.open(tmp_path / "runs.db", "none") as store, store.new_owner() as owner:
        make(store, Scene("4f2a", "main", {}, seconds=1), owner)
        assert cli.invoke(["answer", "4f2a", "-5", "--store", "runs.db"]) == 0
        [message] = store.messages()
        assert (message.path, message.value) == ("!return", "-5")


def test_a_reader_that_goes_away_ends_the_log(run: Store) -> None:
    with flow_process("logs", "4f2a", "--store", str(run.path)) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 1


# Following a run that goes on


def test_a_run_is_followed_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    told: list[str] = []
    whole: list[str] = []
    came: list[int] = []
    with Store.open(tmp_path / "past.db", "none") as past, past.new_owner() as owner:
        done = make(past, Scene("4f2a", "order", {"name": "Bob", "token": "x"}), owner)
        assert log(past, "4f2a", whole.append) == "ended"
        rows = iter(past.journal(done.number))
        new = NewRun("4f2a", "order", past.plan(done.plan), past.inputs(done.number), EPOCH)
    path = tmp_path / "runs.db"
    with Store.open(path, "none") as store, store.new_owner() as owner, Store.open(path, "none") as reader:
        lease = store.create(new, owner)

        def pause() -> None:
            came.append(len(told))
            store.write_all([Commit(lease, [next(rows)])])

        assert log(reader, "4f2a", told.append, pause=pause) == "ended"
    assert told == whole
    assert len(set(came)) > 5, "it is told as it comes"


def test_a_run_that_nobody_holds_is_not_waited_for(run: Store) -> None:
    assert log(run, "4f2a", lambda line: None, pause=lambda: pytest.fail("it waits")) == "left"


LIVE = """event Paid(amount: float)
ask approve(question: string) -> "accept" | "reject"
flow main() -> string {
  step verdict = approve(question: "Deliver?") timeout 1d
  step paid = wait for Paid timeout 1d
  return "${verdict} for ${paid.amount}"
}
"""


def test_a_run_of_another_process_is_followed_and_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOW_STORE", str(tmp_path / "runs.db"))
    (tmp_path / "main.flow").write_text(LIVE)
    with flow_process("run", "main.flow", "--quiet") as running:
        while not (tmp_path / "runs.db").exists() or not json.loads(said(capsys, "questions", "--json")[1]):
            assert running.poll() is None
            time.sleep(0.05)
        [question] = json.loads(said(capsys, "questions", "--json")[1])
        assert question["held"] and question["path"] == "verdict"
        run = question["run_id"]
        with flow_process("logs", run, "--follow") as following:
            code, out, _ = said(capsys, "show", run)
            assert code == 0 and f"held by  process {running.pid}" in out
            assert said(capsys, "signal", run, "Paid", "amount=12.5")[0] == 0
            code, _, err = said(capsys, "answer", run, "accept")
            assert code == 0 and f"it hears of it in process {running.pid}" in err
            assert running.communicate()[0] == b"accept for 12.5\n"
            assert b"run  done after" in following.communicate()[0]
    assert said(capsys, "answer", run, "reject")[0] == 1


@contextmanager
def flow_process(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-m", "flowlang", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


# Completion


def completed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    monkeypatch.setenv("COMP_WORDS", " ".join(["flow", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    monkeypatch.setenv("_FLOW_COMPLETE", "bash_complete")
    with pytest.raises(SystemExit):
        cli.flow.main(prog_name="flow")
    return [line.removeprefix("plain,") for line in capsys.readouterr().out.split()]


def test_runs_and_questions_are_completed(
    run: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert completed(monkeypatch, capsys, "show", "4") == ["4f2a"]
    assert completed(monkeypatch, capsys, "show", "5") == []
    questions = ["4f2a/each[0]/ok", "4f2a/each[1]/ok", "4f2a/verdict"]
    assert completed(monkeypatch, capsys, "answer", "4f2a/") == questions
    run.database.connection.execute("UPDATE runs SET status = 'done', ended = 1")
    assert completed(monkeypatch, capsys, "cancel", "4") == []
    assert completed(monkeypatch, capsys, "logs", "4") == ["4f2a"]
    run.database.connection.execute("PRAGMA user_version = 99")
    assert completed(monkeypatch, capsys, "show", "4") == []
    monkeypatch.setenv("FLOW_STORE", "nowhere.db")
    assert completed(monkeypatch, capsys, "show", "4") == []


# Whatever is typed

STRANGE = ["", "/", "4f2a/", "4f2a//", "\udcff", "漢", "%", "'; DROP TABLE runs", "x" * 10_000, "a\nb"]


@pytest.mark.parametrize("command", ["show", "logs", "questions", "answer", "signal", "cancel", "runs"])
def test_strange_words_are_refused_in_one_line(
    run: Store, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    rest = {"answer": ["x"], "signal": ["Paid"], "show": ["\udcff"]}.get(command, [])
    for word in STRANGE:
        words = ["--flow", word] if command == "runs" else [word, *rest]
        code, _, err = said(capsys, command, *words)
        assert code in (0, 1) and "internal" not in err, word
        assert code == 0 or err.startswith("error: "), word


@pytest.mark.parametrize("value", ["", "-5", "[", "\udcff", "9" * 5_000, "=", "order=A7", '{"order": 1}'])
def test_strange_values_are_refused(run: Store, capsys: pytest.CaptureFixture[str], value: str) -> None:
    for words in (["answer", "4f2a/verdict", value], ["signal", "4f2a", "Paid", "--", value]):
        code, _, err = said(capsys, *words)
        assert code == 1 and err.startswith("error: ") and not run.messages()


def test_on_a_terminal_times_are_as_seen_from_now(run: Store) -> None:
    now = run.find("4f2a").created + 3 * 3_600 * SECOND
    lines = table(listed(run, (), None, 10), now, relative=True, limit=64)
    assert written(lines, colour=False).splitlines() == [
        "run   flow    status   started  took",
        "4f2a  review  waiting  3h ago     3h  asks sure (2); waits for …",
    ]


def test_what_to_type_asks_for_the_secrets_that_cannot_be_found_again() -> None:
    begun = Begun({}, "/", secrets=("token", "pin"), sources=("token=env:TOKEN",))
    assert resume_command(None, begun, "4f2a") == "flow resume 4f2a pin=VALUE"
