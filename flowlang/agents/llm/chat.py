"""A call of a model: ask, read the reply by the result's type, and ask again with what was wrong.

The model is told precisely: which part does not fit and why, beside its own words, and the form once more. A
reply that was cut off is told so. After `repairs` such rounds the call is `BadOutput`. Each round sees the
question and the last reply alone, so that a conversation does not grow. What rounds have used is told after
each, and counts whatever comes of the call.

Endpoints understand more or less of the protocol. What one does not take it is not asked again: the `Way` of
asking becomes a simpler one, for this call and all that follow."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast
from weakref import WeakKeyDictionary

import attrs
import trio

from flowlang.agents.kept import finder
from flowlang.agents.llm import LlmEntry, LlmSettings
from flowlang.agents.llm.client import Busy, Client, NotTaken, open_client
from flowlang.agents.llm.prompts import Message, Parts, messages_of, parse_prompt, with_request
from flowlang.agents.llm.replies import Asking, Form, form_of
from flowlang.agents.llm.wire import Answer
from flowlang.agents.offers import Offered
from flowlang.agents.providers import Member, Target
from flowlang.plan import model as plan
from flowlang.runtime.agent_errors import bad_output, failed, unavailable
from flowlang.runtime.agents import AgentCall, AgentError, Said, Used
from flowlang.values.times import format_duration
from flowlang.values.value import Misfit, Value

TELLING_SECONDS: Final = 1.0
LONGEST_QUOTE: Final = 20_000  # characters of a wrong reply that the model is shown again,
LONGEST_SHOWN: Final = 120  # and that an error shows
LONGEST_REFUSAL: Final = 500  # characters
USUAL_PATIENCE: Final = 60.0  # seconds that `retry_after` says where the endpoint does not
TOO_MANY: Final = 429

FORM_WORDS: Final = ("response_format", "json_schema", "json_object", "schema", "grammar", "structured")


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[Chat]:
    """Raises AgentError where the settings cannot be used."""
    async with open_client(target) as client:
        yield Chat(client, client.settings, Way(client.settings.structured))


@attrs.frozen
class Way:
    """How an endpoint is asked: for the form of a reply, with which name for the limit of tokens, and whether
    a stream is to tell what it used."""

    asking: Asking
    limit: str = "max_tokens"
    tells_usage: bool = True

    def simpler(self, problem: str) -> Way | None:
        """A way that an endpoint may take which says this of the other; None where there is none."""
        if self.limit == "max_tokens" and "max_completion_tokens" in problem:
            return attrs.evolve(self, limit="max_completion_tokens")
        if self.tells_usage and "stream_options" in problem:
            return attrs.evolve(self, tells_usage=False)
        if self.asking == "prompt" or not any(word in problem.lower() for word in FORM_WORDS):
            return None
        return attrs.evolve(self, asking="json_object" if self.asking == "json_schema" else "prompt")


@attrs.frozen
class Question:
    """What is the same in all calls of an agent. `errors` are the declared errors, each with its fields, for
    what an endpoint may refuse."""

    name: str
    agent: plan.Agent
    form: Form
    system: Parts
    prompt: Parts | None
    errors: dict[str, tuple[str, tuple[str, ...]]]


@attrs.define(eq=False)
class Chat:
    """A connection to a model. `way` is how its endpoint has been found to be asked."""

    client: Client
    settings: LlmSettings
    way: Way
    _questions: WeakKeyDictionary[Member, Question] = attrs.field(factory=WeakKeyDictionary)

    async def offers(self) -> tuple[Offered, ...]:
        """A model offers no agents; but it is seen whether anybody is there."""
        await self.client.reach()
        return ()

    async def call(self, member: Member, call: AgentCall) -> Value:
        question = self._questions.get(member)
        if question is None:
            self._questions[member] = question = _question(member)
        rounds = _Rounds(self, question, call)
        messages = await rounds.messages()
        correction: list[Message] = []
        for number in range(self.settings.repairs + 1):
            answer = await rounds.ask(messages, correction, number)
            try:
                return _read(answer, question.form)
            except Misfit as misfit:
                problem = misfit
            correction = _correction(answer, problem, question.form)
            if number < self.settings.repairs:
                rounds.tell_misfit(problem, number + 1)
        raise _never_fitted(answer, problem, self.settings)

    def body(self, form: Form, messages: list[Message], seed: int | None) -> dict[str, Value]:
        """What is sent."""
        settings, streams = self.settings, self.settings.stream
        optional = {
            "temperature": settings.temperature,
            self.way.limit: settings.max_tokens,
            "seed": seed,
            "response_format": form.response_format(self.way.asking),
            "stream": streams or None,
            "stream_options": {"include_usage": True} if streams and self.way.tells_usage else None,
        }
        given = {name: value for name, value in optional.items() if value is not None}
        return {"model": settings.model, "messages": messages, **given}


def _question(member: Member) -> Question:
    entry, agent = cast(LlmEntry, member.entry), member.agent
    prompt = None if entry.prompt is None else parse_prompt(entry.prompt, agent)
    errors = {str(kind): (error, member.errors[error]) for kind, error in entry.errors.items()}
    system = parse_prompt(entry.system, agent) if entry.system else ()
    name = member.plan_name
    return Question(name, agent, form_of(name, agent.result), system, prompt, errors)


@attrs.define(eq=False)
class _Rounds:
    """One call: what it has used so far, and until when somebody waits for it, in trio's seconds."""

    chat: Chat
    question: Question
    call: AgentCall
    _until: float = attrs.field(init=False)
    _used: Counter[str] = attrs.field(factory=Counter, init=False)
    _tell_again: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        now = trio.current_time()
        self._tell_again = now + TELLING_SECONDS
        self._until = now + (float("inf") if self.call.timeout is None else self.call.timeout / 1e6)

    async def messages(self) -> list[Message]:
        """The question in words. Files are read in a thread."""
        question, call = self.question, self.call

        def made() -> list[Message]:
            return messages_of(
                question.name, question.agent, question.system, question.prompt, finder(call), call
            )

        if call.files is None or not any(isinstance(value, dict | list) for value in call.arguments.values()):
            return made()
        return await trio.to_thread.run_sync(made)

    async def ask(self, messages: list[Message], correction: list[Message], number: int) -> Answer:
        """One round: a request, in whichever way the endpoint takes. Raises AgentError."""
        chat, form = self.chat, self.question.form
        while True:
            way = chat.way
            request = form.request(way.asking, templated=self.question.prompt is not None)
            asked = [*with_request(messages, request), *correction]
            try:
                answer = await chat.client.ask(
                    chat.body(form, asked, self._seed(number)), self._hear, self._until
                )
                break
            except Busy as busy:
                raise self._busy(busy) from None
            except NotTaken as problem:
                simpler = way.simpler(problem.message)
                if simpler is None:
                    raise chat.client.refusal(problem) from None
                if chat.way == way:  # else another call has found out meanwhile
                    chat.way = simpler
                    self._tell(Said(f"asking in a simpler way from now on, since {problem.told}", "warning"))
        self._count(answer)
        if answer.refusal is not None or answer.finish == "content_filter":
            raise self._refused(answer)
        return answer

    def tell_misfit(self, problem: Misfit, number: int) -> None:
        again = f"asking again ({number} of {self.chat.settings.repairs})"
        self._tell(Said(f"the reply does not fit: {_told(problem)}; {again}", "warning"))

    def _tell(self, said: Said | Used) -> None:
        if self.call.tell is not None:
            self.call.tell(said)

    def _hear(self, pieces: int) -> None:
        """Tell now and then how far a reply is."""
        now = trio.current_time()
        if now >= self._tell_again:
            self._tell_again = now + TELLING_SECONDS
            self._tell(Said("tokens so far", done=pieces, of=self.chat.settings.max_tokens))

    def _count(self, answer: Answer) -> None:
        if answer.used:
            self._used.update(answer.used)
            self._tell(Used(dict(self._used)))

    def _seed(self, number: int) -> int | None:
        """Each round has its own, and so has each attempt, which would fail alike otherwise."""
        match self.chat.settings.seed:
            case False:
                return None
            case True:
                text = f"{self.call.idempotency_key}@{self.call.attempt}#{number}"
                return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1
            case seed:
                return seed + number

    def _refused(self, answer: Answer) -> AgentError:
        why = (answer.refusal or "its filter did not let the reply through")[:LONGEST_REFUSAL]
        return self._declared("refused", {"reason": why}) or failed(f"the model refuses: {why}")

    def _busy(self, busy: Busy) -> AgentError:
        said = f"(HTTP {busy.status}{': ' if busy.message else ''}{busy.message})"
        seconds = USUAL_PATIENCE if busy.seconds is None else busy.seconds
        patience = format_duration(round(seconds) * 1_000_000)
        if busy.status != TOO_MANY:
            again = "" if busy.seconds is None else f", and asks to try again in {patience}"
            return unavailable(f"the endpoint is overloaded or not ready{again} {said}")
        asked = "" if busy.seconds is None else f", for {patience}"
        message = f"the endpoint asks for patience{asked} {said}"
        declared = self._declared("rate_limited", {"reason": message, "retry_after": patience})
        return declared or unavailable(f"{message}; `limit 10 per 1m` on the agent would pace its calls")

    def _declared(self, kind: str, told: dict[str, str]) -> AgentError | None:
        """The declared error for something, if there is one."""
        if kind not in self.question.errors:
            return None
        error, names = self.question.errors[kind]
        known: dict[str, Value] = {"message": told["reason"], "retry_after": "0s", **told}
        return AgentError(error, told["reason"], fields={name: known[name] for name in names})


def _read(answer: Answer, form: Form) -> Value:
    """The reply, if it is whole and fits. Raises Misfit."""
    if answer.finish == "length" and form.type.kind != "null":
        tokens = answer.used.get("output_tokens")
        raise Misfit(f"the reply was cut off{f' after {tokens:,} tokens' if tokens else ''}")
    return form.read(answer.text)


def _correction(answer: Answer, problem: Misfit, form: Form) -> list[Message]:
    """What a model said, and what was wrong with it."""
    shorter = " Be shorter, so that the answer is whole." if answer.finish == "length" else ""
    told = f"That answer cannot be used: {_told(problem)}.{shorter} Answer again, with the whole result."
    return [
        {"role": "assistant", "content": answer.text[:LONGEST_QUOTE] or "(nothing)"},
        {"role": "user", "content": f"{told} {form.in_words()}"},
    ]


def _never_fitted(answer: Answer, problem: Misfit, settings: LlmSettings) -> AgentError:
    asked = f"asked {settings.repairs + 1} times, " if settings.repairs else ""
    if answer.finish == "length":
        limit = f" = {settings.max_tokens}" if settings.max_tokens else ""
        return bad_output(f"{asked}{problem.message}: raise its `max_tokens`{limit}, or ask for less")
    shown = " ".join(answer.text.split())[:LONGEST_SHOWN]
    return bad_output(
        f"{asked}the model gave no reply that fits: {_told(problem)}; it wrote: {shown!r}", path=problem.path
    )


def _told(problem: Misfit) -> str:
    return f"at `{problem.path}`: {problem.message}" if problem.path else problem.message
