"""`python -m tests.histories` carries runs out and keeps their histories, those that are not kept yet.

A history is never written anew: what this version made of it is what it is for. After a change of meaning
`SEMANTICS` grows, and histories of the new meaning get names of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.durable import Kill, play_durably
from support.histories import HISTORIES, History
from support.kill_stories import EXAMPLES, FLOWS, example, folder
from support.kills import RUN, whole
from support.runs import Outside, outside_of

from flowlang.hosts.sqlite.store import Store
from flowlang.tools.stored import begun_of

CASES = HISTORIES.parent / "cases" / "runtime"
ONE_OF = 2  # cases; each shows something of its own, but half of them show all constructs

ANSWERS = [(n * 50.0, 0) for n in range(1, 60)]


LONG_LOOP = """
flow main() -> int {
  step done = while n < 34, at most 99 times, from n = 0 {
    step one = work(name: "round${n}")
    next if one == "" then 0 else n + 1
  }
  return done
}
"""


def main() -> None:
    for name, made in [*_flows(), *_cases(), *_examples()]:
        path = HISTORIES / f"{name}.json"
        if not path.exists():
            made().write(path)
            print(path.name)


def _flows() -> Iterator[tuple[str, Callable[[], History]]]:
    for name, text in {**FLOWS, "long_loop": LONG_LOOP}.items():
        declared = "agent charge(name: string) -> string effect write\n"
        events = [("Ping", {"id": "a"}, 1.0)] if "Ping" in text else []
        outside = Outside(answers_any=ANSWERS, sends=events)
        yield name, lambda text=text + declared, outside=outside: _played(text, outside, 60.0)


def _cases() -> Iterator[tuple[str, Callable[[], History]]]:
    for path in sorted(CASES.glob("*.flow"))[::ONE_OF]:
        text = path.read_text(encoding="utf-8")
        yield path.stem, lambda text=text: _played(text, outside_of(text))


def _played(text: str, outside: Outside, away: float = 0.0) -> History:
    """A run in virtual time, which was left in its middle for so many seconds."""
    run = play_durably(text, outside, kills=[Kill(2, away=away)]).journaled
    flow = run.program.plan.main or "main"
    return History.of(run.program.plan, flow, "r1", run.inputs, run.keeper.rows)


def _examples() -> Iterator[tuple[str, Callable[[], History]]]:
    for name in sorted(EXAMPLES.keys() - {"repo_review"}):  # its journal is full of this machine
        yield f"example_{name}", lambda name=name: _carried_out(name)


def _carried_out(name: str) -> History:
    with folder() as place, chdir(place):
        story = example(place, name)
        whole(story)
        with Store.open(story.store, "none") as store:
            record = store.find(RUN)
            values, rows = begun_of(store, record).values, store.journal(record.number)
    return History.of(story.prepared.program.plan, record.flow, RUN, values, rows)


if __name__ == "__main__":
    main()
