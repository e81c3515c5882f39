"""Reading letters, taking out what matters in them, and putting them on piles."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flowlang.agents import effect


class _Problem(Exception):
    """A declared error with one field, `message`."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotText(_Problem):
    pass


class Incomplete(_Problem):
    pass


class NoSuchFolder(Exception):
    def __init__(self, path: str) -> None:
        super().__init__(f"there is no folder {path}")
        self.path = path


@effect("read")
def letters(folder: str) -> list[str]:
    """The names of the letters in a folder."""
    if not Path(folder).is_dir():
        raise NoSuchFolder(str(Path(folder).absolute()))
    return sorted(path.name for path in Path(folder).glob("*.txt"))


@effect("read")
def read(folder: str, name: str) -> str:
    """The text of a letter."""
    try:
        return (Path(folder) / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise NotText(f"{name} is not text") from None


@effect("idempotent")
def file(folder: str, name: str, out: str, pile: str) -> None:
    """Puts a copy of a letter on a pile."""
    target = Path(out) / pile
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(folder) / name, target / name)


@effect("idempotent")
def write(out: str, pile: str, name: str, text: str) -> None:
    """Puts something new on a pile."""
    target = Path(out) / pile
    target.mkdir(parents=True, exist_ok=True)
    (target / name).write_text(text + "\n", encoding="utf-8")


# What matters about a letter


@dataclass
class Invoice:
    number: str
    euros: float
    case: Literal["Invoice"] = "Invoice"


@dataclass
class Complaint:
    order: str | None
    urgent: bool
    case: Literal["Complaint"] = "Complaint"


@dataclass
class Application:
    position: str
    case: Literal["Application"] = "Application"


Details = Invoice | Complaint | Application


@effect("pure")
def details(kind: Literal["invoice", "complaint", "application"], text: str) -> Details:
    """Takes out what matters about a letter of a kind, or says what is missing."""
    if kind == "invoice":
        return _invoice(text)
    if kind == "complaint":
        urgent = re.search(r"\b(today|immediately|at once|lawyer|urgent(ly)?)\b", text, re.IGNORECASE)
        return Complaint(_first(r"\border\s+(?:no\.?|number)?\s*#?(\w*\d\w*)", text), urgent is not None)
    position = _first(r"\b(?:position|job|role) (?:of|as|for)(?: an?| the)? ([^.,?!\n]+)", text)
    if position is None:
        raise Incomplete("an application that names no position")
    return Application(" ".join(position.split()))


def _invoice(text: str) -> Invoice:
    number = _first(r"\binvoice\s+(?:no\.?|number)?\s*#?([\w-]*\d[\w-]*)", text)
    amount = _first(r"\b(?:total|amount due)\b[^\d\n]*(\d[\d,]*\.\d\d)", text)
    if number is None or amount is None:
        raise Incomplete(f"an invoice without {'a number' if number is None else 'an amount'}")
    return Invoice(number, float(amount.replace(",", "")))


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text, re.IGNORECASE)
    return found[1] if found else None
