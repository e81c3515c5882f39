"""Did you mean: the known name nearest to a misspelt one.

Damerau's edit distance (insert, delete, replace, swap neighbours), in the restricted form known as
optimal string alignment. A name is near when at most a third of it, and never more than three letters,
would have to change, in a short name one; equal but for case is nearest of all."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that the writer most likely meant, if any is near. Ties go to the first in order."""
    most = min(3, max(len(name) // 3, 1 if len(name) > 1 else 0))
    best: str | None = None
    for candidate in known:
        if candidate.lower() == name.lower():
            return candidate
        if abs(len(candidate) - len(name)) <= most and len(name) <= 64:
            found = distance(*differing(name, candidate))
            if found <= most:
                best, most = candidate, found - 1
    return best


def differing(left: str, right: str) -> tuple[str, str]:
    """Two words without the letters that they begin and end with in common; these cost nothing."""
    begin, end = 0, min(len(left), len(right))
    while begin < end and left[begin] == right[begin]:
        begin += 1
    same = 0
    while same < end - begin and left[-1 - same] == right[-1 - same]:
        same += 1
    return left[begin : len(left) - same], right[begin : len(right) - same]


def distance(left: str, right: str) -> int:
    """How many letters must be inserted, deleted, replaced or swapped to turn one word into the other."""
    before_last: list[int] = []
    last = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before_last[j - 2] + 1)
            row.append(cost)
        before_last, last = last, row
    return last[-1]


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A help line, or None where nothing is near."""
    found = nearest(name, known)
    return f"did you mean `{found}`?" if found else None
