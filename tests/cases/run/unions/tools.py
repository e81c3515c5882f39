"""Agents that speak of classes: a tagged union, a record and an enum, which flows name after the alias."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Page:
    url: str
    color: Color


@dataclass
class Ok:
    page: Page
    case: Literal["Ok"] = "Ok"


@dataclass
class Failed:
    why: str
    case: Literal["Failed"] = "Failed"


Outcome = Ok | Failed


def publish(url: str, color: Color = Color.RED) -> Outcome:
    return Ok(Page(url, color)) if url else Failed("it has no address")


def told(outcome: Outcome) -> str:
    return repr(outcome)


def helper(x):
    return x


def other_helper(x, *more):
    return helper(x)
