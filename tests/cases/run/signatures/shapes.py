"""What the cases import from their folder."""

from dataclasses import dataclass


@dataclass
class Circle:
    radius: float


@dataclass
class Bad:
    codes: set[int]


Shape = Circle | None
