"""`flow run`: a plan, a flow's name and the options -> a run on the screen, and an exit code.

The result goes to stdout and nothing else does: what agents print, and what their programs print, is led to
stderr for as long as the run goes on.

A run is kept in a store, from which `flow resume` carries it on: an interrupt leaves it there, once the calls
under way have ended. Without a store an interrupt cancels the run, whose undos and `finally` blocks still
run. A second one leaves at once.

Exit codes: 0 done; 1 failed, cancelled or not started; 2 an option that cannot be understood; 3 left while it
waits; 130 interrupted."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import attrs
import trio

from flowlang.agents.given import BadOption, parse_option
from flowlang.agents.places import Places
from flowlang.agents.processes import kill_all
from flowlang.hosts.sqlite.opening import Durability
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.hosts.trio_host import CALLS_AT_ONCE
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentError
from flowlang.runtime.host import Question
from flowlang.tools.cli import terminal
from flowlang.tools.durable import Engine
from flowlang.tools.engine import Prepared, prepare_run
from flowlang.tools.frontend import NotRunnable
from flowlang.tools.plan_limits import held
from flowlang.tools.run_display import Display, open_display
from flowlang.tools.run_handle import Result, RunHandle
from flowlang.tools.run_in_memory import Answer, nobody
from flowlang.tools.run_inputs import BadInputFile, Inputs, read_input_file
from flowlang.tools.run_questions import TerminalAnswers, TypedLines
from flowlang.tools.run_report import refused_json, render_outcome, result_json, result_text, summary
from flowlang.tools.run_usage import used_text
from flowlang.tools.secret_inputs import SecretOption
from flowlang.values.value import MAX_BOUNDARY, Value

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
WAITING: Final = 3
INTERRUPTED: Final = 130

INTERRUPTS: Final = (signal.SIGINT, signal.SIGHUP)  # beside SIGTERM
CANCELLED_TEXT: Final = "interrupted: what is under way is cancelled and undone; once more leaves at once"
PARKED_TEXT: Final = "interrupted: calls under way have 10 s to end; once more leaves at once"

STDIN_MARK: Final = "-"


@attrs.frozen
class RunOptions:
    """`texts` are `NAME=VALUE`, `binds` `NAME=python:module:function`; `input` is a JSON file, or `-`.
    `store` None is the user's store, unless the run is `ephemeral` and has none. `wait`: stay while it only
    waits. `max_calls` bounds the calls of agents, None not at all. `environment` None is that of FLOW_ENV.
    `shown_store` is the store as messages name it, None where they need not.
    `moved_to` is where the file of a stored run's flow lies now, if it was moved."""

    texts: tuple[str, ...] = ()
    input: str | None = None
    binds: tuple[str, ...] = ()
    as_json: bool = False
    quiet: bool = False
    max_parallel: int = CALLS_AT_ONCE
    store: str | None = None
    durability: Durability = "power"
    ephemeral: bool = False
    wait: bool = True
    max_calls: int | None = None
    environment: str | None = None
    secret_options: tuple[SecretOption, ...] = ()
    moved_to: str | None = None
    shown_store: str | None = None


def run_command(compiled: plan.Plan, flow: str, options: RunOptions) -> int:
    """Run a flow of a plan and show it; gives the exit code."""
    try:
        given = _given(options.input)
        binds = [parse_option(text, compiled.agents) for text in options.binds]
        with stdout_kept_clean():
            prepared, inputs = prepare_run(
                compiled,
                flow,
                texts=options.texts,
                given=given,
                options=binds,
                max_parallel=options.max_parallel,
                environment=options.environment,
                secret_options=options.secret_options,
            )
    except (BadOption, BadInputFile) as mistake:
        terminal.say(f"error: {mistake}")
        return MISUSED
    except NotRunnable as problem:
        return refuse(problem, flow, options)
    if options.max_calls is not None:
        prepared = held(prepared, options.max_calls)
    opened = partial(_started, prepared, inputs, options)
    return carry_out(opened, prepared.places, options)


def refuse(problem: NotRunnable, flow: str | None, options: RunOptions) -> int:
    """Say why a run does not start; gives the exit code."""
    terminal.say_diagnostics(problem.diagnostics, problem.read)
    if options.as_json:
        terminal.out_json(refused_json(flow, problem.diagnostics, problem.read))
    return FAILED


def _given(path: str | None) -> dict[str, Value]:
    """The inputs of a file; raises BadInputFile."""
    if path is None:
        return {}
    try:
        if path == STDIN_MARK:
            content = sys.stdin.buffer.read(MAX_BOUNDARY + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(MAX_BOUNDARY + 1)
        return read_input_file(content)
    except OSError as problem:
        raise BadInputFile(f"the inputs in {path} cannot be read: {problem.strerror}") from None
    except BadInputFile as problem:
        raise BadInputFile(f"the inputs in {path} cannot be used: {problem}") from None


@contextmanager
def stdout_kept_clean() -> Iterator[None]:
    """Lead everything that is written to stdout, also by other programs, to stderr."""
    stdout = sys.stdout
    stdout.flush()
    kept = None
    with suppress(OSError):
        kept = os.dup(1)
        os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stdout = stdout
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


# While it runs

Opened: TypeAlias = Callable[[Display], AbstractAsyncContextManager[RunHandle]]
"""A run that goes on beside the block that it is opened with, and is shown."""


def carry_out(opened: Opened, places: Places, options: RunOptions) -> int:
    """Carry a run out on the screen, and show how it ended; gives the exit code."""
    display = open_display(sys.stderr, quiet=options.quiet, color=terminal.colored(sys.stderr))
    try:
        with stdout_kept_clean():
            ended = trio.run(_supervised, opened, display, not options.ephemeral)
    except StoreProblem as problem:
        return refuse_store(problem, options)
    return _show(ended, places, options)


def refuse_store(problem: StoreProblem, options: RunOptions) -> int:
    """Say what is wrong with the store; gives the exit code."""
    terminal.say(f"error: {problem.message}" + (f"\n  help: {problem.help}" if problem.help else ""))
    if options.as_json:
        told = {"code": problem.code, "message": problem.message, "help": problem.help}
        terminal.out_json({"status": "refused", "errors": [told]})
    return FAILED


class _Ended(NamedTuple):
    result: Result
    interrupted: bool


@attrs.define
class _Supervision:
    """Watches over a run, and stops it when the user wants: leaves it in its store, or cancels it."""

    run: RunHandle
    kept: bool
    interrupted: bool = False

    async def heed_signals(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        # Who starts us with nohup, or in the background, wants some of them ignored.
        heeded = [number for number in INTERRUPTS if signal.getsignal(number) is not signal.SIG_IGN]
        with trio.open_signal_receiver(signal.SIGTERM, *heeded) as signals:
            task_status.started()
            async for _ in signals:
                if self.interrupted:
                    kill_all()
                    os._exit(INTERRUPTED)
                self.interrupted = True
                self.run.park()
                with suppress(OSError):  # the terminal may be what has gone
                    terminal.say(PARKED_TEXT if self.kept else CANCELLED_TEXT)


async def _supervised(opened: Opened, display: Display, kept: bool) -> _Ended:
    async with opened(display) as run, trio.open_nursery() as nursery:
        watch = _Supervision(run, kept)
        await nursery.start(watch.heed_signals)
        nursery.start_soon(display.keep_fresh)
        result = await run.result()
        nursery.cancel_scope.cancel()
    display.end()
    return _Ended(result, watch.interrupted)


@asynccontextmanager
async def _started(
    prepared: Prepared, inputs: Inputs, options: RunOptions, display: Display
) -> AsyncIterator[RunHandle]:
    answer = at_terminal(prepared.program.plan, display)
    if options.ephemeral:
        ephemeral = prepared.started(inputs.values, answer or nobody, display.tell, files=inputs.files)
        async with ephemeral as run:
            yield run
        return
    async with (
        engine_of(options) as engine,
        engine.started(
            prepared,
            inputs.values,
            files=inputs.files,
            answer=answer and open_for_others(answer),
            on_event=display.tell,
            binds=options.binds,
            wait=options.wait,
        ) as run,
    ):
        yield run


def open_for_others(answer: Answer) -> Answer:
    """A terminal that is closed fails no question that can be answered from elsewhere."""

    async def answer_or_wait(path: str, question: Question) -> Value:
        with suppress(AgentError):
            return await answer(path, question)
        terminal.say(f"`{question.ask}` stays open: answer it with `flow answer`")
        return await trio.sleep_forever()

    return answer_or_wait


def engine_of(options: RunOptions) -> AbstractAsyncContextManager[Engine]:
    """The engine of the store that is meant."""
    return Engine.open(store_path(options), durability=options.durability, max_parallel=options.max_parallel)


def store_path(options: RunOptions) -> Path | None:
    return None if options.store is None else Path(options.store)


def at_terminal(compiled: plan.Plan, display: Display) -> Answer | None:
    """Whoever sits at the terminal, if there is one."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return TerminalAnswers(compiled.agents, display, TypedLines(sys.stdin), sys.stderr)


# When it has ended


def _show(ended: _Ended, places: Places, options: RunOptions) -> int:
    result = ended.result
    sys.stderr.write(render_outcome(result, places, terminal.style(sys.stderr), options.shown_store))
    sys.stderr.flush()
    if options.as_json:
        terminal.out_json(result_json(result, places))
    elif result.status == "done":
        terminal.out(result_text(result.data, to_terminal=sys.stdout.isatty()), end="")
    if not options.quiet and result.usage:
        terminal.say(f"used: {used_text(result.usage)}")
    if not options.quiet and sys.stderr.isatty():
        terminal.say(summary(result, options.shown_store))
    sys.stdout.flush()
    if result.status == "waiting":
        return WAITING
    if ended.interrupted and result.status != "done":
        return INTERRUPTED
    return DONE if result.status == "done" else FAILED
