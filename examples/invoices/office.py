"""An office in a folder: reminders are lines of `mail.txt`, payments are files, one for each invoice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from flowlang.agents import current_call, effect


@dataclass
class Bill:
    number: str
    sender: str
    goods: str
    euros: int


@effect("read")
def read(invoice: str) -> Bill:
    """Reads an invoice."""
    return Bill(**json.loads(Path(invoice).read_text(encoding="utf-8")))


@effect("idempotent")
def remind(folder: str, person: str, question: str) -> None:
    """Writes a mail, unless the person has it already."""
    mail = _in(folder, "mail.txt")
    line = f"to {person}: you have not answered yet: {question}\n"
    sent = mail.read_text(encoding="utf-8") if mail.exists() else ""
    if line not in sent:
        with mail.open("a", encoding="utf-8") as file:
            file.write(line)


@effect("write")
def pay(folder: str, bill: Bill) -> str:
    """Pays, once a key."""
    key = current_call().idempotency_key
    _in(folder, f"{key}.txt").write_text(f"{bill.euros} euros to {bill.sender}\n", encoding="utf-8")
    return key


def _in(folder: str, name: str) -> Path:
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
