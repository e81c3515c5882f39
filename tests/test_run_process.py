"""`flow run` as a process: interrupts, closed pipes, and that its output holds nothing but the result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FLOW = """
use python tools = "tools.py"

flow hangs() {
  step booked = tools.note(name: "booked")
    undo tools.note(name: "undone")
  step waiting = tools.hangs()
    after booked
    finally { step closed = tools.note(name: "closed") }
}

flow takes() -> int {
  step first = tools.takes(n: 1)
  step second = tools.takes(n: 2) after first
  return second
}

flow writes() {
  step written = tools.writes()
}

flow long() -> list<list<int>> {
  return (0..9).map(n => 0..9_000)
}
"""

TOOLS = """
import os
import threading
from pathlib import Path

import trio

from flowlang.agents import effect


@effect("idempotent")
def note(name: str) -> None:
    Path(name).touch()


@effect("read")
async def hangs() -> None:
    Path("started").touch()
    await trio.sleep_forever()


@effect("read")
async def takes(n: int) -> int:
    with Path("started").open("a") as file:
        file.write(str(n))
    await trio.sleep(0.5)
    return n


@effect("write")
def writes() -> None:
    Path("started").touch()
    threading.Event().wait()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "tools.py").write_text(TOOLS)
    return tmp_path


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def flow_run(folder: Path, processes: list[subprocess.Popen[str]], *arguments: str) -> subprocess.Popen[str]:
    return flow_command(folder, processes, "run", "main.flow", *arguments)


def flow_command(
    folder: Path, processes: list[subprocess.Popen[str]], *arguments: str
) -> subprocess.Popen[str]:
    root = Path(__file__).parent.parent
    process = subprocess.Popen(
        [sys.executable, "-m", "flowlang", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root), "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    processes.append(process)
    return process


def await_file(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        try:
            process.wait(timeout=0.01)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(process.communicate())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_and_cleans_up(
    folder: Path, processes: list[subprocess.Popen[str]], number: signal.Signals
) -> None:
    process = flow_run(folder, processes, "hangs", "--ephemeral")
    await_file(folder / "started", process)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert "interrupted: what is under way is cancelled and undone; once more leaves at once" in err
    assert "run  cancelled after" in err and "booked/!undo  undone" in err and "Traceback" not in err
    assert all((folder / name).exists() for name in ("booked", "closed", "undone"))


def test_an_interrupted_run_reports_itself_as_json(
    folder: Path, processes: list[subprocess.Popen[str]]
) -> None:
    process = flow_run(folder, processes, "hangs", "--json", "--quiet", "--ephemeral")
    await_file(folder / "started", process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert '"status": "cancelled"' in out and out.startswith("{")


def test_an_interrupt_leaves_a_run_in_its_store(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    process = flow_run(folder, processes, "takes", "--json")
    await_file(folder / "started", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    left = json.loads(out)
    assert (process.returncode, left["status"]) == (130, "interrupted")
    assert f"go on with `flow resume {left['run_id']}`" in err and "Traceback" not in err
    process = flow_command(folder, processes, "resume", left["run_id"])
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "2\n")
    assert (folder / "started").read_text() == "12"


@pytest.mark.parametrize("options", [(), ("--ephemeral",)])
def test_a_second_interrupt_leaves_at_once(
    folder: Path, processes: list[subprocess.Popen[str]], options: tuple[str, ...]
) -> None:
    process = flow_run(folder, processes, "writes", *options)
    await_file(folder / "started", process)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "once more leaves at once" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130


def test_a_reader_that_goes_away_is_no_traceback(
    folder: Path, processes: list[subprocess.Popen[str]]
) -> None:
    process = flow_run(folder, processes, "long", "--quiet")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=20) in (0, 1)  # not every system tells the writer
