"""The kernel and trio's host carry any run out alike: the same calls at the same instants, the same events,
the same result.

Two things that happen at one instant have no order that both hosts share (R8), so flows where that happens
are passed over; and the order of events at one instant counts only among those of one path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.durable import PlayedDurably, play_durably
from support.flows import flows
from support.runs import EPOCH, Called, Outside, Played, play

from flowlang.runtime.timers import Timers

FOR_EVER = 10_000_000.0  # seconds; what still waits then is cancelled

instants = st.integers(1, 400_000).map(lambda n: n / 1000 + 0.0005)  # calls end at whole milliseconds


@st.composite
def examples(draw: st.DrawFn) -> tuple[str, Outside]:
    """A flow; and answers, events and a cancellation, each at an instant of its own."""
    text = draw(flows())
    times = draw(st.lists(instants, max_size=9, unique=True))
    cancelled = times.pop() if times and draw(st.integers(0, 2)) == 2 else None
    answered = draw(st.integers(0, len(times))) if "wait for" in text else len(times)
    answers, sends = times[:answered], times[answered:]
    outside = Outside(
        answers_any=[(seconds, draw(st.integers(0, 3))) for seconds in answers],
        sends=[("Ping", {"id": draw(st.sampled_from("ab"))}, seconds) for seconds in sends],
        cancel_after=FOR_EVER if cancelled is None else cancelled,
    )
    return text, outside


@given(examples())
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
def test_the_kernel_does_what_trio_does(example: tuple[str, Outside]) -> None:
    text, outside = example
    with instants_of_timers() as due:
        durable = play_durably(text, outside)
    assume(not has_ties(durable, due))
    assert shown(durable) == shown(play(text, outside))


@contextmanager
def instants_of_timers() -> Iterator[list[int]]:
    """What the kernel has ever set a timer to."""
    due: list[int] = []
    add = Timers.add

    def noted(self: Timers, instant: int, *rest: Any, **options: Any) -> Any:
        due.append(instant)
        return add(self, instant, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Timers, "add", noted)
        yield due


def has_ties(durable: PlayedDurably, due: list[int]) -> bool:
    """Whether two things happened at one instant, or could have before the run had ended."""
    ended = [EPOCH + round(moment * 1e6) for moment in durable.journaled.actor.moments]
    moments = [*ended, *(instant for instant in due if instant <= durable.result.ended)]
    return len(set(moments)) < len(moments)


def shown(played: Played) -> dict[str, Any]:
    """All that one can see of a run, without chance in it."""
    return {
        "result": told(played.result),
        "calls": sorted(map(call_shown, played.calls)),
        "events": sorted(map(event_shown, played.events), key=lambda shown: shown[:2]),
    }


def call_shown(called: Called) -> tuple[Any, ...]:
    call = called.call
    times = round(called.started * 1e6), round(called.ended * 1e6)
    return (*times, called.name, call.agent, called.outcome, call.idempotency_key, call.attempt)


def event_shown(event: Any) -> tuple[Any, ...]:
    return event.at, event.path, type(event).__name__, str(told(event))


def told(event: Any) -> dict[str, Any]:
    """Its fields, without the traces of agents, which show the host they were called from."""
    return attrs.asdict(event, filter=lambda field, _: field.name != "cause")
