"""Runs in virtual time, as a person would follow them: a flow and what happens outside in, a transcript out.

A case is a flow file. Lines that begin with `//!` at its top say what happens outside:

    //! input n=3                  //! answer ok "yes" after 3s      //! show events
    //! cancel after 4s            //! send Ping {"id": "1"} after 2s    //! show keys
    //! calls at once 2

and those with `//=` at its end are the transcript that is expected: one line a call, by the time it started,
then what the run came to. Every agent of a case is an `Actor`, whatever its name, and does what its arguments
say; the agents of `PRELUDE` need no declaration."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, Protocol

import attrs
import trio
import trio.testing
from support.checking import check_texts

from flowlang.hosts.trio_host import TrioHost
from flowlang.hosts.turns import turns_of
from flowlang.plan import model as plan
from flowlang.plan.lower import lower
from flowlang.runtime import events
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.runtime.failures import Failure
from flowlang.runtime.host import Question
from flowlang.runtime.program import Program, link
from flowlang.runtime.run import Run, RunResult
from flowlang.values.codec import decode, encode, parse_argument, write_json
from flowlang.values.times import format_duration, parse_duration

PRELUDE = """
error Oops(code: int)
error Nope
event Ping(id: string)
agent work(
  name: string, takes: duration = 0s, fails: string = "", times: int = 1000, cleanup: duration = 0s
) -> string raises Oops, Nope effect idempotent
agent undo(name: string, takes: duration = 0s, fails: string = "", times: int = 1000) effect idempotent
agent tell(name: string) effect idempotent
ask approve(question: string) -> string
"""

PATH: ContextVar[str | None] = ContextVar("PATH", default=None)
"""The path of the call that an actor hears, where it is known."""

EPOCH = 1_000_000_000_000_000  # 2001-09-09T01:46:40Z


@cache
def compile_text(text: str) -> plan.Plan:
    """The plan of a flow in memory; fails where the checker finds a mistake."""
    checked = check_texts({"main.flow": text})
    found = [f"{d.code}: {d.message}" for d in checked.diagnostics if d.severity == "error"]
    assert not found, "\n".join(found)
    return lower(checked)


@attrs.define
class Called:
    """One call as the transcript shows it. Times in seconds since the start of the run."""

    started: float
    ended: float
    call: AgentCall
    name: str
    outcome: str

    def line(self, *, key: bool) -> str:
        times = f"{_seconds(self.started)}..{_seconds(self.ended)}"
        attempt = f" (attempt {self.call.attempt})" if self.call.attempt > 1 else ""
        shown = f" [{self.call.idempotency_key}]" if key else ""
        return f"{times} {self.call.agent} {self.name}{attempt}{shown}: {self.outcome}"


@attrs.define
class Actor:
    """Answers every call by its arguments. `takes`: so long. `fails`: how, in the first `times` calls of this
    `name`. `cleanup`: so long goes on when it is cancelled. It answers with its name, or with null.
    The agent `tell` sends a `Ping` of its name to its own run. `moments` are the times at which a call ended
    by itself, and not because something else had happened. `dead`: the process that called is no more. A call
    that is made again after that is the same one (`seen`)."""

    results: Mapping[str, plan.Type]
    send: Callable[[str, Any], None] | None = None
    log: list[Called] = attrs.field(factory=list)
    seen: dict[str, dict[object, int]] = attrs.field(factory=dict)
    dead: bool = False
    moments: list[float] = attrs.field(factory=list)

    async def call(self, call: AgentCall) -> Any:
        arguments = call.arguments
        name = str(arguments.get("name", "-"))
        seen = self.seen.setdefault(name, {})
        number = seen.setdefault(PATH.get() or object(), len(seen) + 1)
        fails = arguments.get("fails", "") if number <= arguments.get("times", 1000) else ""
        called = Called(trio.current_time(), 0.0, call, name, "done")
        self.log.append(called)
        try:
            await trio.sleep(_argument(arguments, "takes"))
            self.moments.append(trio.current_time())
            if call.agent == "tell":
                assert self.send is not None
                self.send("Ping", {"id": name})
            if fails:
                called.outcome = fails
                return _fail(fails)
            return None if self.results[call.agent].kind == "null" else name
        except trio.Cancelled:
            called.outcome = "cancelled"
            if self.dead:
                raise
            with trio.CancelScope(shield=True):
                await trio.sleep(_argument(arguments, "cleanup"))
            if _argument(arguments, "cleanup"):
                self.moments.append(trio.current_time())
            if fails == "late":
                raise ValueError("too late to matter") from None
            if fails == "stubborn":
                called.outcome = "done all the same"
                return name
            raise
        finally:
            called.ended = trio.current_time()


def _argument(arguments: Mapping[str, Any], name: str) -> float:
    return parse_duration(arguments.get(name, "0s")) / 1e6


def _fail(how: str) -> Any:
    match how:
        case "Oops":
            raise AgentError("Oops", fields={"code": 7})
        case "Nope":
            raise AgentError("Nope")
        case "Unavailable":
            raise AgentError("Unavailable", "down for maintenance")
        case "exit":
            raise SystemExit(3)
        case "group":
            raise ExceptionGroup("several", [ValueError("first"), KeyError("second")])
        case "bad":
            return {"not": ["a", "string"]}
        case "nan":
            return float("nan")
        case "late" | "stubborn":
            return None
        case _:
            raise ValueError(how)


class Hears(Protocol):
    """What of a run hears what happens outside."""

    @property
    def questions(self) -> Mapping[str, Question]: ...

    def answer(self, path: str, answer: Any) -> None: ...

    def send(self, event: str, fields: Any) -> None: ...


@attrs.define
class Outside:
    """What happens outside of a run, and what its transcript shows."""

    inputs: dict[str, str] = attrs.field(factory=dict)
    answers: list[tuple[str, str, float]] = attrs.field(factory=list)
    sends: list[tuple[str, str, float]] = attrs.field(factory=list)
    cancel_after: float | None = None
    answers_any: list[tuple[float, int]] = attrs.field(factory=list)  # when, and which of the open questions
    calls_at_once: int = 100
    events: bool = False
    keys: bool = False

    def read(self, line: str) -> None:
        if found := re.fullmatch(r"input (\w+)=(.*)", line):
            self.inputs[found[1]] = found[2]
        elif found := re.fullmatch(r"answer (\S+) (.*) after (\w+)", line):
            self.answers.append((found[1], json.loads(found[2]), parse_duration(found[3]) / 1e6))
        elif found := re.fullmatch(r"send (\w+) (.*) after (\w+)", line):
            self.sends.append((found[1], json.loads(found[2]), parse_duration(found[3]) / 1e6))
        elif found := re.fullmatch(r"cancel after (\w+)", line):
            self.cancel_after = parse_duration(found[1]) / 1e6
        elif found := re.fullmatch(r"calls at once (\d+)", line):
            self.calls_at_once = int(found[1])
        elif found := re.fullmatch(r"show (events|keys)", line):
            setattr(self, found[1], True)
        else:
            raise ValueError(line)

    def go_on(
        self, nursery: trio.Nursery, program: Program, hears: Hears, cancel: Callable[[], None]
    ) -> None:
        """Let it happen to a run that starts now."""

        async def later(seconds: float, act: Callable[..., None], *arguments: Any) -> None:
            await trio.sleep(seconds)
            act(*arguments)

        def answer_any(which: int) -> None:
            if open_now := sorted(hears.questions):
                hears.answer(open_now[which % len(open_now)], "yes")

        for path, answer, seconds in self.answers:
            nursery.start_soon(later, seconds, hears.answer, path, answer)
        for seconds, which in self.answers_any:
            nursery.start_soon(later, seconds, answer_any, which)
        for name, given, seconds in self.sends:
            record = plan.RecordType(fields=program.plan.events[name].fields)
            nursery.start_soon(later, seconds, hears.send, name, decode(given, record))
        if self.cancel_after is not None:
            nursery.start_soon(later, self.cancel_after, cancel)


def outside_of(text: str) -> Outside:
    """What the lines of a case say."""
    outside = Outside()
    for line in text.splitlines():
        if line.startswith("//! "):
            outside.read(line.removeprefix("//! "))
    return outside


@attrs.define
class Played:
    """What came of a case."""

    program: Program
    result: RunResult
    calls: list[Called]
    events: list[events.Event]


def play(text: str, outside: Outside | None = None) -> Played:
    """Carry out the main flow of a text, in virtual time."""
    outside = outside or Outside()
    program, actor = acted(text + PRELUDE)
    told: list[events.Event] = []
    result = trio.run(
        _play, program, actor, outside, told, clock=trio.testing.MockClock(autojump_threshold=0)
    )
    return Played(program, result, actor.log, told)


def acted(text: str) -> tuple[Program, Actor]:
    """The program of a text, and the actor of its own that all its agents are."""
    linked = link_text(text)
    actor = Actor({name: agent.result for name, agent in linked.plan.agents.items()})
    return attrs.evolve(linked, agents=dict.fromkeys(linked.agents, actor)), actor


@lru_cache(16)
def link_text(text: str) -> Program:
    """A text that is played again and again is linked once."""
    compiled = compile_text(text)
    nobody = Actor({})
    return link(compiled, {name: nobody for name, agent in compiled.agents.items() if not agent.asks})


async def _play(program: Program, actor: Actor, outside: Outside, told: list[events.Event]) -> RunResult:
    turns = turns_of(program.plan.agents)
    host = TrioHost(
        program.agents,
        calls_at_once=outside.calls_at_once,
        turns=turns,
        epoch=EPOCH,
        on_event=told.append,
    )
    actor.send = host.send
    flow = program.plan.main or "main"
    parameters = {p.name: p.type for p in program.plan.flows[flow].parameters}
    inputs = {name: parse_argument(text, parameters[name]) for name, text in outside.inputs.items()}
    run = Run(program, flow, inputs, host, told.append, run_id="r1")

    async with trio.open_nursery() as nursery:
        outside.go_on(nursery, program, host, run.cancel)
        result = await run.result()
        nursery.cancel_scope.cancel()
    return result


def transcript(played: Played, outside: Outside) -> list[str]:
    """The lines that a case expects. Calls that started together stand by name: their order is chance."""
    calls = sorted(played.calls, key=lambda c: (c.started, c.call.agent, c.name, c.ended))
    lines = [called.line(key=outside.keys) for called in calls]
    if outside.events:
        lines += [_event_line(event) for event in played.events]
    result, start = played.result, EPOCH
    ended = format_duration(result.ended - start)
    if result.status == "done":
        type = played.program.plan.flows[result.flow].result
        lines.append(f"done at {ended}: {write_json(encode(result.value, type))}")
    else:
        lines.append(f"{result.status} at {ended}")
    if result.failure:
        lines += _failure_lines(result.failure, "")
    lines += [line for failure in result.undo_failures for line in _failure_lines(failure, "not undone: ")]
    lines.append(f"steps {result.steps_executed}, skipped {result.steps_skipped}, retries {result.retries}")
    return lines


def _failure_lines(failure: Failure, head: str) -> list[str]:
    place = f"{failure.at.line}:{failure.at.column}" if failure.at else "nowhere"
    attempt = f", attempt {failure.attempt}" if failure.attempt > 1 else ""
    line = f"{head}{failure.error} at {place} in {failure.path}{attempt}: {failure.message}"
    return [line, *(noted for note in failure.notes for noted in _failure_lines(note, "  noted: "))]


def _event_line(event: events.Event) -> str:
    shown = {
        name: value.error if isinstance(value, Failure) else value
        for name, value in ((f.name, getattr(event, f.name)) for f in attrs.fields(type(event)))
        if name not in ("path", "at", "value") and value is not None
    }
    for name in ("again_at", "deadline"):
        if name in shown:
            shown[name] = format_duration(shown[name] - EPOCH)
    details = "".join(f", {name} {value}" for name, value in shown.items())
    return f"{format_duration(event.at - EPOCH)} {type(event).__name__} {event.path or 'run'}{details}"


def _seconds(seconds: float) -> str:
    return format_duration(round(seconds * 1e6))
