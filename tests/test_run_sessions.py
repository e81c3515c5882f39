"""`flow run` as a user sees it: sessions of commands with what they print, one folder a case.

Each `session.txt` holds command lines after `$ `, and below each what came out, on stdout first. Times and
run ids are made equal. UPDATE_CASES=1 writes the sessions anew."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowlang.tools import cli

CASES = Path(__file__).parent / "cases" / "run"
SESSIONS = sorted(CASES.glob("*/session.txt"))

EQUALISED = (
    (re.compile(r"(?m)^ +\d+\.\ds  "), "    0.0s  "),
    (re.compile(r"\b\d+\.\ds\b"), "0.0s"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "RUN"),
    (re.compile(r'"execution_time_seconds": [\d.e-]+'), '"execution_time_seconds": 0.0'),
    (re.compile(re.escape(sys.executable)), "python"),
    (re.compile(re.escape(str(CASES)) + "/"), ""),
)


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.parent.name)
def test_session(path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    expected = path.read_text(encoding="utf-8")
    found = "\n".join(transcript(command, capfd) for command in commands(expected))
    if os.environ.get("UPDATE_CASES"):
        path.write_text(found, encoding="utf-8")
    else:
        assert found == expected


def commands(session: str) -> Iterator[str]:
    return (line.removeprefix("$ ") for line in session.split("\n") if line.startswith("$ "))


def transcript(command: str, capfd: pytest.CaptureFixture[str]) -> str:
    code = cli.invoke(shlex.split(command)[1:])
    out, err = (equalised(text) for text in capfd.readouterr())
    told = f"--- stderr\n{err}" if err else ""
    return f"$ {command}\n{out}{told}--- exit {code}\n"


def equalised(text: str) -> str:
    for pattern, replacement in EQUALISED:
        text = pattern.sub(replacement, text)
    return text
