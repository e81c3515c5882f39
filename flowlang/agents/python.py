"""Python functions as agents.

An async function runs as a task of trio, any other in a thread. Its arguments are made what its annotations
ask for, its reply is made JSON. An exception whose class, or a base of it, has the name of a declared error
*is* that error, its attributes the fields; any other is `AgentFailed`, `SystemExit` included, with what was
raised and where as its cause. A cancellation and the user's interrupt go through."""

from __future__ import annotations

import inspect
import os
import traceback
import typing
from collections.abc import Callable, Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from flowlang.agents.current import CurrentCall, answering
from flowlang.agents.file import File
from flowlang.agents.kept import finder, keep_all
from flowlang.agents.python_values import from_json, to_json
from flowlang.agents.threads import Threads
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.values.value import Misfit, Value

MAX_MESSAGE: Final = 500
PACKAGE: Final = Path(__file__).parents[1]


@attrs.frozen(eq=False)
class PythonAgent:
    """`hints` are the annotations of the parameters that have one; `errors` the fields of each error that
    the agent may raise, by the error's name without a module."""

    function: Callable[..., Any]
    hints: Mapping[str, Any]
    errors: Mapping[str, tuple[str, ...]]
    threads: Threads = attrs.field(factory=Threads)

    @cached_property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    @property
    def identity(self) -> str | None:
        """What tells the function from all others, in any process: its name, its file and what stands in
        that. None for what is no name of a module, such as a function that another one has made."""
        inner = inspect.unwrap(self.function)
        if not inspect.isfunction(inner) or inner.__globals__.get(inner.__name__) is not self.function:
            return None
        file = inspect.getsourcefile(inner)
        return None if file is None else f"python:{os.path.abspath(file)}:{inner.__name__}:{_hash_of(file)}"

    async def call(self, call: AgentCall) -> Value:
        with answering(_current(call)):
            try:
                reply, files = _reply(call.agent, await self._result(call))
                await keep_all(files, call)
                return reply
            except (trio.Cancelled, GeneratorExit, AgentError):
                raise
            except BaseException as problem:
                raise self._failure(problem) from problem

    async def _result(self, call: AgentCall) -> object:
        def work() -> object:
            return self.function(**arguments)

        find = finder(call)
        arguments = {
            name: from_json(self.hints.get(name, Any), value, find) for name, value in call.arguments.items()
        }
        if self.is_async:
            return await work()  # type: ignore[misc]
        try:
            result = await self.threads.run(work, awaited=call.uninterrupted)
        except KeyboardInterrupt as raised:
            raise self._failed(raised, raised) from raised  # the user's interrupt never reaches a thread
        return await result if inspect.iscoroutine(result) else result

    def _failure(self, raised: BaseException) -> BaseException:
        """What an exception means: a cancellation, an interrupt, a declared error, or `AgentFailed`."""
        problem = _bare(raised)
        if isinstance(problem, trio.Cancelled | KeyboardInterrupt | AgentError):
            return problem
        return self._failed(problem, raised)

    def _failed(self, problem: BaseException, raised: BaseException) -> AgentError:
        """The error that `problem` is; `raised` is what it came in, or itself."""
        name = next((c.__name__ for c in type(problem).__mro__ if c.__name__ in self.errors), None)
        message, cause = _message(problem), _cause(problem, raised)
        if name is None:
            shown = f"{type(problem).__name__}: {message}" if message else type(problem).__name__
            return AgentError("AgentFailed", shown, fields={"message": shown}, cause=cause)
        try:
            fields = {f: to_json(getattr(problem, f)) for f in self.errors[name] if hasattr(problem, f)}
        except Misfit as misfit:
            shown = f"{name} was raised, but its fields do not fit: {misfit}"
            return AgentError("AgentFailed", shown, fields={"message": shown}, cause=cause)
        return AgentError(name, message, fields=fields, cause=cause)


def _reply(agent: str, result: object) -> tuple[Value, list[File]]:
    """The reply, and the files that it refers to."""
    files: list[File] = []
    try:
        return to_json(result, files), files
    except Misfit as misfit:
        fields: dict[str, Value] = {"path": misfit.path, "message": misfit.message}
        message = f"the reply of {agent} does not fit: {misfit.told}"
        raise AgentError("BadOutput", message, fields=fields) from None


def _hash_of(path: str) -> str:
    try:
        return sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function's parameters; raises whatever evaluating them raises."""
    return typing.get_type_hints(inspect.unwrap(function), include_extras=True)


def _current(call: AgentCall) -> CurrentCall:
    seconds = None if call.timeout is None else call.timeout / 1_000_000
    return CurrentCall(call.agent, call.idempotency_key, call.attempt, seconds)


def _bare(problem: BaseException) -> BaseException:
    """The exception inside a group: a cancellation or an interrupt if there is one, else the first. Also what
    Python puts in place of a `StopIteration`."""
    while isinstance(problem, BaseExceptionGroup):
        ended, rest = problem.split((trio.Cancelled, KeyboardInterrupt))
        problem = (ended or rest or problem).exceptions[0]
    stopped = isinstance(problem, RuntimeError) and isinstance(problem.__cause__, StopIteration)
    return problem.__cause__ if stopped and problem.__cause__ else problem


def _message(problem: BaseException) -> str:
    """What an exception says, on one line of bounded length."""
    try:
        text = " ".join(str(problem).split())
    except Exception:
        return "(it cannot be shown)"
    if "no running event loop" in text:
        text += " (async agents run on trio, not asyncio; a function that is not async may use asyncio.run)"
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def _cause(problem: BaseException, raised: BaseException) -> str:
    """What was raised and where: the innermost line outside of Python's own library."""
    shown = f"{type(problem).__name__}: {_message(problem)}"
    walked = traceback.walk_tb(problem.__traceback__ or raised.__traceback__)
    places = [(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in walked]
    places = [place for place in places if place[0] != __file__]
    own = [place for place in places if not _is_library(place[0])]
    for filename, line, name in reversed(own or places):
        return f"{shown} ({Path(filename).name}, line {line}, in {name})"
    return shown


def _is_library(filename: str) -> bool:
    path = Path(filename)
    installed = "site-packages" in path.parts or any(part.startswith("python3.") for part in path.parts)
    return installed or path.is_relative_to(PACKAGE)
