"""A stored run -> all that is known of it at one instant, for those who show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from flowlang.agents.places import Places
from flowlang.hosts.sqlite.inbox import passed_over
from flowlang.hosts.sqlite.records import Message, RunRecord
from flowlang.hosts.sqlite.store import FINAL, Store
from flowlang.plan import model as plan
from flowlang.runtime.commands import OpenWait
from flowlang.runtime.host import Question
from flowlang.runtime.run import RunResult
from flowlang.tools.command_lines import command
from flowlang.tools.files import read_shown
from flowlang.tools.run_handle import Result, result_of
from flowlang.tools.run_history import History
from flowlang.tools.run_looking import looking_at
from flowlang.tools.run_secrets import shown_arguments
from flowlang.tools.run_undos import mark_undos
from flowlang.tools.run_usage import Usage
from flowlang.tools.secret_inputs import parse_secret
from flowlang.tools.stored import Begun
from flowlang.values.codec import encode
from flowlang.values.value import Value

PLACEHOLDER: Final = "VALUE"


@attrs.frozen(eq=False, repr=False)
class View:
    """`inputs` in JSON form, without secrets. `result` is there once the run has ended. `waits` and `unknown`
    are what it waits for and the calls that may or may not have been made, by their paths; the latter as
    agents' names. `messages` are what it has not heard of yet, `kept` the events that no step has
    wanted so far, `too_late` the paths of questions whose
    answers came when they were no longer asked. `usage` is what its calls have used so far. `store` is the
    option to name the store with, `now` the instant of looking."""

    record: RunRecord
    plan: plan.Plan
    begun: Begun
    inputs: Mapping[str, Value]
    history: History
    result: Result | None
    waits: Mapping[str, OpenWait]
    unknown: Mapping[str, str]
    messages: Sequence[Message]
    too_late: Sequence[str]
    kept: Sequence[str]
    usage: Usage
    now: int
    store: str | None

    @property
    def file(self) -> str | None:
        """Where the file of its flow lies, as far as was said."""
        return self.begun.moved_to or self.record.source

    @property
    def places(self) -> Places:
        return Places(self.plan, read_shown)

    @property
    def questions(self) -> Mapping[str, OpenWait]:
        """Those that are open and that nobody has answered."""
        answered = {message.path for message in self.messages if message.kind == "answer"}
        return {
            path: wait
            for path, wait in self.waits.items()
            if isinstance(wait.awaited, Question) and path not in answered
        }

    @property
    def left(self) -> bool:
        """Whether it has not ended, and nobody holds it."""
        return self.record.status not in FINAL and self.record.holder is None

    @property
    def until(self) -> int:
        """The instant up to which it is known, and time passes in it."""
        stands = self.left and self.record.status != "waiting"
        return self.record.updated if stands else self.now

    def command(self, name: str, *arguments: str) -> str:
        """What to type: `flow answer 4f2a/verdict VALUE`."""
        return command(self.store, name, *arguments)

    def resume(self, *options: str) -> str:
        """What to type to carry the run on."""
        return resume_command(self.store, self.begun, self.record.id, *options)


def view(store: Store, wanted: str, *, now: int, option: str | None = None) -> View:
    """Look at the run whose id is, or begins with, what is given. Raises StoreProblem."""
    record = store.find(wanted)
    history = History()
    with looking_at(store, record, history.tell, history.take_in) as looking:
        kernel, compiled = looking.kernel, looking.plan
        unknown = looking.unknown if record.holder is None else []
        history.settle(kernel, unknown, held=record.holder is not None)
        history.mark_set(looking.begun.given)
        mark_undos(history, compiled, record.flow)
        ended = kernel.result if kernel.ended else None
        return View(
            record=record,
            plan=compiled,
            begun=looking.begun,
            inputs=shown_inputs(compiled.flows[record.flow], looking.begun.values),
            history=history,
            result=_result(ended, compiled, record),
            waits=dict(kernel.waits),
            unknown={path: kernel.calls[path].call.agent for path in unknown},
            messages=store.messages(run=record.number),
            too_late=[*looking.too_late, *_passed_over(store, record)],
            kept=kernel.kept_events,
            usage=kernel.counts.usage,
            now=now,
            store=option,
        )


def _result(ended: object, compiled: plan.Plan, record: RunRecord) -> Result | None:
    return result_of(ended, compiled, created=record.created) if isinstance(ended, RunResult) else None


def _passed_over(store: Store, record: RunRecord) -> list[str]:
    """The questions whose answers came too late to be written down."""
    with store.database.reading() as connection:
        return passed_over(connection, record.number)


def shown_inputs(flow: plan.Flow, values: Mapping[str, Value]) -> dict[str, Value]:
    types = {parameter.name: parameter.type for parameter in flow.parameters}
    given = {name: encode(value, types[name]) for name, value in values.items()}
    return shown_arguments(given, flow.parameters)


def resume_command(store: str | None, begun: Begun, id: str, *options: str) -> str:
    """What to type to carry a run on; its secrets are not kept, so those have to be given again of which
    `--secret` did not say where they are."""
    found = {parse_secret(text).name for text in begun.sources}
    secrets = (f"{name}={PLACEHOLDER}" for name in begun.secrets if name not in found)
    return command(store, "resume", id, *options, *secrets)
