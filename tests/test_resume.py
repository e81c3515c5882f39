"""`flow resume` through the front door: processes that are killed, interrupted or left, and carried on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import attrs
import pytest

from flowlang.hosts.sqlite.store import Store

FLOW = """
use python tools = "tools.py"

ask approve(question: string) -> bool

event Paid(amount: int)

agent unlock(token: secret<string>, n: int) -> string effect idempotent

flow slow() -> int {
  step first = tools.count(n: 1)
  step second = tools.hang(n: first)
  return second
}

flow asks() -> int {
  step first = tools.count(n: 1)
  step yes = approve(question: "go on?")
  step last = tools.count(n: if yes then first + 1 else 0)
  return last
}

flow pays() -> string {
  step first = tools.count(n: 1)
  step paid = tools.pay(amount: first)
  return paid
}

flow waits() -> int {
  step paid = wait for Paid
  return paid.amount
}

flow guarded(token: secret<string>) -> string {
  step first = tools.count(n: 1)
  step opened = unlock(token: token, n: first)
  return opened
}

flow fails() {
  step bad = tools.broken()
}
"""

TOOLS = """
import os
from pathlib import Path

import trio

from flowlang.agents import effect


def log(text):
    with Path("calls").open("a") as file:
        file.write(text + " ")


@effect("read")
async def count(n: int) -> int:
    log(f"count{n}")
    return n


@effect("idempotent")
async def hang(n: int) -> int:
    log("hang")
    if not Path("free").exists():
        await trio.sleep_forever()
    return n + 41


@effect("idempotent")
async def unlock(token: str, n: int) -> str:
    log("unlock")
    if not Path("free").exists():
        await trio.sleep_forever()
    return f"opened by {len(token)} letters"


@effect("write")
async def pay(amount: int) -> str:
    log("pay")
    if not Path("free").exists():
        await trio.sleep_forever()
    return "paid"


@effect("read")
async def broken() -> None:
    raise ValueError("no")
"""


@attrs.define
class Ran:
    code: int
    out: str
    err: str


@attrs.define
class Shell:
    """A folder with flows, and a store of its own."""

    folder: Path
    processes: list[subprocess.Popen[str]] = attrs.field(factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        root = Path(__file__).parent.parent
        environment = {**os.environ, "PYTHONPATH": str(root), "NO_COLOR": "1", "FLOW_STORE": str(self.store)}
        process = subprocess.Popen(
            [sys.executable, "-m", "flowlang", *arguments],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def flow(self, *arguments: str) -> Ran:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=30)
        assert "Traceback" not in err, err
        return Ran(process.returncode, out, err)

    @property
    def store(self) -> Path:
        return self.folder / "runs.db"

    def calls(self) -> list[str]:
        with suppress(FileNotFoundError):
            return (self.folder / "calls").read_text().split()
        return []

    def free(self) -> None:
        """Let what hangs go on."""
        (self.folder / "free").touch()

    def run_id(self) -> str:
        with Store.open(self.store) as store:
            return store.runs()[0].id

    def killed(self, flow: str, call: str) -> str:
        """The id of a run whose process was killed while it made a call."""
        process = self.start("run", "main.flow", flow)
        await_until(lambda: process.poll() is not None or call in self.calls())
        assert process.poll() is None, process.communicate()
        process.kill()
        process.wait()
        return self.run_id()


def await_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.01)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "flow.toml").write_text('[agents.unlock]\npython = "tools:unlock"\n')
    shell = Shell(tmp_path)
    yield shell
    for process in shell.processes:
        process.kill()
        process.communicate()


def test_a_killed_run_goes_on_where_it_stood(shell: Shell) -> None:
    run = shell.killed("slow", "hang")
    shell.free()
    resumed = shell.flow("resume", run[:6])
    assert (resumed.code, resumed.out) == (0, "42\n")
    assert shell.calls() == ["count1", "hang", "hang"]
    assert "first" not in resumed.err and "second  done" in resumed.err


def test_a_run_goes_on_from_any_folder(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = shell.killed("slow", "hang")
    elsewhere = Shell(tmp_path_factory.mktemp("elsewhere"))
    elsewhere.free()  # its agents are found, and work in the folder of the process that calls them
    resumed = elsewhere.flow("resume", run, "--store", str(shell.store))
    assert (resumed.code, resumed.out, elsewhere.calls()) == (0, "42\n", ["hang"])


def test_a_call_that_writes_is_not_made_again_without_being_told_to(shell: Shell) -> None:
    run = shell.killed("pays", "pay")
    shell.free()
    stopped = shell.flow("resume", run)
    assert stopped.code == 1 and "it may have made the calls of paid, or not" in stopped.err
    assert f"flow resume {run} --redo paid" in stopped.err
    wrong = shell.flow("resume", run, "--redo", "piad")
    assert wrong.code == 1 and "did you mean `paid`" in wrong.err
    redone = shell.flow("resume", run, "--redo", "paid")
    assert (redone.code, redone.out) == (0, "paid\n")
    assert shell.calls() == ["count1", "pay", "pay"]
    [call] = json.loads(shell.flow("show", run, "paid", "--json").out)["calls"]
    assert (call["told"], len(call["made_again"])) == (False, 1)


def test_what_a_call_gave_can_be_told(shell: Shell) -> None:
    run = shell.killed("pays", "pay")
    told = shell.flow("resume", run, "--skip", "paid=by hand")
    assert (told.code, told.out) == (0, "by hand\n")
    assert shell.calls() == ["count1", "pay"]
    [call] = json.loads(shell.flow("show", run, "paid", "--json").out)["calls"]
    assert (call["told"], call["made_again"]) == (True, [])
    assert "was said by whoever resumed the run" in shell.flow("show", run, "paid").out


def test_a_secret_is_not_kept_and_is_given_again(shell: Shell) -> None:
    process = shell.start("run", "main.flow", "guarded", "token=hunter2")
    await_until(lambda: "unlock" in shell.calls())
    process.kill()
    process.wait()
    kept = b"".join(file.read_bytes() for file in shell.folder.glob("runs.db*") if file.is_file())
    assert b"guarded" in kept and b"hunter2" not in kept
    run = shell.run_id()
    missing = shell.flow("resume", run)
    assert missing.code == 1 and "the secret `token`, which is not kept" in missing.err
    shell.free()
    assert shell.flow("resume", run, "tokn=x").code == 1
    assert shell.flow("resume", run, "token=hunter2").out == "opened by 7 letters\n"


def test_a_run_that_only_waits_can_be_left(shell: Shell) -> None:
    left = shell.flow("run", "main.flow", "asks", "--no-wait", "--json")
    status = json.loads(left.out)
    assert (left.code, status["status"]) == (3, "waiting")
    again = shell.flow("resume", status["run_id"], "--no-wait")
    assert again.code == 3 and f"go on with `flow resume {status['run_id']}`" in again.err
    with Store.open(shell.store) as store:
        [(number, wait)] = store.waits()
        store.put_answer(number, wait.path, "true", 1)
    done = shell.flow("resume", "--all")
    assert done.code == 0 and "done in" in done.err
    assert shell.calls() == ["count1", "count2"]


def test_the_store_that_an_option_names_stands_in_what_to_type(shell: Shell) -> None:
    left = shell.flow("run", "main.flow", "asks", "--no-wait", "--store", "other.db", "--json")
    run = json.loads(left.out)["run_id"]
    assert left.code == 3 and f"go on with `flow resume {run} --store other.db`" in left.err


def test_a_run_that_is_taken_up_says_what_it_is_at(shell: Shell) -> None:
    run = json.loads(shell.flow("run", "main.flow", "asks", "--no-wait", "--json").out)["run_id"]
    words = [line.split(maxsplit=1)[1] for line in shell.flow("resume", run, "--no-wait").err.splitlines()]
    assert words[:2] == ["run  taken up", "yes  waiting for an answer to approve"]
    process = shell.start("run", "main.flow", "slow")
    await_until(lambda: "hang" in shell.calls())
    process.kill()
    process.wait()
    shell.free()
    words = [line.split(maxsplit=1)[1] for line in shell.flow("resume", shell.run_id()).err.splitlines()]
    assert words[:2] == ["run  taken up", "second  started: tools.hang"]


def test_a_run_hears_what_is_put_into_its_inbox_while_it_waits(shell: Shell) -> None:
    process = shell.start("run", "main.flow", "waits")
    await_until(lambda: shell.store.exists() and bool(waiting(shell)))
    with Store.open(shell.store) as store:
        store.put_signal(waiting(shell)[0], "Paid", '{"amount": 7}', 1)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "7\n")


def waiting(shell: Shell) -> list[int]:
    with Store.open(shell.store) as store:
        return [number for number, _ in store.waits()]


def test_one_process_at_a_time_holds_a_run(shell: Shell) -> None:
    holder = shell.start("run", "main.flow", "slow")
    await_until(lambda: "hang" in shell.calls())
    refused = shell.flow("resume", shell.run_id())
    assert refused.code == 1 and f"is held by process {holder.pid}" in refused.err


def test_a_service_takes_up_what_others_leave(shell: Shell) -> None:
    service = shell.start("resume", "--all", "--watch")
    run = shell.killed("slow", "hang")
    shell.free()

    def ended() -> bool:
        with Store.open(shell.store) as store:
            return store.find(run).ended is not None

    await_until(ended)
    service.send_signal(signal.SIGTERM)
    _, err = service.communicate(timeout=20)
    assert service.returncode == 130 and f"{run}  done in" in err
    assert shell.calls() == ["count1", "hang", "hang"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing"], 1, "there is no run `nothing`"),
        ([], 2, "name a run, or say --all"),
        (["x", "--all"], 2, "name a run, or say --all"),
        (["x", "--watch"], 2, "--watch goes with --all"),
        (["--all", "--redo", "x"], 2, "about one run"),
        (["x", "--skip", "y"], 2, "is not STEP=VALUE"),
        (["x", "--store", "/nowhere/at/all/runs.db"], 1, "help: "),
    ],
)
def test_what_cannot_be_resumed(shell: Shell, arguments: list[str], code: int, said: str) -> None:
    refused = shell.flow("resume", *arguments)
    assert refused.code == code and said in refused.err and refused.out == ""


def test_a_run_that_has_ended_is_not_resumed(shell: Shell) -> None:
    failed = shell.flow("run", "main.flow", "fails", "--json")
    assert failed.code == 1
    run = json.loads(failed.out)["run_id"]
    refused = shell.flow("resume", run, "--json")
    assert refused.code == 1 and f"run `{run}` has ended: failed" in refused.err
    assert json.loads(refused.out)["errors"][0]["code"] == "ended"


def test_a_run_whose_agents_are_gone(shell: Shell) -> None:
    run = shell.killed("slow", "hang")
    tools = shell.folder / "tools.py"
    tools.rename(shell.folder / "moved.py")
    refused = shell.flow("resume", run)
    assert refused.code == 1 and "tools.py" in refused.err
    (shell.folder / "moved.py").rename(tools)
    shell.free()
    assert shell.flow("resume", run).out == "42\n"


def test_where_a_flow_was_moved_to_is_kept(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = json.loads(shell.flow("run", "main.flow", "asks", "--no-wait", "--json").out)["run_id"]
    there = tmp_path_factory.mktemp("there")
    for name in ("main.flow", "tools.py"):
        (shell.folder / name).rename(there / name)
    assert shell.flow("resume", "--all").code == 1
    assert shell.flow("resume", run, "--moved-to", str(there / "main.flow"), "--no-wait").code == 3
    assert json.loads(shell.flow("show", run, "--json").out)["file"] == str(there / "main.flow")
    assert shell.flow("store", "check").code == 0
    assert shell.flow("resume", "--all").code == 3
    fork = shell.flow("fork", run, "--from", "yes", "--no-wait", "--json")
    assert shell.flow("answer", run, "true").code == 0
    assert shell.flow("resume", run).out == "2\n"
    copy = json.loads(fork.out)["run_id"]
    for name in ("main.flow", "tools.py"):  # and back
        (there / name).rename(shell.folder / name)
    assert shell.flow("resume", copy, "--no-wait").code == 3


def test_a_run_whose_flow_was_moved(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = shell.killed("slow", "hang")
    there = tmp_path_factory.mktemp("there") / "flows"
    there.mkdir()
    for name in ("main.flow", "tools.py"):
        (shell.folder / name).rename(there / name)
    lost = shell.flow("resume", run, "--json")
    assert lost.code == 1 and "say where it lies now, if it was moved: `--moved-to main.flow`" in lost.err
    assert json.loads(lost.out)["status"] == "refused"
    wrong = shell.flow("resume", run, "--moved-to", "nowhere.flow")
    assert wrong.code == 1 and "name the file of the flow, where it lies now" in wrong.err
    several = shell.flow("resume", "--all", "--moved-to", "main.flow")
    assert several.code == 2 and "about one run" in several.err
    shell.free()
    found = shell.flow("resume", run, "--moved-to", str(there / "main.flow"))
    assert (found.code, found.out) == (0, "42\n"), found.err
    forked = shell.flow("fork", run, "--from", "second", "--moved-to", str(there / "main.flow"))
    assert (forked.code, forked.out) == (0, "42\n"), forked.err
