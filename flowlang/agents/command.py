"""Commands as agents: a call becomes an argv, what the program prints becomes the reply.

The output is read as JSON, as text (without its last line breaks), as lines or as the content of a file;
where the binding does not say, the agent's result type does. A file may also be written to the path that the
hole `{output}` is filled with. An exit code other than 0 is the declared error that the binding maps it
to, its fields a JSON object on the output; else `AgentFailed` with the program's last words."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, TypeAlias

import attrs

from flowlang.agents.command_template import Template, fill, fill_arguments, holes_in
from flowlang.agents.file import UNKNOWN_TYPE, File
from flowlang.agents.kept import finder, keep_all
from flowlang.agents.processes import Finished, ending, inherited, run_program
from flowlang.agents.python_values import FindFile
from flowlang.agents.secrets import NoSecret, Secrets
from flowlang.plan import model as plan
from flowlang.runtime.agent_errors import bad_output, failed
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.runtime.hiding import hiding
from flowlang.values.value import Value

Output: TypeAlias = Literal["json", "text", "lines", "file", "none"]

OUTPUT_HOLE: Final = "output"
"""The hole that is filled with a path to write a file to, if the agent has no parameter of that name."""

SECRET_HOLE: Final = "secrets."
"""How the name of a hole for a secret begins, in what the program alone sees."""

MAX_MESSAGE: Final = 500


@attrs.frozen(eq=False)
class CommandAgent:
    """`errors` maps an exit code to the name of a declared error. `folder` is what a program named by a
    relative path is found from; `cwd` None is where flow itself was started. `inherit` names what the
    program sees of our environment beside the usual. `types` are those of the parameters, `media_type` is
    that of a file that it gives. Templates may have holes for `secrets`, which the reply is then without."""

    command: tuple[Template, ...]
    output: Output
    folder: Path
    stdin: Template | None = None
    errors: Mapping[int, str] = attrs.field(factory=dict)
    cwd: Path | None = None
    env: Mapping[str, Template] = attrs.field(factory=dict)
    inherit: tuple[str, ...] = ()
    max_output_bytes: int = 1024 * 1024
    types: Mapping[str, plan.Type] = attrs.field(factory=dict)
    media_type: str = UNKNOWN_TYPE
    secrets: Secrets = attrs.field(factory=Secrets, repr=False)

    @property
    def identity(self) -> str:
        """What tells the command from others, in any process."""
        return f"command:{self!r}"

    async def call(self, call: AgentCall) -> Value:
        return await hiding(self._answer, call, lambda: self.secrets.writings)

    async def _answer(self, call: AgentCall) -> Value:
        with self._output_path() as made:
            arguments = {**made, **self._secrets(), **self._with_paths(call)}
            program, finished = await self._run(call, arguments)
            reply = self._reply(program, finished, made.get(OUTPUT_HOLE))
            if isinstance(reply, File):
                await keep_all([reply], call)
                return reply.reference()
        return reply

    async def _run(self, call: AgentCall, arguments: Mapping[str, Value]) -> tuple[str, Finished]:
        """Carry the program out; gives what it is called, too."""
        argv = fill_arguments(self.command, arguments)
        stdin = fill(self.stdin, arguments) if self.stdin else None
        env = {name: fill(template, arguments) for name, template in self.env.items()}
        if not argv or not argv[0]:
            raise failed("the command is empty")
        argv[0] = self._program(argv[0])
        try:
            finished = await run_program(
                argv,
                stdin=None if stdin is None else stdin.encode(),
                cwd=self.cwd,
                env=inherited(self.inherit)
                | {"FLOW_IDEMPOTENCY_KEY": call.idempotency_key, "FLOW_ATTEMPT": str(call.attempt)}
                | {name: text for name, text in env.items() if text is not None},
                max_output_bytes=self.max_output_bytes,
            )
        except (OSError, ValueError) as problem:
            raise self._not_started(argv[0], problem) from None
        return argv[0], finished

    def _secrets(self) -> dict[str, Value]:
        """The secrets that the templates have holes for, `{secrets.NAME}`. Raises AgentError."""
        templates = [*self.env.values(), *([self.stdin] if self.stdin else [])]
        try:
            return {
                name: self.secrets.get(name.removeprefix(SECRET_HOLE))
                for name in holes_in(templates)
                if name.startswith(SECRET_HOLE)
            }
        except NoSecret as missing:
            message = str(missing)
            raise AgentError("Unavailable", message, fields={"message": message}) from None

    def _with_paths(self, call: AgentCall) -> dict[str, Value]:
        """The arguments, with the path of its content in the place of each file. Raises AgentError."""
        find = finder(call)
        return {
            name: with_paths(value, self.types[name], find) if name in self.types else value
            for name, value in call.arguments.items()
        }

    @contextmanager
    def _output_path(self) -> Iterator[dict[str, Value]]:
        """What the hole for the output is filled with, if there is one."""
        holes = holes_in([*self.command, *self.env.values()])
        if self.output != "file" or OUTPUT_HOLE not in holes - self.types.keys():
            yield {}
            return
        with TemporaryDirectory(prefix="flow-") as folder:
            ending = mimetypes.guess_extension(self.media_type) or ""
            yield {OUTPUT_HOLE: str(Path(folder) / f"output{ending}")}

    def _program(self, name: str) -> str:
        """`./check.sh` is found next to the binding; a bare name on the PATH."""
        return str(self.folder / name) if "/" in name else name

    def _not_started(self, program: str, problem: OSError | ValueError) -> AgentError:
        if isinstance(problem, ValueError):
            return failed("an argument holds a NUL character, which no program can be given")
        if self.cwd is not None and not self.cwd.is_dir():
            return failed(f"`{program}` was to run in {self.cwd}, which is not a folder")
        if isinstance(problem, FileNotFoundError):
            message = f"the program `{program}` was not found: install it, or correct its binding"
            return AgentError("Unavailable", message, fields={"message": message})
        if isinstance(problem, PermissionError):
            return failed(f"`{program}` may not be executed: is it a program, and is `chmod +x` done?")
        return failed(f"`{program}` could not be started: {problem.strerror}")

    def _reply(self, program: str, finished: Finished, written: str | None) -> Value | File:
        """What the program gave; `written` is the path that it was to write to. Raises AgentError."""
        if finished.overflowed:
            wrote = f"`{program}` wrote more than {self.max_output_bytes:,} bytes"
            raise bad_output(f"{wrote}; `max_output_bytes` in its binding is the limit")
        if finished.status != 0:
            raise self._error(program, finished)
        if self.output != "file":
            return _read(program, finished.output, self.output)
        if written is None:
            return File.from_bytes(finished.output, self.media_type)
        try:
            return File.from_path(written, self.media_type)
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else problem
            raise bad_output(f"`{program}` wrote no file to `{{{OUTPUT_HOLE}}}`: {reason}") from None

    def _error(self, program: str, finished: Finished) -> AgentError:
        last_words = _last_words(finished.errors)
        ended = f"`{program}` {ending(finished.status)}"
        name = self.errors.get(finished.status)
        if name is None:
            return failed(f"{ended}: {last_words}" if last_words else ended, cause=_text(finished.errors))
        return AgentError(name, last_words or ended, fields=_fields(finished.output), cause=ended)


def output_of(result: plan.Type) -> Output:
    """How a command's output is read for a result of this type, where nothing says otherwise."""
    match result:
        case plan.ScalarType(kind="string") | plan.EnumType():
            return "text"
        case plan.ScalarType(kind="null"):
            return "none"
        case plan.ScalarType(kind="file"):
            return "file"
        case plan.ListType(item=plan.ScalarType(kind="string")):
            return "lines"
        case plan.OptionalType(inner=inner):
            return output_of(inner)
    return "json"


def with_paths(value: Value, type: plan.Type, find: FindFile) -> Value:
    """A value with the path of its content in the place of each file in it."""
    match type:
        case plan.ScalarType(kind="file"):
            return None if value is None else str(find(value).path)
        case plan.OptionalType(inner=inner):
            return with_paths(value, inner, find)
        case plan.ListType(item=item):
            return value and [with_paths(each, item, find) for each in value]
        case _:
            return value


def _read(program: str, output: bytes, form: Output) -> Value:
    if form == "none":
        return None
    try:
        text = output.decode()
    except UnicodeDecodeError as problem:
        raise bad_output(f"the output of `{program}` is not UTF-8 at byte {problem.start}") from None
    if form == "text":
        return text.rstrip("\r\n")
    if form == "lines":
        lines = text.rstrip("\r\n").split("\n")
        return [line.removesuffix("\r") for line in lines] if lines != [""] else []
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        shown = "nothing" if not text.strip() else f"{text.strip()[:60]!r}"
        reason = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        raise bad_output(f"the output of `{program}` is not JSON ({reason}): {shown}") from None


def _fields(output: bytes) -> dict[str, Value]:
    """The fields of an error, where the program printed them."""
    try:
        fields = json.loads(output)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _text(content: bytes) -> str | None:
    return content.decode(errors="replace").strip() or None


def _last_words(errors: bytes) -> str:
    """The last line that a program wrote to its standard error."""
    lines = (_text(errors) or "").splitlines()
    return lines[-1].strip()[:MAX_MESSAGE] if lines else ""
