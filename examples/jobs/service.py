"""A service that is slow, in a folder: a file for each job says what it is about and when it will be done.

Whoever submits with the same idempotency key gets the same job. The line is bad: the first answer to a job
that is submitted is lost."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from flowlang.agents import current_call, effect


@dataclass
class Progress:
    state: Literal["working", "ready", "broken"]
    percent: int


@dataclass
class Count:
    word: str
    times: int


class Unavailable(Exception):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@effect("write")
def submit(folder: str, text: str, takes: timedelta) -> str:
    """Begins to work on a text."""
    call = current_call()
    job = call.idempotency_key
    if not _file(folder, job).exists():
        begun = {"text": text, "begun": time.time(), "takes": takes.total_seconds()}
        _write(_file(folder, job), begun)
    if call.attempt == 1:
        raise Unavailable("the line broke down before the service answered")
    return job


@effect("read")
def look(folder: str, job: str) -> Progress:
    """How far a job is."""
    known = _read(folder, job)
    part = (time.time() - known["begun"]) / max(known["takes"], 1e-6)
    if part < 1:
        return Progress("working", int(part * 100))
    return Progress("ready" if Path(known["text"]).exists() else "broken", 100)


@effect("read")
def collect(folder: str, job: str) -> list[Count]:
    """The three commonest words."""
    words = re.findall(r"\w+", Path(_read(folder, job)["text"]).read_text(encoding="utf-8").lower())
    return [Count(word, times) for word, times in Counter(words).most_common(3)]


@effect("idempotent")
def cancel(folder: str, job: str) -> None:
    """Forgets a job."""
    _file(folder, job).unlink(missing_ok=True)


def _file(folder: str, job: str) -> Path:
    return Path(folder) / f"{job}.json"


def _read(folder: str, job: str) -> Any:
    return json.loads(_file(folder, job).read_text(encoding="utf-8"))


def _write(path: Path, job: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(job) + "\n", encoding="utf-8")
    os.replace(beside, path)
