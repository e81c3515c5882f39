"""Inlay hints and the call hierarchy, case by case."""

from __future__ import annotations

from support.cursors import Case, cases, expect

from flowlang.ide.calls import CallsOf, called_at, incoming, outgoing
from flowlang.ide.hints import hints
from flowlang.text.source import Span


@cases("hints.txt")
def test_hints(case: Case) -> None:
    """The file with its hints written in it, between `‹` and `›`."""
    snapshot = case.snapshot()
    text = snapshot.text
    for hint in reversed(hints(snapshot)):
        text = f"{text[: hint.offset]}‹{hint.label}›{text[hint.offset :]}"
    expect("hints.txt", case, text.partition("\ntype Source")[0])
    half = Span(0, len(snapshot.text) // 2)
    assert set(hints(snapshot, half)) == {h for h in hints(snapshot) if h.offset <= half.end}


@cases("calls.txt")
def test_calls(case: Case) -> None:
    snapshots = case.snapshots()
    called = called_at(snapshots[case.path], case.offset)
    assert called is not None
    lines = [f"{called.kind} {called.path}: {called.detail}"]
    lines += [f"from {shown(calls)}" for calls in incoming(snapshots, called)]
    lines += [f"to {shown(calls)}" for calls in outgoing(snapshots, called)]
    expect("calls.txt", case, "\n".join(lines))


def shown(calls: CallsOf) -> str:
    return f"{calls.other.kind} {calls.other.path}: {calls.other.meaning.name} × {len(calls.spans)}"
