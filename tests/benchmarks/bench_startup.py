"""How long it takes to get going, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.benchmarks import Figure, best_of

SMALL = """\
agent search(query: string) -> list<string> effect read

flow find(topic: string) -> int {
  step found = search(query: topic)
    retry 2 times backoff 1s
  return found.size()
}

flow main(name: string = "you") -> string {
  return "hello ${name}"
}
"""


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "small.flow")
        file.write_text(SMALL)
        check, libraries, importing, nothing = best_of(
            7,
            partial(python, "-m", "flowlang", "check", str(file)),
            partial(python, "-c", "import lark, attrs"),
            partial(python, "-c", "import flowlang"),
            partial(python, "-c", "pass"),
        )
        run, plan, needed = best_of(
            7,
            partial(python, "-m", "flowlang", "run", str(file)),
            partial(python, "-m", "flowlang", "plan", str(file)),
            partial(python, "-c", "import pydantic.main, trio"),
        )
    against = "starting Python and importing lark and attrs"
    yield Figure("flow check of a small file", check * 1e3, "ms", check / libraries, against, 1.5)
    imported = importing - nothing
    yield Figure("import flowlang", imported * 1e3, "ms", imported, "a second", 0.2)
    against = "starting Python and importing pydantic and trio"
    yield Figure("flow run of a small flow", run * 1e3, "ms", run / needed, against, 2.5)
    yield Figure("flow plan of a small flow", plan * 1e3, "ms", plan / needed, against, 1.5)


def python(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
