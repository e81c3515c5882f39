"""A shop in a folder: `shop.json` says what lies on the shelf, what is laid aside, and what was shipped.

Every order is known by its name, so whoever asks for the same thing twice gets it once."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowlang.agents import effect

PRICES = {"kettle": 30, "teapot": 45}
ONE_AT_A_TIME = threading.Lock()


class SoldOut(Exception):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass
class Bill:
    order: str
    euros: int


@effect("write")
def lay_aside(folder: str, order: str, item: str, count: int) -> Bill:
    """Takes the goods of an order from the shelf."""
    with _shop(folder) as shop:
        if order not in shop["laid_aside"]:
            if shop["shelf"].get(item, 0) < count:
                raise SoldOut(f"there are not {count} of {item}")
            shop["shelf"][item] -= count
            shop["laid_aside"][order] = {"item": item, "count": count}
    return Bill(order, PRICES[item] * count)


@effect("idempotent")
def put_back(folder: str, order: str) -> None:
    """Puts the goods of an order back on the shelf."""
    with _shop(folder) as shop:
        goods = shop["laid_aside"].pop(order, None)
        if goods is not None:
            shop["shelf"][goods["item"]] += goods["count"]


@effect("write")
def ship(folder: str, order: str, euros: int) -> str:
    """Sends off what was laid aside, and notes what was paid for it."""
    with _shop(folder) as shop:
        goods = shop["laid_aside"].pop(order, None)
        if goods is not None:
            shop["shipped"][order] = {**goods, "euros": euros}
    return f"parcel-{order}"


@contextmanager
def _shop(folder: str) -> Iterator[Any]:
    """The shop's book, which is written back as a whole if nothing goes wrong."""
    book = Path(folder) / "shop.json"
    book.parent.mkdir(parents=True, exist_ok=True)
    with ONE_AT_A_TIME:
        shop: Any = {"shelf": {"kettle": 3, "teapot": 1}, "laid_aside": {}, "shipped": {}}
        if book.exists():
            shop = json.loads(book.read_text(encoding="utf-8"))
        yield shop
        beside = book.with_suffix(".part")
        beside.write_text(json.dumps(shop) + "\n", encoding="utf-8")
        os.replace(beside, book)
