"""Questions of a run, asked on the terminal.

One question at a time, however many are open: the display gives way, the question and what may be answered
are shown, and a line is read. What does not fit the result type is asked again, with the reason. A run that
is cancelled, or whose deadline passes, leaves the question."""

from __future__ import annotations

import json
from typing import Final, TextIO

import attrs
import trio

from flowlang.plan import model as plan
from flowlang.plan.text import type_text
from flowlang.runtime.agents import AgentError
from flowlang.runtime.failures import UNAVAILABLE
from flowlang.runtime.host import Question
from flowlang.text.display import clean
from flowlang.tools.run_display import Display
from flowlang.values.codec import encode, parse_argument
from flowlang.values.value import Misfit, Value

MAX_ARGUMENT: Final = 2_000


@attrs.frozen(eq=False)
class TerminalAnswers:
    """Answers questions by asking whoever sits at the terminal; an `Answer` of the engine."""

    agents: dict[str, plan.Agent]
    display: Display
    input: TextIO
    output: TextIO
    turn: trio.Lock = attrs.field(factory=trio.Lock)

    async def __call__(self, path: str, question: Question) -> Value:
        wanted = self.agents[question.ask].result
        async with self.turn:
            with self.display.paused():
                self.output.write(_shown(path, question, wanted))
                while True:
                    self.output.write("> ")
                    self.output.flush()
                    line = await trio.to_thread.run_sync(self.input.readline, abandon_on_cancel=True)
                    if not line:
                        message = f"the terminal was closed before `{question.ask}` was answered"
                        raise AgentError(UNAVAILABLE, message, fields={"message": message})
                    try:
                        return encode(parse_argument(line.rstrip("\r\n"), wanted), wanted)
                    except Misfit as misfit:
                        self.output.write(f"{clean(str(misfit))}; it is to be {type_text(wanted)}\n")


def _shown(path: str, question: Question, wanted: plan.Type) -> str:
    lines = [f"{question.ask} ({path})"]
    for name, value in question.arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"  {name}: {clean(text[:MAX_ARGUMENT])}")
    return "\n".join([*lines, f"  answer with {type_text(wanted)}", ""])
