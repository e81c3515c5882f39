"""What `flow resume` and `flow fork` share: values that are given anew, and a run with a past on the screen.

Such a run has its plan from the store, so what is typed is read by the types of that."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from flowlang.agents.file import File
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.plan import model as plan
from flowlang.plan.secrets import is_secret
from flowlang.runtime.events import OnEvent
from flowlang.tools.cli import terminal
from flowlang.tools.durable import Engine
from flowlang.tools.frontend import NotRunnable
from flowlang.tools.run_command import RunOptions, at_terminal, engine_of, open_for_others, refuse
from flowlang.tools.run_display import Display
from flowlang.tools.run_handle import RunHandle
from flowlang.tools.run_in_memory import Answer
from flowlang.tools.run_inputs import read_text
from flowlang.tools.secret_inputs import SecretOption
from flowlang.tools.stored import Begun
from flowlang.values.codec import encode, parse_argument
from flowlang.values.value import Misfit, Value


def given_inputs(texts: Sequence[str], flow: plan.Flow, files: list[File] | None = None) -> dict[str, Value]:
    """`NAME=VALUE` by the types of a flow's inputs, in JSON form; the files that they name are added to
    `files`. Raises StoreProblem."""
    types = {parameter.name: parameter.type for parameter in flow.parameters}
    return {
        name: given_value(value, types.get(name), f"the input `{name}`", files)
        for name, value in named_texts(texts)
    }


def named_texts(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`NAME=VALUE` in two, of which each name comes once. Raises StoreProblem."""
    names: set[str] = set()
    for name, _, value in (text.partition("=") for text in texts):
        if name in names:
            raise StoreProblem("twice", f"two values are given for `{name}`", "give one of them")
        names.add(name)
        yield name, value


def given_value(text: str, wanted: plan.Type | None, what: str, files: list[File] | None = None) -> Value:
    """A value given as text, in JSON form; without a type, which somebody else will complain of, the text
    itself. Without `files`, none can be named. Raises StoreProblem."""
    if wanted is None:
        return text
    try:
        value = parse_argument(text, wanted) if files is None else read_text(text, wanted, files)
        return encode(value, wanted)
    except Misfit as misfit:
        if is_secret(wanted):  # what is wrong with it would tell some of it
            raise StoreProblem("value", f"{what} does not fit its type") from None
        raise StoreProblem("value", f"{what} does not fit: {misfit}", misfit.help) from None


def refuse_unreachable(problem: NotRunnable, record: RunRecord, begun: Begun, options: RunOptions) -> int:
    """Say which agents of a stored run cannot be reached, and where its flow is looked for; gives the exit
    code."""
    code = refuse(problem, record.flow, options)
    source = options.moved_to or begun.moved_to or record.source
    if source is not None and not os.path.exists(source):
        help = f"say where it lies now, if it was moved: `--moved-to {os.path.basename(source)}`"
        terminal.say(f"there is no file {source} any more\n  help: {help}")
    return code


class TakesUp(Protocol):
    """Takes a run up with an engine, for as long as the block lasts."""

    def __call__(
        self,
        engine: Engine,
        /,
        *,
        answer: Answer | None,
        on_event: OnEvent,
        wait: bool,
        environment: str | None,
        secret_options: Sequence[SecretOption],
        moved_to: Path | str | None,
    ) -> AbstractAsyncContextManager[RunHandle]: ...


@asynccontextmanager
async def taken_up(
    takes_up: TakesUp, compiled: plan.Plan, options: RunOptions, display: Display
) -> AsyncIterator[RunHandle]:
    """A run of a plan that goes on beside the block, on the screen, but for what is its past."""
    answer = at_terminal(compiled, display)
    shared = answer and open_for_others(answer)
    display.past = True
    async with (
        engine_of(options) as engine,
        takes_up(
            engine,
            answer=shared,
            on_event=display.tell,
            wait=options.wait,
            environment=options.environment,
            secret_options=options.secret_options,
            moved_to=options.moved_to,
        ) as run,
    ):
        display.go_on(engine.store.find(run.run_id).created)
        yield run
