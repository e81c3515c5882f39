"""The script of a test: its `given` and `send` lines -> the world of a run.

A call is answered by the lines whose `when` holds, and where there is none by those without a `when`; several
are used in turn, the last of them again and again. An agent that no line is for may not be called: the call
fails, and so does the test, whatever the flow makes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from flowlang.hosts.simulator.simulation import EPOCH
from flowlang.hosts.simulator.world import Answer, Ends, Reaction, Sent, World
from flowlang.plan import model as plan
from flowlang.plan import tests
from flowlang.plan.secrets import secret_names
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.failures import AGENT_FAILED, BUILT_IN, Failure
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import Raised, Replied
from flowlang.values.codec import decode, encode, write_json
from flowlang.values.compiler import Code, compile_expression
from flowlang.values.evaluation import Budget, EvaluationError
from flowlang.values.value import Value

Names: TypeAlias = Mapping[str, Value]

LONGEST_SHOWN = 300
_FILE: Final = re.compile(
    r'\{"hash":"sha256:([0-9a-f]{8})[0-9a-f]{56}","size":(\d+),"media_type":"([^"\\]*)"\}'
)


@attrs.frozen
class Problem:
    """Why a test fails. `at` is the line that says so, `label` what is to be said there. `parts` are texts of
    its condition with their values; `failure` is that of the run. `help` says what to write. `orders` are two
    in which things arrived: it holds in the first, and not in the second."""

    message: str
    at: plan.Place
    label: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    failure: Failure | None = None
    help: str | None = None
    orders: tuple[tuple[str, ...], tuple[str, ...]] | None = None


class TestFails(Exception):
    """A line of a test that cannot hold, or cannot be carried out."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@attrs.frozen
class Asked:
    """A question, as it was asked `at` an instant, and what was to be answered."""

    path: str
    agent: str
    arguments: Mapping[str, Value]
    at: int
    outcome: Replied | Raised


@attrs.frozen
class Evaluator:
    """Evaluates the expressions of tests; each is compiled when it is first wanted."""

    _code: dict[int, Code] = attrs.field(factory=dict)

    def __call__(self, expr: plan.Expr, names: Names) -> Value:
        """Raises EvaluationError."""
        code = self._code.get(id(expr)) or self._code.setdefault(id(expr), compile_expression(expr))
        return code(dict(names), Budget())


AMBIENT: Names = {"run": {"id": "run", "started": EPOCH}, "attempt": 1}


@attrs.define(eq=False)
class Script:
    """The world of one run, of which it remembers what was asked. `names` are the results of the runs above.
    `problem` is the first that came up."""

    compiled: plan.Plan
    evaluate: Evaluator
    names: Names
    run: tests.Run
    givens: Sequence[tests.Given]
    sends: Sequence[tests.Send]
    problem: Problem | None = None
    asked: list[Asked] = attrs.field(factory=list)
    recorded: dict[str, list[Value]] = attrs.field(factory=dict)
    _used: dict[int, None] = attrs.field(factory=dict)

    def world(self) -> World:
        """Raises TestFails where an event cannot be sent."""
        return World(call=self.call, answer=self.answer, sent=[self._sent(send) for send in self.sends])

    def call(self, path: str, call: AgentCall, now: int) -> Reaction:
        return Reaction(self._ends(path, call.agent, call.arguments, call.attempt))

    def answer(self, path: str, question: Question, now: int) -> Answer:
        ends = self._ends(path, question.ask, question.arguments, 1)
        assert isinstance(ends.outcome, Replied | Raised), "nobody stops a question"
        self.asked.append(Asked(path, question.ask, question.arguments, now, ends.outcome))
        return Answer(ends.outcome, ends.delay)

    def _ends(self, path: str, agent: str, arguments: Names, attempt: int) -> Ends:
        """How a call ends. One that the test has no line for fails, and is the test's problem."""
        declared = self.compiled.agents[agent]
        values = _decoded(declared, arguments)
        self._record(agent, declared, values)
        names = {**AMBIENT, **self.names, **values, "attempt": attempt}
        try:
            given = self._given(agent, names)
            if given is None:
                raise TestFails(self._not_given(path, agent, arguments))
            return Ends(self._outcome(given, declared, names), self._delay(given.after, names, given.at))
        except TestFails as fails:
            self.problem = self.problem or fails.problem
            return Ends(Raised(AGENT_FAILED, "the test has no answer"))

    def _record(self, agent: str, declared: plan.Agent, values: Names) -> None:
        secret = secret_names(declared.parameters)
        shown = {name: value for name, value in values.items() if name not in secret}
        self.recorded.setdefault(agent, []).append(shown)

    def _given(self, agent: str, names: Names) -> tests.Given | None:
        """The first line for a call that is not used up, or the last one."""
        lines = [given for given in self.givens if given.agent == agent]
        fitting = [
            given for given in lines if given.when is not None and self._holds(given.when, given, names)
        ]
        fitting = fitting or [given for given in lines if given.when is None]
        for given in fitting:
            if id(given) not in self._used:
                self._used[id(given)] = None
                return given
        return fitting[-1] if fitting else None

    def _holds(self, condition: plan.Expr, given: tests.Given, names: Names) -> bool:
        return bool(self._value(condition, names, given.at))

    def _outcome(self, given: tests.Given, declared: plan.Agent, names: Names) -> Replied | Raised:
        if given.answer is not None:
            return Replied(encode(self._value(given.answer, names, given.at), declared.result))
        assert given.fails is not None, "a line gives a value or a failure"
        error = given.fails.error
        types = {
            field.name: field.type for field in (BUILT_IN.get(error) or self.compiled.errors[error]).fields
        }
        fields = {
            name: encode(self._value(value, names, given.at), types[name])
            for name, value in given.fails.fields.items()
        }
        message = fields.get("message")
        return Raised(error, message if isinstance(message, str) else "", fields)

    def _sent(self, send: tests.Send) -> Sent:
        names = {**AMBIENT, **self.names}
        fields = {name: self._value(value, names, send.at) for name, value in send.fields.items()}
        return Sent(self._delay(send.after, names, send.at), send.event, fields)

    def _delay(self, after: plan.Expr | None, names: Names, at: plan.Place) -> int:
        delay: int = 0 if after is None else self._value(after, names, at)
        if delay < 0:
            raise TestFails(Problem("nothing can happen before it is asked for", at, "a negative time"))
        return delay

    def _value(self, expr: plan.Expr, names: Names, at: plan.Place) -> Value:
        try:
            return self.evaluate(expr, names)
        except EvaluationError as error:
            raise TestFails(without_value(error, at)) from None

    def _not_given(self, path: str, agent: str, arguments: Names) -> Problem:
        known = any(given.agent == agent for given in self.givens)
        call = call_text(self.compiled, agent, arguments)
        name = self.run.written.get(agent, agent)
        if known:
            message = f"no `given {name}` is for this call: {call}"
            help = f"add a line without `when`, or with one that holds: `given {name} -> …`"
        else:
            message = f"`{path}` calls {call}, which the test gives no answer for"
            help = f"add a line above the run: `given {name} -> …`"
        return Problem(message, self.run.at, "this run makes the call", help=help)


def without_value(error: EvaluationError, at: plan.Place) -> Problem:
    """What is wrong with a line whose expression fails."""
    return Problem(f"this has no value: {error.message}", error.at or at)


def _decoded(declared: plan.Agent, arguments: Names) -> dict[str, Value]:
    """Arguments as the values that they were; null for one that only its provider knows."""
    return {
        p.name: decode(arguments[p.name], p.type) if p.name in arguments else None
        for p in declared.parameters
    }


def call_text(compiled: plan.Plan, agent: str, arguments: Names) -> str:
    """`read(url: "a")`, without what is secret."""
    secret = secret_names(compiled.agents[agent].parameters)
    pairs = [f"{name}: {'***' if name in secret else shown(value)}" for name, value in arguments.items()]
    return f"{agent}({', '.join(pairs)})"


def shown(value: Value) -> str:
    """A value as JSON, on one line, not too long; of a file what tells it from others."""
    return cut(_FILE.sub(r"file(\1…, \2 B, \3)", write_json(value)))


def cut(text: str) -> str:
    """A text that is not too long."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
