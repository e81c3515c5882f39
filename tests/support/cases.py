"""Cases: flow files whose comments say what is found in them.

    step found = serch(query: topic)  // error[unknown-name]: "no agent, flow or constructor `serch`"

stands at the line of a diagnostic's primary label and quotes a part of its message; several follow one
another. A diagnostic that no comment expects is as wrong as one that is missing. With `UPDATE_CASES=1`
the comments are written anew, with whole messages, for a person to read in the diff."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

import attrs

from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Source

UPDATING = os.environ.get("UPDATE_CASES") == "1"

_EXPECTED = r'(error|warning)\[([a-z-]+)\]: "(.*?)"'
_COMMENT = re.compile(rf"[ \t]*// ((?:{_EXPECTED}(?:[ \t]+(?=\S)|[ \t]*$))+)$")


@attrs.frozen(order=True)
class Remark:
    """A diagnostic as cases write it. `message` is a part of the message in an expectation."""

    line: int
    severity: str
    slug: str
    message: str

    def __str__(self) -> str:
        return f'{self.severity}[{self.slug}]: "{self.message}"'


def expected_in(text: str) -> list[Remark]:
    """What the comments of a case expect."""
    return [
        Remark(number, *groups)
        for number, line in enumerate(text.split("\n"), 1)
        if (comment := _COMMENT.search(line))
        for groups in re.findall(rf"{_EXPECTED}(?=\s|$)", comment[1])
    ]


def found_in(source: Source, diagnostics: Iterable[Diagnostic]) -> list[Remark]:
    """The placed diagnostics of one source as remarks."""
    own = (d for d in diagnostics if d.path == source.path)
    return [_remark(source, diagnostic) for diagnostic in own]


def _remark(source: Source, found: Diagnostic) -> Remark:
    line, _ = source.position(found.primary.span.start)
    return Remark(line, found.severity, found.code.slug, found.message.replace("\n", " "))


def differences(text: str, found: Iterable[Remark]) -> list[str]:
    """What a case does not say of what was found, and what it says that was not; empty for a good case."""
    left = expected_in(text)
    wrong = []
    for remark in sorted(found):
        met = next((e for e in left if _meets(remark, e)), None)
        if met is None:
            wrong.append(f"line {remark.line}: not expected: {remark}")
        else:
            left.remove(met)
    return wrong + [f"line {e.line}: expected, but not found: {e}" for e in left]


def _meets(found: Remark, expected: Remark) -> bool:
    same = (found.line, found.severity, found.slug) == (expected.line, expected.severity, expected.slug)
    return same and expected.message in found.message


def blessed(text: str, found: Iterable[Remark]) -> str:
    """A case with the comments that it should have."""
    lines = [_COMMENT.sub("", line) for line in text.split("\n")]
    for remark in sorted(found):
        before = lines[remark.line - 1]
        lines[remark.line - 1] = f"{before} {remark}" if _COMMENT.search(before) else f"{before}  // {remark}"
    return "\n".join(lines)
