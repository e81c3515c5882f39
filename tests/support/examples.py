"""The examples as a reader runs them: a copy of the folder, and `flow run` in it.

`Example.run` gives the outcome as an object; `Example.session` replays the console blocks of the README, in
which a line `…` stands for any lines, a `…` within a line for any text, and twelve hexadecimal digits for a
run: where a command names it, for the one that was shown as this."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from flowlang.tools import cli

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
ELISION = "…"
RUN_ID = re.compile(r"\b[0-9a-f]{12}\b")


@attrs.frozen
class Ended:
    """How a run ended: the exit code, the object that `--json` prints, and what was said about it."""

    code: int
    outcome: dict[str, Any]
    err: str

    @property
    def data(self) -> Any:
        assert self.code == 0, self.err
        return self.outcome["data"]

    @property
    def error(self) -> str:
        """The name of the error that the run failed with."""
        assert self.code == 1 and "Traceback" not in self.err
        return self.outcome["errors"][0]["error"]


@attrs.frozen
class Example:
    """A copy of an example, which is the working folder as well."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def run(self, **inputs: object) -> Ended:
        (flow,) = self.folder.glob("*.flow")
        texts = [f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in inputs.items()]
        code, out, err = self._invoke(["run", flow.name, "--json", "--quiet", *texts])
        return Ended(code, json.loads(out), err)

    def session(self) -> Iterator[tuple[str, str, str]]:
        """Each command of the README, what it is said to print, and what it prints."""
        runs: dict[str, str] = {}
        for command, shown in _commands((self.folder / "README.md").read_text(encoding="utf-8")):
            printed = self.prints(RUN_ID.sub(lambda run: runs.get(run[0], run[0]), command))
            yield command, shown, printed
            for run, real in zip(RUN_ID.findall(shown), RUN_ID.findall(printed), strict=False):
                runs.setdefault(run, real)

    def prints(self, command: str) -> str:
        """What a command line prints: its result, or where there is none, what is said instead."""
        words = shlex.split(command)
        if words[0] != "flow":
            return subprocess.run(words, cwd=self.folder, check=True, capture_output=True, text=True).stdout
        quiet = ["--quiet"] if words[1] in ("run", "resume") else []
        code, out, err = self._invoke([*words[1:], *quiet])
        return (out if code == 0 else "") or err

    def _invoke(self, words: list[str]) -> tuple[int, str, str]:
        self.capture.readouterr()
        code = cli.invoke(words)
        out, err = self.capture.readouterr()
        return code, out, err


def copied(
    name: str, into: Path, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
) -> Example:
    """A copy of the example of a name, without what running it has left there, and a store of its own."""
    folder = into / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("out", "__pycache__"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FLOW_STORE", str(into / "runs.db"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    return Example(folder, capture)


def alike(shown: str, printed: str) -> bool:
    """Whether something is printed as it is shown."""
    lines = RUN_ID.sub("RUN", shown).splitlines(keepends=True)
    pattern = "".join("(?:.*\n)*?" if line.strip() == ELISION else _any_text(line) for line in lines)
    return re.fullmatch(pattern, RUN_ID.sub("RUN", printed)) is not None


def _any_text(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split(ELISION))


def _commands(readme: str) -> Iterator[tuple[str, str]]:
    for block in re.findall(r"^```console\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown
