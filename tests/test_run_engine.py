"""The engine from Python: what may be given for an agent, what comes back, and who answers questions."""

from __future__ import annotations

import io
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio

from flowlang.plan import model as plan
from flowlang.runtime import events
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.host import Question
from flowlang.tools.engine import narrow, run, run_sync
from flowlang.tools.frontend import NotRunnable, compile_file
from flowlang.tools.run_display import Silent
from flowlang.tools.run_handle import Result
from flowlang.tools.run_questions import TerminalAnswers, TypedLines

TEXT = """
type Verdict = "yes" | "no"

error NotFound(url: string)

agent read(url: string, within: duration = 30s) -> string raises NotFound effect read
agent other() effect read
ask approve(question: string) -> Verdict
ask rate(question: string) -> int?

flow main(url: string, wait_for: duration = 5s) -> { text: string, waited: duration } {
  step text = read(url: url, within: wait_for)
    retry 1 times
    catch NotFound as e -> "nothing at ${e.url}"
  return { text: text, waited: wait_for }
}

flow asks() -> string {
  step verdict = approve(question: "Publish?")
  step rating = rate(question: "How many?")
  return "${verdict} ${rating ?? 0}"
}

flow calls_asks() -> string {
  step inner = asks()
  step ignored = other()
  return inner
}

flow at(when_: datetime) -> datetime {
  return when_ + 1h
}
"""


@pytest.fixture
def compiled(tmp_path: Path) -> plan.Plan:
    path = tmp_path / "main.flow"
    path.write_text(TEXT)
    made = compile_file(str(path))
    assert made.plan is not None, [d.message for d in made.diagnostics]
    return made.plan


def test_functions_and_bindings_may_be_given(compiled: plan.Plan) -> None:
    class Binding:
        async def call(self, call: AgentCall) -> Any:
            return f"bound {call.arguments['url']}"

    def read(url: str, within: timedelta) -> str:
        return f"{url} in {within.seconds}s"

    result = run_sync(
        compiled, {"url": "u", "wait_for": timedelta(minutes=1)}, flow="main", agents={"read": read}
    )
    assert (result.status, result.data) == ("done", {"text": "u in 60s", "waited": "1m"})
    assert (result.flow, result.steps_executed, result.retries) == ("main", 1, 0)
    result = run_sync(compiled, {"url": "u"}, flow="main", agents={"read": Binding()})
    assert result.data == {"text": "bound u", "waited": "5s"}


def test_inputs_and_results_are_json(compiled: plan.Plan) -> None:
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert run_sync(compiled, {"when_": noon}, flow="at").data == "2024-05-01T13:00:00Z"
    assert run_sync(compiled, {"when_": "2024-05-01T12:00:00Z"}, flow="at").data == "2024-05-01T13:00:00Z"


def test_failures_come_back_as_data(compiled: plan.Plan) -> None:
    class NotFound(Exception):
        def __init__(self, url: str) -> None:
            self.url = url

    def lacks(url: str, within: timedelta) -> str:
        raise NotFound(url)

    def fails(url: str, within: timedelta) -> str:
        raise OSError("no line")

    done = run_sync(compiled, {"url": "u"}, flow="main", agents={"read": lacks})
    assert done.data["text"] == "nothing at u" and done.retries == 1
    failed = run_sync(compiled, {"url": "u"}, flow="main", agents={"read": fails})
    assert failed.failure is not None
    assert (failed.status, failed.data, failed.failure.error) == ("failed", None, "AgentFailed")
    assert failed.failure.message == "OSError: no line" and failed.failure.attempt == 2


def test_what_stands_in_the_way_is_told_before_anything_runs(compiled: plan.Plan) -> None:
    with pytest.raises(NotRunnable) as caught:
        run_sync(compiled, {"uri": 1, "wait_for": "soon"}, flow="main", agents={"read": lambda link: ""})
    codes = [diagnostic.code.slug for diagnostic in caught.value.diagnostics]
    assert codes == ["unknown-input", "bad-input", "binding-mismatch"]
    with pytest.raises(NotRunnable, match="the agent `read` is not bound"):
        run_sync(compiled, {"url": "u"}, flow="main")
    with pytest.raises(LookupError):
        run_sync(compiled, flow="nowhere")
    with pytest.raises(TypeError, match="the input `url` does not fit: found a set"):
        run_sync(compiled, {"url": {"u"}}, flow="main")


def test_only_what_a_flow_reaches_has_to_be_bound(compiled: plan.Plan) -> None:
    reached = narrow(compiled, "calls_asks")
    assert set(reached.flows) == {"calls_asks", "asks"}
    assert set(reached.agents) == {"approve", "rate", "other"}


def test_questions_go_to_whoever_answers(compiled: plan.Plan) -> None:
    asked: list[tuple[str, str, Any]] = []

    async def answer(path: str, question: Question) -> Any:
        asked.append((path, question.ask, question.arguments))
        return "yes" if question.ask == "approve" else 3

    result = run_sync(compiled, flow="calls_asks", answer=answer, agents={"other": lambda: None})
    assert result.data == "yes 3"
    assert ("inner/verdict", "approve", {"question": "Publish?"}) in asked


def test_without_anyone_a_question_fails(compiled: plan.Plan) -> None:
    result = run_sync(compiled, flow="asks")
    assert result.failure is not None and result.failure.error == "Unavailable"


def test_an_answer_is_checked_like_any_reply(compiled: plan.Plan) -> None:
    async def answer(path: str, question: Question) -> Any:
        return "maybe"

    result = run_sync(compiled, flow="asks", answer=answer)
    assert result.failure is not None and result.failure.error == "BadOutput"


def test_events_are_told_and_a_run_has_its_name(compiled: plan.Plan) -> None:
    told: list[events.Event] = []
    options: dict[str, Any] = {"on_event": told.append, "run_id": "r-7"}
    result = run_sync(compiled, {"when_": "2024-05-01T12:00:00Z"}, flow="at", **options)
    assert result.run_id == "r-7"
    assert [type(event).__name__ for event in told] == ["RunStarted", "RunEnded"]


def test_a_run_inside_a_program_can_be_cancelled_around_it(compiled: plan.Plan) -> None:
    async def main() -> bool:
        with trio.move_on_after(0.01) as scope:
            await run(compiled, {"url": "u"}, flow="main", agents={"read": hangs})
        return scope.cancelled_caught

    async def hangs(url: str, within: timedelta) -> str:
        await trio.sleep_forever()
        raise AssertionError

    assert trio.run(main)


def test_no_more_calls_at_once_than_allowed(tmp_path: Path) -> None:
    path = tmp_path / "main.flow"
    path.write_text(
        "agent work(n: int) -> int effect pure\n"
        "flow main() -> list<int> {\n"
        "  step all = for each n in 0..20 { yield work(n: n) }\n"
        "  return all\n"
        "}\n"
    )
    running, most = 0, 0

    async def work(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(0.001)
        running -= 1
        return n

    compiled = compile_file(str(path)).plan
    assert compiled is not None
    result = run_sync(compiled, agents={"work": work}, max_parallel=3)
    assert result.data == list(range(20)) and most == 3


# On the terminal


def asked(compiled: plan.Plan, typed: str) -> tuple[Result, str]:
    output = io.StringIO()

    async def main() -> Result:
        answers = TerminalAnswers(dict(compiled.agents), Silent(), TypedLines(io.StringIO(typed)), output)
        return await run(compiled, flow="asks", answer=answers)

    return trio.run(main), output.getvalue()


def test_a_person_is_asked_one_thing_after_the_other(compiled: plan.Plan) -> None:
    result, output = asked(compiled, "perhaps\nyes\n12x\nnull\n")
    assert result.data == "yes 0"
    assert output.count("approve (verdict)") == 1 and "  question: Publish?" in output
    assert 'expected one of "yes", "no", found a string ("perhaps")' in output
    assert 'expected an int, found a string ("12x")' in output


def test_a_terminal_that_closes_answers_nothing(compiled: plan.Plan) -> None:
    result, _ = asked(compiled, "yes\n")
    assert result.failure is not None
    assert result.failure.message == "the terminal was closed before `rate` was answered"


def test_a_question_is_left_when_its_time_is_up(compiled: plan.Plan) -> None:
    release = threading.Event()

    class Silence(io.StringIO):
        def readline(self, size: int = -1) -> str:
            release.wait()
            return ""

    async def main() -> bool:
        answers = TerminalAnswers(dict(compiled.agents), Silent(), TypedLines(Silence()), io.StringIO())
        with trio.move_on_after(0.01) as scope:
            await answers("verdict", Question("approve", {}))
        release.set()
        return scope.cancelled_caught

    assert trio.run(main)
