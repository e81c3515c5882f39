"""Questions of a run, asked on the terminal.

One question at a time, however many are open: the display gives way, the question and what may be answered
are shown, and a line is read. What does not fit the result type is asked again, with the reason. A run that
is cancelled, or whose deadline passes, leaves the question; what was typed for it answers no other."""

from __future__ import annotations

import json
import termios
from contextlib import suppress
from threading import Thread
from typing import Final, TextIO

import attrs
import trio

from flowlang.plan import model as plan
from flowlang.plan.text import type_text
from flowlang.runtime.agent_errors import unavailable
from flowlang.runtime.host import Question
from flowlang.text.display import clean
from flowlang.tools.run_display import Display
from flowlang.values.codec import encode, parse_argument
from flowlang.values.value import Misfit, Value

MAX_ARGUMENT: Final = 2_000  # characters shown of each
MAX_CHOICES: Final = 20


@attrs.frozen(eq=False)
class TerminalAnswers:
    """Answers questions by asking whoever sits at the terminal; an `Answer` of the engine."""

    agents: dict[str, plan.Agent]
    display: Display
    typed: TypedLines
    output: TextIO
    turn: trio.Lock = attrs.field(factory=trio.Lock)

    async def __call__(self, path: str, question: Question) -> Value:
        wanted = self.agents[question.ask].result
        async with self.turn:
            with self.display.paused():
                self.typed.forget()
                self._write(_shown(path, question, wanted))
                return await self._answer(question, wanted)

    async def _answer(self, question: Question, wanted: plan.Type) -> Value:
        while True:
            self._write("> ")
            try:
                line = await self.typed.line()
            except trio.Cancelled:
                self._write("\n")
                raise
            if not line:
                self._write("\n")
                raise unavailable(f"the terminal was closed before `{question.ask}` was answered")
            try:
                return encode(parse_argument(line.rstrip("\r\n"), wanted), wanted)
            except Misfit as misfit:
                self._write(clean(f"{misfit}; {misfit.help}" if misfit.help else str(misfit)) + "\n")

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # the next read tells that nobody is there
            self.output.write(text)
            self.output.flush()


@attrs.define(eq=False)
class TypedLines:
    """Lines that are typed, read in a thread, which nobody can stop: who waits next gets what it reads."""

    input: TextIO
    _line: str = ""
    _arrived: trio.Event | None = None

    async def line(self) -> str:
        """The next line, with its line break; "" where the input has ended."""
        if self._arrived is None:
            self._arrived = trio.Event()
            token = trio.lowlevel.current_trio_token()
            Thread(target=self._read, args=(token,), daemon=True).start()
        await self._arrived.wait()
        self._arrived = None
        return self._line

    def forget(self) -> None:
        """Drop what was typed before it was asked for."""
        if self._arrived is not None and self._arrived.is_set():
            self._arrived = None
        with suppress(OSError, ValueError, termios.error):
            termios.tcflush(self.input.fileno(), termios.TCIFLUSH)

    def _read(self, token: trio.lowlevel.TrioToken) -> None:
        try:
            line = self.input.readline()
        except (OSError, ValueError):
            line = ""
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(self._take, line)

    def _take(self, line: str) -> None:
        assert self._arrived is not None, "only `line` starts reading, and awaits it"
        self._line = line
        self._arrived.set()


def _shown(path: str, question: Question, wanted: plan.Type) -> str:
    lines = [f"{question.ask} ({clean(path)})"]
    for name, value in question.arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"  {name}: " + clean(text[:MAX_ARGUMENT]).replace("\n", "\n    "))
    return "\n".join([*lines, f"  answer with {answers_text(wanted)}", ""])


def answers_text(wanted: plan.Type) -> str:
    """What may be typed: `accept, revise, reject or null`."""
    choices = _choices(wanted)
    if len(choices) == 1 or len(choices) > MAX_CHOICES:
        return type_text(wanted) if len(choices) > MAX_CHOICES else choices[0]
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def _choices(wanted: plan.Type) -> list[str]:
    match wanted:
        case plan.EnumType(values=values):
            return list(values)
        case plan.ScalarType(kind="bool"):
            return ["true", "false"]
        case plan.ScalarType(kind="null"):
            return ["null"]
        case plan.ScalarType(kind="string"):
            return ["a line of text"]
        case plan.ScalarType(kind="int"):
            return ["a whole number"]
        case plan.ScalarType(kind="float"):
            return ["a number"]
        case plan.ScalarType(kind="duration"):
            return ["a time such as 1h30m"]
        case plan.ScalarType(kind="datetime"):
            return ["a moment such as 2024-05-01T12:00:00Z"]
        case plan.OptionalType(inner=plan.ScalarType(kind="string") as inner):
            return _choices(inner)  # `null` is a text too
        case plan.OptionalType(inner=inner):
            return [*_choices(inner), "null"]
        case plan.RecordType():
            return [f"JSON that is {type_text(wanted.model_copy(update={'name': None}))}"]
        case _:
            return [f"JSON that is {type_text(wanted)}"]
