"""Real processes of `flow run`, killed from outside at any moment, and carried on by `flow resume`."""

from __future__ import annotations

import json
import math
import random
import signal
import time
from collections import Counter
from pathlib import Path

from test_resume import Shell, await_until

from flowlang.hosts.sqlite.store import Store

RUNS = 10
LIVES = 3
LONGEST_LIFE = 0.3  # seconds, once a run has begun
PATIENCE = 120.0

FLOW = """
use python tools = "tools.py"

flow main(who: int) -> int {
  step all = for each n in 1..12, 2 at once {
    step one = tools.add(n: n, more: who) retry 2 times backoff 10ms
    step two = tools.add(n: one, more: 1)
    yield two
  }
  step sum = tools.add(n: all.sum(), more: 0) undo tools.add(n: 0, more: 0)
  return sum
}
"""

TOOLS = """
import trio

from flowlang.agents import current_call, effect


@effect("idempotent")
async def add(n: int, more: int) -> int:
    call = current_call()
    with open("calls", "a") as file:
        file.write(f"{call.idempotency_key}@{call.attempt}\\n")
    await trio.sleep(0.02)
    if n == 7 and more != 1 and call.attempt == 1:
        raise ValueError("not at once")
    return n + more
"""


def test_ten_processes_are_killed_and_all_their_runs_come_to_their_ends(tmp_path: Path) -> None:
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "tools.py").write_text(TOOLS)
    shell, chance = Shell(tmp_path), random.Random(4)
    processes = [shell.start("run", "main.flow", f"who={who}") for who in range(RUNS)]
    kill_at = {process.pid: math.inf for process in processes}
    until = time.monotonic() + PATIENCE
    while any(process.poll() is None for process in processes):
        assert time.monotonic() < until, "they neither die nor end"
        for pid in holders(shell) & {pid for pid, instant in kill_at.items() if instant == math.inf}:
            kill_at[pid] = time.monotonic() + chance.uniform(0, LONGEST_LIFE)
        for process in processes:
            if kill_at[process.pid] < time.monotonic():
                process.kill()
        time.sleep(0.005)
    assert sum(process.returncode == -signal.SIGKILL for process in processes) >= RUNS // 2
    service = shell.start("resume", "--all")
    before = len(shell.calls())
    await_until(lambda: len(shell.calls()) > before + chance.randint(1, 50) or service.poll() is not None)
    service.kill()
    service.wait()
    left = shell.flow("resume", "--all")
    assert left.code == 0, left.err
    with Store.open(shell.store) as store:
        ended = store.runs()
        results = [json.loads(store.result(record.number) or "null") for record in ended]
    assert sorted(result["data"] for result in results) == [66 + 11 * (who + 1) for who in range(RUNS)]
    assert max(Counter(shell.calls()).values()) <= LIVES


def holders(shell: Shell) -> set[int]:
    if not shell.store.exists():
        return set()
    with Store.open(shell.store) as store:
        return {record.holder.pid for record in store.runs() if record.holder is not None}
