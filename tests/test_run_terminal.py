"""`flow run` on a terminal: questions, and what happens to them when somebody leaves.

Each test is one process under a pseudo terminal and a dialogue: what to wait for, and what to type then."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import time
from pathlib import Path

import pytest

FLOW = """
use python tools = "tools.py"

type Verdict = "accept" | "revise" | "reject"

ask approve(question: string) -> Verdict
ask rate(draft: string) -> int?
ask sure() -> bool

flow several() -> string in order {
  step verdict = approve(question: "Publish?")
  step rating = rate(draft: "first line\\nsecond line")
  step sure = sure()
  return "${verdict} ${rating ?? 0} ${sure}"
}

flow at_once() -> int {
  step verdicts = for each n in 0..3 { yield approve(question: "${n}?") }
  return verdicts.size()
}

flow late() -> string in order {
  step first = approve(question: "Quick?")
    timeout 300ms
    catch Timeout -> "reject"
  step second = sure()
  return "${first} ${second}"
}

flow undoes() {
  step booked = tools.note(name: "booked")
    undo tools.note(name: "undone")
  step sure = sure()
    after booked
}
"""

TOOLS = """
from pathlib import Path

from flowlang.agents import effect


@effect("idempotent")
def note(name: str) -> None:
    Path(name).touch()
"""

MOST_SECONDS = 20
HANG_UP = "(hang up)"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "tools.py").write_text(TOOLS)
    return tmp_path


def dialogue(
    folder: Path, flow: str, *exchanges: tuple[str, str], options: tuple[str, ...] = ("--ephemeral",)
) -> tuple[str, int]:
    """What was on the screen, without what moves the cursor, and the exit code."""
    root = str(Path(__file__).resolve().parent.parent)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        environment = {**os.environ, "PYTHONPATH": root, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "100"}
        command = [sys.executable, "-m", "flowlang", "run", "main.flow", flow, *options]
        os.execve(sys.executable, command, environment)
    try:
        shown = _converse(terminal, list(exchanges))
    finally:
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    return shown, os.waitstatus_to_exitcode(status)


def _converse(terminal: int, exchanges: list[tuple[str, str]]) -> str:
    shown, seen, deadline = "", 0, time.monotonic() + MOST_SECONDS
    while chunk := _read(terminal, deadline):
        shown += CONTROL.sub("", chunk)
        while exchanges and (found := shown.find(exchanges[0][0], seen)) >= 0:
            awaited, typed = exchanges.pop(0)
            seen = found + len(awaited)
            if typed == HANG_UP:
                return shown
            os.write(terminal, typed.encode())
    assert not exchanges, f"{exchanges[0][0]!r} never came:\n{shown}"
    return shown


def _read(terminal: int, deadline: float) -> str:
    """What the process writes next; "" when it has ended."""
    ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
    assert ready, "it took too long"
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:
        return ""


def test_questions_come_one_after_the_other_and_again_until_the_answer_fits(folder: Path) -> None:
    shown, code = dialogue(
        folder,
        "several",
        ("answer with accept, revise or reject\n> ", "perhaps\n"),
        ('expected one of "accept", "revise", "reject", found a string ("perhaps")\n> ', "revise\n"),
        ("  draft: first line\n    second line\n  answer with a whole number or null\n> ", "\n"),
        ('expected an int, found a string ("")\n> ', "4\n"),
        ("answer with true or false\n> ", "true\n"),
    )
    assert code == 0 and "revise 4 true\n" in shown


def test_of_several_open_questions_one_is_asked_at_a_time(folder: Path) -> None:
    shown, code = dialogue(folder, "at_once", *[("> ", "accept\n")] * 3)
    assert code == 0 and "\n3\n" in shown
    assert all(f"approve (verdicts[{n}]" in shown and f"question: {n}?" in shown for n in range(3))


def test_what_was_typed_for_a_question_that_was_left_answers_no_other(folder: Path) -> None:
    shown, code = dialogue(folder, "late", ("> ", "acc"), ("sure (second)", ""), ("> ", "true\n"))
    assert code == 0 and "reject true\n" in shown and "expected" not in shown


def test_an_interrupt_at_a_question_cancels_and_undoes(folder: Path) -> None:
    shown, code = dialogue(folder, "undoes", ("> ", "\x03"))
    assert code == 130 and "the run was cancelled\n  undone: booked\n" in shown
    assert (folder / "undone").exists() and "Traceback" not in shown


def test_the_end_of_the_input_fails_the_question(folder: Path) -> None:
    shown, code = dialogue(folder, "undoes", ("> ", "\x04"))
    assert code == 1 and "error[Unavailable]: the terminal was closed before `sure` was answered" in shown
    assert (folder / "undone").exists()


def test_a_terminal_that_goes_away_is_an_interrupt(folder: Path) -> None:
    _, code = dialogue(folder, "undoes", ("> ", HANG_UP))  # the end of the input may be noticed first
    assert code in (1, 130) and (folder / "undone").exists()


def test_an_interrupt_at_a_question_leaves_the_run_to_be_resumed(folder: Path) -> None:
    shown, code = dialogue(folder, "undoes", ("> ", "\x03"), options=())
    assert code == 3 and "waits and was left; go on with `flow resume " in shown
    assert not (folder / "undone").exists() and "Traceback" not in shown


def test_a_question_outlives_the_input_of_its_terminal(folder: Path) -> None:
    shown, code = dialogue(folder, "undoes", ("> ", "\x04"), ("`sure` stays open", "\x03"), options=())
    assert code == 3 and "waits and was left" in shown
