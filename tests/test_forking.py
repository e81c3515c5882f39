"""`flow fork` and `flow replay`: what is taken over, what is done again, and where another source parts."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import trio

import flowlang
from flowlang.hosts.journaled import wall_clock
from flowlang.hosts.sqlite.store import Store
from flowlang.tools import cli
from flowlang.values.times import format_datetime

HOUR = 3_600_000_000

FLOW = """
use python tools = "tools.py"

ask approve(question: string) -> bool

error Nope

flow main(topic: string, n: int = 2) -> string {
  step a = tools.get(name: "a", topic: topic)
  step b = tools.get(name: "b", topic: "fixed")
  step c = tools.get(name: "c", topic: a) retry 2 times backoff 1ms
  step each = for each i in 0..n {
    step item = tools.get(name: "i${i}", topic: c)
    yield item
  }
  step d = tools.get(name: "d", topic: "${b}${each[0] ?? ""}")
    undo tools.get(name: "undo", topic: d)
  return d
}

flow files(photo: file) -> file {
  step small = tools.twice(photo: photo)
  return small
}

event Paid(amount: int)

flow pays() -> string {
  step a = tools.get(name: "a", topic: "x")
  step ready = approve(question: a)
  step one = wait for Paid where e => e.amount == 1
  step more = wait for Paid where e => ready and e.amount > 1 and e.amount < 9 timeout 1h
  step c = tools.get(name: "c", topic: "${one.amount}${more.amount}")
  return c
}

flow asks() -> string {
  step a = tools.get(name: "a", topic: "x")
  step yes = approve(question: a) timeout 1h catch Timeout -> false
  step b = tools.get(name: "b", topic: "${yes}")
  return b
}
"""

TOOLS = """
from pathlib import Path

from flowlang import File
from flowlang.agents import effect


@effect("read")
def twice(photo: File) -> File:
    return File.from_bytes(photo.read() * 2, "text/plain")


@effect("idempotent")
def get(name: str, topic: str) -> str:
    with Path("calls").open("a") as file:
        file.write(name + " ")
    return f"{name}({topic})"
"""


class Session:
    """Commands in a folder of their own, and what the agents were called for since the last one."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capfd = folder, capfd
        (folder / "main.flow").write_text(FLOW)
        (folder / "tools.py").write_text(TOOLS)

    def flow(self, command: str) -> tuple[int, str, str]:
        (self.folder / "calls").write_text("")
        code = cli.invoke(shlex.split(command))
        out, err = self.capfd.readouterr()
        assert "Traceback" not in err, err
        return code, out, err

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().split()

    def newest(self) -> str:
        with self.store() as store:
            return store.runs()[0].id

    def store(self) -> Store:
        return Store.open(self.folder / "runs.db")


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Session:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOW_STORE", str(tmp_path / "runs.db"))
    return Session(tmp_path, capfd)


@pytest.fixture
def run(session: Session) -> str:
    """A run that is done: a, b, c, two items, d."""
    code, out, _ = session.flow("run main.flow topic=x --quiet")
    assert (code, out) == (0, "d(b(fixed)i0(c(a(x))))\n")
    assert sorted(session.calls) == ["a", "b", "c", "d", "i0", "i1"]
    return session.newest()


@pytest.mark.parametrize(
    ("arguments", "called", "gave"),
    [
        ("--from d", "d", "d(b(fixed)i0(c(a(x))))"),
        ("--from b", "b d", "d(b(fixed)i0(c(a(x))))"),
        ("--from c", "c i0 i1 d", "d(b(fixed)i0(c(a(x))))"),
        ("--from each", "i0 i1 d", "d(b(fixed)i0(c(a(x))))"),
        ("--from c --set c=C", "i0 i1 d", "d(b(fixed)i0(C))"),
        ("--from each[1]/item", "i1 d", "d(b(fixed)i0(c(a(x))))"),
        ("--from a topic=y", "a c i0 i1 d", "d(b(fixed)i0(c(a(y))))"),
        ("--from d n=3", "i2 d", "d(b(fixed)i0(c(a(x))))"),
    ],
)
def test_a_fork_does_again_what_depends_on_a_step(
    session: Session, run: str, arguments: str, called: str, gave: str
) -> None:
    code, out, err = session.flow(f"fork {run[:5]} {arguments} --quiet")
    assert (code, out) == (0, gave + "\n"), err
    assert session.newest() != run
    assert sorted(session.calls) == sorted(called.split())


def test_a_fork_is_a_run_like_any_other(session: Session, run: str) -> None:
    session.flow(f"fork {run} --from c --quiet")
    fork = session.newest()
    code, out, _ = session.flow(f"replay {fork}")
    assert code == 0 and "the journal is whole" in out
    code, out, _ = session.flow(f"fork {fork} --from d --quiet")
    assert (code, session.calls) == (0, ["d"])


def test_a_fork_says_of_which_run_it_is_one(session: Session, run: str) -> None:
    session.flow(f"fork {run} --from each[1]/item --quiet")
    fork = session.newest()
    _, out, _ = session.flow(f"show {fork}")
    assert f"forked   from {run} at each[1]/item" in out
    _, out, _ = session.flow(f"show {fork} --json")
    assert json.loads(out)["forked"] == {"run_id": run, "step": "each[1]/item"}
    _, out, _ = session.flow(f"show {run} --json")
    assert json.loads(out)["forked"] is None


def test_what_a_fork_does_again_begins_with_the_fork(session: Session) -> None:
    session.flow("run main.flow asks --no-wait --quiet")
    run = session.newest()
    for _ in range(2):  # in the past of the fork it is taken up twice
        session.flow(f"resume {run} --no-wait --quiet")
    session.flow(f"fork {run} --from a --no-wait --quiet")
    fork = session.newest()
    with session.store() as store:
        created = store.find(fork).created
    _, out, _ = session.flow(f"show {fork} a --json")
    step = json.loads(out)
    [call] = step["calls"]
    assert call["made_again"] == []
    assert call["started"] == step["started"] == format_datetime(created)


@pytest.fixture
def run_before(session: Session) -> str:
    """The same run, an hour ago."""

    async def carry_out() -> str:
        prepared = flowlang.prepare(flowlang.compile("main.flow"), flow="main")
        async with (
            flowlang.Engine.open("runs.db", clock=lambda: wall_clock() - HOUR) as engine,
            engine.start(prepared, {"topic": "x"}) as run,
        ):
            return (await run.result()).run_id

    return trio.run(carry_out)


def test_the_times_of_a_fork_are_its_own(session: Session, run_before: str) -> None:
    code, out, err = session.flow(f"fork {run_before} --from each --json")
    assert code == 0 and json.loads(out)["execution_time_seconds"] < 600
    assert "3600" not in err and "1h" not in err
    fork = session.newest()
    _, out, _ = session.flow(f"result {fork} --json")
    assert json.loads(out)["execution_time_seconds"] < 600
    _, out, _ = session.flow(f"show {fork} --json")
    taken_over = {step["path"]: step["taken_over"] for step in json.loads(out)["steps"]}
    own = dict.fromkeys(["each", "each[0]/item", "each[1]/item", "d"], False)
    assert taken_over == {"a": True, "b": True, "c": True, **own}
    _, out, _ = session.flow(f"show {fork}")
    assert re.search(r"(?m)^c +done +0.0s  tools.get; taken over$", out), out
    assert "1h" not in out and re.search(r"(?m)^d +done +0.[0-9]s  0.[0-9]s  tools.get$", out), out
    _, out, _ = session.flow(f"logs {fork}")
    assert "3600" not in out and "1h" not in out and "  0.0s  c  done in 0.0s\n" in out, out
    assert re.search(r"(?m)^ +0.\ds  run  done after 0.\ds$", out), out


def test_what_was_set_is_not_taken_over(session: Session, run_before: str) -> None:
    session.flow(f"fork {run_before} --from c --set c=C --quiet")
    fork = session.newest()
    _, out, _ = session.flow(f"show {fork}")
    assert re.search(r"(?m)^c +done +0.0s  0.0s  tools.get; set$", out), out
    session.flow(f"fork {fork} --from d --quiet")
    _, out, _ = session.flow(f"show {session.newest()}")
    assert re.search(r"(?m)^c +done +0.0s  tools.get; taken over$", out), out


def test_a_fork_that_is_all_past_ends_after_it_began(session: Session) -> None:
    session.flow("run main.flow asks --no-wait --quiet")
    run = session.newest()
    session.flow(f"answer {run} true")
    session.flow(f"resume {run} --quiet")
    code, out, _ = session.flow(f"fork {run} --from yes --set yes=true --quiet")
    assert (code, out, session.calls) == (0, "b(true)\n", [])
    with session.store() as store:
        record = store.runs()[0]
    assert record.ended is not None and record.ended >= record.created


def test_a_question_in_a_fork_has_its_whole_time(session: Session) -> None:
    code, _, _ = session.flow("run main.flow asks --no-wait --quiet")
    assert code == 3
    run = session.newest()
    code, out, _ = session.flow(f"fork {run} --from yes --no-wait --json --quiet")
    assert code == 3 and json.loads(out)["status"] == "waiting"
    with session.store() as store:
        old, new = (wait.deadline for _, wait in store.waits())
    assert old is not None and new is not None and new >= old


def test_a_fork_may_be_given_other_files(session: Session) -> None:
    (session.folder / "one.txt").write_text("one")
    (session.folder / "two.txt").write_text("two")
    session.flow("run main.flow files photo=one.txt --quiet")
    run = session.newest()
    code, out, err = session.flow(f"fork {run} --from small photo=two.txt --quiet --json")
    assert code == 0 and json.loads(out)["data"]["size"] == 6, err
    session.flow(f"artifacts {session.newest()} --out found")
    assert (session.folder / "found" / "small.txt").read_text() == "twotwo"
    code, out, err = session.flow(f"fork {run} --from small --set small=one.txt --quiet --json")
    assert code == 0 and json.loads(out)["data"]["size"] == 3, err
    code, out, err = session.flow(f"fork {run} --from small photo=none.txt")
    assert code == 1 and "`none.txt` cannot be read" in err and "give the path of a file" in err


def test_a_fork_may_be_given_another_answer(session: Session) -> None:
    session.flow("run main.flow asks --no-wait --quiet")
    run = session.newest()
    session.flow(f"answer {run} true")
    code, out, _ = session.flow(f"resume {run} --quiet")
    assert (code, out) == (0, "b(true)\n")
    code, out, err = session.flow(f"fork {run} --from yes --set yes=false --quiet")
    assert (code, out, session.calls) == (0, "b(false)\n", ["b"]), err
    code, out, _ = session.flow(f"replay {session.newest()}")
    assert code == 0 and "the journal is whole" in out


@pytest.fixture
def paid(session: Session) -> str:
    """A run that took `more` before it waited for it, and `one` while it did."""
    session.flow("run main.flow pays --no-wait --quiet")
    run = session.newest()
    session.flow(f"signal {run} Paid amount=3")
    session.flow(f"resume {run} --no-wait --quiet")
    session.flow(f"answer {run} true")
    session.flow(f"signal {run} Paid amount=1")
    code, out, err = session.flow(f"resume {run} --quiet")
    assert (code, out) == (0, "c(13)\n"), err
    return run


@pytest.mark.parametrize(
    ("arguments", "code", "called", "said"),
    [
        ("--from more", 3, "", "waiting for Paid"),
        ("--from one", 3, "", "waiting for Paid"),
        ("--from more --set 'more={\"amount\": 4}'", 0, "c", "c(14)"),
        ("--from more --set 'more={\"amount\": 3}'", 0, "", "c(13)"),
        ("--from c --set 'more={\"amount\": 5}'", 0, "c", "c(15)"),
        ("--from one --set 'one={\"amount\": 1}'", 0, "", "c(13)"),
        ("--from a", 3, "a", "waiting for an answer"),
        ("--from more --set 'more={\"amount\": 9}'", 1, "", "`more` cannot be set"),
        ("--from one --set 'one={\"amount\": 2}'", 1, "", "`one` cannot be set"),
        ("--from more --set more=5", 1, "", "the value for `more` does not fit"),
        ("--from mroe", 1, "", "did you mean `more`"),
    ],
)
def test_a_fork_from_a_wait(
    session: Session, paid: str, arguments: str, code: int, called: str, said: str
) -> None:
    found, out, err = session.flow(f"fork {paid} {arguments} --no-wait")
    assert found == code and said in out + err, out + err
    assert session.calls == called.split()
    if code != 1:
        assert session.flow(f"replay {session.newest()}")[0] == 0
        assert session.flow(f"show {session.newest()}")[0] == 0


def test_a_fork_that_waits_again_takes_what_comes(session: Session, paid: str) -> None:
    session.flow(f"fork {paid} --from more --no-wait --quiet")
    fork = session.newest()
    session.flow(f"signal {fork} Paid amount=7")
    code, out, err = session.flow(f"resume {fork} --quiet")
    assert (code, out) == (0, "c(17)\n"), err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--from zz", "made no call in `zz`, and waited for nothing there"),
        ("--from eech", "did you mean `each`"),
        ("--from c --set d=1", "`d` cannot be set: it depends on what is done again"),
        ("--from c --set each=1", "is no step that calls an agent or waits for an event"),
        ("--from c nope=1", "has no input `nope`"),
        ("--from c n=many", "the input `n` does not fit"),
        ("--from a topic=y topic=z", "two values are given for `topic`"),
        ("--from c --set c=C --set c=D", "two values are given for `c`"),
    ],
)
def test_a_fork_that_cannot_be(session: Session, run: str, arguments: str, said: str) -> None:
    code, out, err = session.flow(f"fork {run} {arguments}")
    assert (code, out) == (1, "") and said in err and session.calls == []


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("", "", 0, "other.flow goes the same way, through 6 calls"),
        ('topic: "fixed"', 'topic: "other"', 1, "`b`, which is called with other arguments"),
        ('undo tools.get(name: "undo", topic: d)', "", 0, "the same way"),
        ("return d", 'return "${d}!"', 1, "the run, which has another result"),
        ('name: "c", topic: a', 'name: "c", topic: b', 1, "parts at `c`, which is"),
    ],
)
def test_a_replay_says_where_another_source_parts(
    session: Session, run: str, old: str, new: str, code: int, said: str
) -> None:
    main, rest = FLOW.split("flow asks")
    text = main.replace(old, new) + "flow asks" + rest
    if "other =" in new:
        text = text.replace("${b}$", "${other}$")
    (session.folder / "other.flow").write_text(text)
    found, out, err = session.flow(f"replay {run} --with other.flow")
    assert (found, session.calls) == (code, []) and said in out, err


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ('approve(question: "${a}!")', "`yes`, which asks with other arguments"),
        ("sure(question: a)", "`yes`, which asks another question"),
        ("agreed(topic: a)", "`yes`, which does not wait then"),
    ],
)
def test_a_replay_tells_what_would_have_been_asked(session: Session, new: str, said: str) -> None:
    session.flow("run main.flow asks --no-wait --quiet")
    run = session.newest()
    text = FLOW.replace("approve(question: a)", new)
    text += "ask sure(question: string) -> bool\nflow agreed(topic: string) -> bool { return topic == topic }"
    (session.folder / "other.flow").write_text(text)
    code, out, err = session.flow(f"replay {run} --with other.flow")
    assert code == 1 and said in out, out + err


def test_a_replay_says_whether_the_step_itself_was_changed(session: Session, run: str) -> None:
    text = FLOW.replace('name: "a", topic: topic', 'name: "a", topic: "${topic}"')
    (session.folder / "other.flow").write_text(text.replace("return d", 'return "no"'))
    _, out, _ = session.flow(f"replay {run} --with other.flow --json")
    assert json.loads(out)["difference"] == "has another result"
