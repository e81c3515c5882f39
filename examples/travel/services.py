"""A travel office in a folder: offers, bookings and accounts in `state.json`, all that happened in `log.txt`.

It keeps its books like a real one. Rooms, seats and money are really gone once they are taken, and whoever
does not give them back leaves the office in a state in which the next customer finds less. Whoever comes
again with the same idempotency key gets the same booking. With `SLOWLY=2` in the environment everything takes
two seconds, so that somebody can pull the plug meanwhile."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowlang.agents import current_call, effect

OFFERS = Path(__file__).with_name("offers.json")
ONE_AT_A_TIME = threading.Lock()


@dataclass
class Booking:
    id: str
    what: str
    euros: int


class _Problem(Exception):
    """A declared error with one field, `message`."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SoldOut(_Problem):
    pass


class Declined(_Problem):
    pass


class Unavailable(_Problem):
    pass


@effect("idempotent")
def open_office(office: str) -> None:
    """Unlocks the door. A new office begins with the offers of `offers.json`."""
    folder = Path(office)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "state.json").exists():
        _write(folder, json.loads(OFFERS.read_text(encoding="utf-8")))
    _log(folder, "the office opens")


@effect("idempotent")
def close_office(office: str) -> None:
    """Locks the door."""
    _log(Path(office), "the office closes")


@effect("write")
def book_hotel(office: str, city: str, nights: int) -> Booking:
    """Takes a room."""
    return _book(office, "hotel", city, f"hotel in {city}, {nights} nights", nights)


@effect("write")
def book_train(office: str, city: str) -> Booking:
    """Takes a seat, there and back."""
    return _book(office, "train", city, f"train to {city}", 2)


@effect("write")
def book_museum(office: str, city: str) -> Booking:
    """Takes a ticket."""
    return _book(office, "museum", city, f"museum in {city}", 1)


@effect("idempotent")
def cancel(office: str, id: str) -> None:
    """Gives back what a booking took. Once it is given back there is nothing more to do."""
    with _state(office) as state:
        booking = state["bookings"].pop(id, None)
        if booking is not None:
            state["offers"][booking["kind"]][booking["city"]]["left"] += 1
            _log(Path(office), f"{booking['kind']} {id} cancelled")


@effect("write")
def pay(office: str, account: str, euros: int) -> str:
    """Takes the money, once a key. The bank's line is bad: the first answer of every payment is lost."""
    call = current_call()
    with _state(office) as state:
        if call.idempotency_key not in state["payments"]:
            left = state["accounts"].get(account, 0)
            if left < euros:
                _log(Path(office), f"{account} cannot pay {euros}")
                raise Declined(f"the bank declined {euros} euros from {account}")
            state["accounts"][account] = left - euros
            state["payments"][call.idempotency_key] = {"account": account, "euros": euros}
            _log(Path(office), f"{account} paid {euros}")
    if call.attempt == 1:
        raise Unavailable("the line to the bank broke down before it answered")
    return call.idempotency_key


@effect("idempotent")
def refund(office: str, receipt: str) -> None:
    """Gives the money of a payment back."""
    with _state(office) as state:
        payment = state["payments"].pop(receipt, None)
        if payment is not None:
            state["accounts"][payment["account"]] += payment["euros"]
            _log(Path(office), f"{payment['account']} got {payment['euros']} back")


@effect("idempotent")
def print_tickets(folder: str, bookings: list[Booking]) -> None:
    """Writes a file for each booking."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for booking in bookings:
        (Path(folder) / f"{booking.id}.txt").write_text(f"{booking.what}\n", encoding="utf-8")


def _book(office: str, kind: str, city: str, what: str, times: int) -> Booking:
    key = current_call().idempotency_key
    with _state(office) as state:
        for id, known in state["bookings"].items():
            if known["key"] == key:
                return Booking(id, known["what"], known["euros"])
        offer = state["offers"][kind].get(city)
        if offer is None or offer["left"] == 0:
            raise SoldOut(f"there is no {kind} for {city}")
        offer["left"] -= 1
        state["last_id"] += 1
        booking = Booking(f"{kind}-{state['last_id']}", what, offer["euros"] * times)
        state["bookings"][booking.id] = {
            "kind": kind,
            "city": city,
            "key": key,
            "what": what,
            "euros": booking.euros,
        }
        _log(Path(office), f"{kind} {booking.id} booked")
        return booking


@contextmanager
def _state(office: str) -> Iterator[Any]:
    """The office's books, which are written back if nothing goes wrong."""
    folder = Path(office)
    with ONE_AT_A_TIME:
        time.sleep(float(os.environ.get("SLOWLY", "0")))
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        yield state
        _write(folder, state)


def _write(folder: Path, state: Any) -> None:
    beside = folder / ".state.part"
    beside.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    os.replace(beside, folder / "state.json")


def _log(folder: Path, line: str) -> None:
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        log.write(f"{line}\n")
