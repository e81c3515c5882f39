"""Language models: an agent that a flow declares is answered by a chat endpoint of OpenAI's protocol.

    [llm.small]
    base = "http://localhost:8080/v1"     # what stands before /chat/completions
    model = "smollm2"
    key = "{secrets.OPENAI_KEY}"          # none, where the endpoint wants none
    temperature = 0.2
    max_tokens = 500
    structured = "json_schema"            # how the form of a reply is asked for; or "json_object", "prompt"

    [agents.summarize]
    llm = "small"
    system = "You write for people in a hurry."
    prompt = \"\"\"
    Summarize this letter: {letter}\"\"\"   # holes are parameters; without it, one is made of the declaration
    errors = { refused = "Refused", rate_limited = "Busy" }

The declaration says what comes back: a `string` is what the model writes, anything else is asked for as JSON,
checked by the result's type, and asked for again, a few times, with what was wrong. httpx is imported when
somebody connects.

    prompts   declaration, templates, arguments -> messages
    replies   result type -> JSON Schema; what a model writes -> a reply that fits, or what is wrong with it
    wire      bytes of the endpoint -> what it said
    client    requests, statuses, time and size
    chat      a call: ask, read, ask again"""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, Literal, cast

from pydantic import Field, field_validator

from flowlang.agents.command_template import BadTemplate
from flowlang.agents.connecting import connected_by
from flowlang.agents.llm.prompts import WRONG_FILES, holds, parse_prompt, takes_files_inside
from flowlang.agents.providers import Connection, Member, Provider, Settings, Target, Unfit
from flowlang.agents.secret_settings import Headers, SecretText, Url
from flowlang.plan import model as plan
from flowlang.text.suggest import did_you_mean

NOT_INSTALLED: Final = 'language models need a package that is not installed: pip install "flowlang[llm]"'

ERROR_FIELDS: Final = frozenset({"message", "reason", "retry_after"})
"""What can be told of a refusal, or of a limit that was reached, in the fields of a declared error."""


class LlmSettings(Settings):
    """`[llm.NAME]`. `timeout` bounds one request, in seconds. `seed` true: one for each call, made of its
    idempotency key, so that a call which is made again gets the same. `repairs` is how often a model is asked
    again whose reply does not fit; `max_reply_bytes` bounds what it may send."""

    base: Annotated[Url, Field(pattern=r"^https?://[^\s/]+\S*$")]
    model: Annotated[str, Field(min_length=1)]
    key: SecretText | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    seed: bool | int = False
    stream: bool = False
    structured: Literal["json_schema", "json_object", "prompt"] = "json_schema"
    repairs: Annotated[int, Field(ge=0, le=10)] = 2
    timeout: Annotated[float, Field(gt=0, le=3600)] = 120.0
    headers: Headers = Field(default_factory=dict)
    max_reply_bytes: Annotated[int, Field(ge=1024, le=64 * 1024 * 1024)] = 4 * 1024 * 1024

    @field_validator("base")
    @classmethod
    def _whole(cls, base: str) -> str:
        if base.rstrip("/").endswith("/chat/completions"):
            raise ValueError("it ends before `/chat/completions`, such as http://localhost:8080/v1")
        return base.rstrip("/")


class LlmEntry(Settings):
    """`[agents.NAME]` with `llm`. `errors` says which declared error a refusal is, or a limit that was
    reached; without it they are `AgentFailed` and `Unavailable`."""

    llm: Annotated[str, Field(min_length=1)]
    prompt: Annotated[str, Field(min_length=1)] | None = None
    system: Annotated[str, Field(min_length=1)] | None = None
    errors: dict[Literal["refused", "rate_limited"], str] = Field(default_factory=dict)


class LlmProvider:
    """See `Provider`."""

    settings: type[Settings] = LlmSettings
    entry: type[Settings] = LlmEntry

    def from_text(self, text: str, folder: Path) -> Settings:
        known = re.fullmatch(r"\w+", text) is not None
        message = f"there is no table `[llm.{text}]`" if known else f'"{text}" is no model'
        help = "a model offers no agents of its own: declare one in the flow, and bind it in flow.toml with"
        raise Unfit(message, f'{help} `llm = "small"` and a table `[llm.small]` that has `base` and `model`')

    def named(self, entry: Settings) -> tuple[str, str]:
        return cast(LlmEntry, entry).llm, "chat"

    def check(self, target: Target, member: Member) -> None:
        """httpx is installed, the templates can be filled, the result is one that a model can write."""
        if find_spec("httpx") is None:
            raise Unfit(NOT_INSTALLED)
        if member.entry is None:
            self.from_text(target.text, target.folder)
        entry = cast(LlmEntry, member.entry)
        _check_types(entry, member.agent)
        _check_errors(entry, member)

    def connect(self, target: Target) -> AbstractAsyncContextManager[Connection]:
        """Raises AgentError where httpx is not installed, or the settings cannot be used."""
        return connected_by("flowlang.agents.llm.chat", target, NOT_INSTALLED)


def _check_types(entry: LlmEntry, agent: plan.Agent) -> None:
    if holds(agent.result, "file"):
        raise Unfit("a model writes text, and this agent gives a file", "let it give a string, or a record")
    for parameter in agent.parameters:
        if takes_files_inside(parameter.type):
            raise Unfit(
                f"`{parameter.name}` holds files inside: {WRONG_FILES}", "make them parameters of their own"
            )
        if entry.prompt is None and holds(parameter.type, "secret"):
            message = f"`{parameter.name}` is secret, and would be told to the model with the other arguments"
            raise Unfit(message, "write a `prompt` that has it where it belongs, or do without the parameter")
    for key, text in (("system", entry.system), ("prompt", entry.prompt)):
        try:
            parse_prompt(text or "", agent, files=key == "prompt")
        except BadTemplate as problem:
            raise Unfit(problem.message, problem.help, (key,)) from None


def _check_errors(entry: LlmEntry, member: Member) -> None:
    for key, error in entry.errors.items():
        if error not in member.errors:
            known = ", ".join(f"`{name}`" for name in member.errors)
            help = did_you_mean(error, member.errors) or f"it raises {known}"
            raise Unfit(f"the agent does not raise `{error}`", help, ("errors", key))
        unknown = [field for field in member.errors[error] if field not in ERROR_FIELDS]
        if unknown:
            help = f"what can be told is {', '.join(sorted(ERROR_FIELDS))}"
            raise Unfit(f"nothing tells the field `{unknown[0]}` of `{error}`", help, ("errors", key))


provider: Provider = LlmProvider()
