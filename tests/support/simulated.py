"""Cases of running, in the simulator: the same flows, the same outside, and the same actors as in `runs`, but
as a world of functions. What comes of it is a `Played` like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any

import attrs
import pytest
from support.runs import EPOCH, PRELUDE, Called, Outside, Played, compile_text

from flowlang.hosts.simulator.simulated import Made, Simulated
from flowlang.hosts.simulator.simulation import link_simulated, simulate
from flowlang.hosts.simulator.world import STOPS, Answer, Crash, Ends, Reaction, Sent, World
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall, AgentError, agent_failed
from flowlang.runtime.calls import Refused, decode_reply
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import Raised, Replied, Stopped
from flowlang.runtime.program import Program
from flowlang.values.codec import decode, parse_argument
from flowlang.values.times import parse_duration


@attrs.define
class Acting:
    """What an `Actor` does, as reactions."""

    compiled: plan.Plan
    seen: dict[str, dict[str, int]] = attrs.field(factory=dict)

    def call(self, path: str, call: AgentCall, now: int) -> Reaction:
        arguments = call.arguments
        name = str(arguments.get("name", "-"))
        seen = self.seen.setdefault(name, {})
        number = seen.setdefault(path, len(seen) + 1)
        fails = arguments.get("fails", "") if number <= arguments.get("times", 1000) else ""
        null = self.compiled.agents[call.agent].result.kind == "null"
        outcome = self.outcome(call.agent, fails) if fails else Replied(None if null else name)
        ends = Ends(outcome, parse_duration(arguments.get("takes", "0s")))
        cleanup = parse_duration(arguments.get("cleanup", "0s"))
        stops = attrs.evolve(STOPS, delay=cleanup)
        return Reaction(ends, Ends(Replied(name), cleanup) if fails == "stubborn" else stops)

    def outcome(self, agent: str, fails: str) -> Replied | Raised:
        match fails:
            case "Oops":
                return Raised("Oops", fields={"code": 7})
            case "Nope":
                return Raised("Nope")
            case "Unavailable":
                return Raised("Unavailable", "down for maintenance")
            case "bad":
                return Replied({"not": ["a", "string"]})
            case "nan":
                return self.unfit(agent, float("nan"))
            case "late" | "stubborn":
                return Replied(None)
            case _:
                error = failed(fails)
                return Raised(error.error, error.message, error.fields, error.cause)

    def unfit(self, agent: str, reply: float) -> Raised:
        with pytest.raises(Refused) as refused:
            decode_reply(agent, self.compiled.agents[agent], reply)
        failure = refused.value.failure
        return Raised(failure.error, failure.message, failure.fields)


def failed(fails: str) -> AgentError:
    raised: dict[str, BaseException] = {
        "exit": SystemExit(3),
        "group": ExceptionGroup("several", [ValueError("first"), KeyError("second")]),
    }
    return agent_failed(raised.get(fails, ValueError(fails)))


def world_of(outside: Outside, compiled: plan.Plan, crashes: Sequence[Crash] = ()) -> World:
    """The world of a case. Of `answers_any` only that there are some counts: then each question gets one."""
    answers = {path: (answer, seconds) for path, answer, seconds in outside.answers}

    def answer(path: str, question: Question, now: int) -> Answer | None:
        if path not in answers:
            return Answer(Replied("yes"), 50_000) if outside.answers_any else None
        value, seconds = answers[path]
        return Answer(Replied(value), max(0, EPOCH + round(seconds * 1e6) - now))

    def sent(name: str, given: str, seconds: float) -> Sent:
        record = plan.RecordType(fields=compiled.events[name].fields)
        return Sent(round(seconds * 1e6), name, decode(given, record))

    cancelled = outside.cancel_after
    return World(
        call=Acting(compiled).call,
        answer=answer,
        sent=[sent(*each) for each in outside.sends],
        cancelled=None if cancelled is None else round(cancelled * 1e6),
        crashes=crashes,
    )


def simulate_text(
    text: str, outside: Outside | None = None, crashes: Sequence[Crash] = (), order: Random | None = None
) -> tuple[Simulated, Played]:
    """Simulate the main flow of a text; gives what came of it in both forms."""
    outside = outside or Outside()
    program = link_text(text + PRELUDE)
    compiled = program.plan
    flow = compiled.main or "main"
    parameters = {p.name: p.type for p in compiled.flows[flow].parameters}
    inputs: Mapping[str, Any] = {
        name: parse_argument(text, parameters[name]) for name, text in outside.inputs.items()
    }
    world = world_of(outside, compiled, crashes)
    simulated = simulate(
        program, flow, inputs, world,
        order=order, start=EPOCH, run_id="r1", calls_at_once=outside.calls_at_once,
    )  # fmt: skip
    assert simulated.result is not None, simulated.problem
    calls = [called_of(made) for made in simulated.calls]
    return simulated, Played(program, simulated.result, calls, list(simulated.events))


@lru_cache(16)
def link_text(text: str) -> Program:
    """A text that is simulated again and again is linked once."""
    return link_simulated(compile_text(text))


def play_simulated(text: str, outside: Outside | None = None) -> Played:
    return simulate_text(text, outside)[1]


def called_of(made: Made) -> Called:
    fails = str(made.call.arguments.get("fails", ""))
    match made.outcome:
        case Stopped() | Raised("Timeout"):
            shown = "cancelled"
        case Replied(value):
            as_asked = (
                isinstance(value, dict) if fails == "bad" else fails in ("late", "stubborn") and not value
            )
            shown = fails if as_asked else "done all the same" if fails == "stubborn" else "done"
        case Raised():
            shown = fails
        case None:
            shown = "lost"
    ended = EPOCH if made.ended is None else made.ended
    return Called((made.started - EPOCH) / 1e6, (ended - EPOCH) / 1e6, made.call, name_of(made), shown)


def name_of(made: Made) -> str:
    return str(made.call.arguments.get("name", "-"))
