"""A finding -> a `test` block that tells its story again, ready to be pasted below the flow.

What agents and people did becomes `given` lines in the order in which they were asked; what came from outside
becomes `send`. A test knows no crashes, no clocks and no cancelling, so the block is tried before anybody
sees it: it stands for the finding only if it fails as the run has failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, count
from typing import Final

from flowlang.plan import model as plan
from flowlang.plan.lower_names import written_in
from flowlang.plan.text import duration_text, string_text
from flowlang.runtime.failures import BAD_OUTPUT, BUILT_IN
from flowlang.runtime.inputs import Outcome, Raised, Replied
from flowlang.syntax.printer import format_source
from flowlang.testing.fuzzing.findings import Finding
from flowlang.testing.fuzzing.literals import NotWritten, Written, arguments, literal
from flowlang.testing.fuzzing.story import Told, told_again
from flowlang.testing.runs import Run
from flowlang.testing.values import least
from flowlang.text.source import Source
from flowlang.tools.frontend import check_text
from flowlang.tools.testing_files import suite_of
from flowlang.tools.testing_run import Verdict, run_test
from flowlang.values.codec import decode
from flowlang.values.value import Misfit, Value

NEVER: Final = "365d"
"""When a call that was stopped would have ended."""

REPRODUCED: Final = ("ensure", "evaluation", "overflow", "internal error", "hang")


def block_of(finding: Finding, text: str, path: str) -> str | None:
    """The block, laid out as `flow fmt` does, where a test of the flow's `text` can tell the finding. Its
    title is one that no test of the text has."""
    if finding.kind not in REPRODUCED:
        return None
    checked = check_text(text, path)
    if checked.has_errors:
        return None
    try:
        block = _laid_out("\n".join(_lines(finding, _free(_name(finding), text), written_in(checked))))
    except NotWritten:
        return None
    return block if _tells(finding, block, text, path) else None


def added(text: str, block: str) -> str:
    """A flow's text with a test at its end; its lines end as those of the text do."""
    end = "\r\n" if "\r\n" in text else "\n"
    return text.rstrip() + f"\n\n{block.strip()}\n".replace("\n", end)


def _laid_out(block: str) -> str:
    """As `flow fmt` would write it. Raises NotWritten where it is too much for a flow."""
    laid_out = format_source(Source("test.flow", block))
    if isinstance(laid_out, str):
        return laid_out
    raise NotWritten(laid_out[0].message)


def _tells(finding: Finding, block: str, text: str, path: str) -> bool:
    """Whether the test fails for the finding's reason."""
    checked = check_text(added(text, block), path)
    suite = None if checked.has_errors else suite_of(path, checked)
    if suite is None or suite.program is None:
        return False
    return _is_same(finding, run_test(suite.program, suite.tests[-1]))


def _is_same(finding: Finding, verdict: Verdict) -> bool:
    if verdict.problem is None:
        return False
    if finding.failure is None:
        return bool(verdict.ran) and verdict.ran[-1].simulated.result is None
    failed = verdict.problem.failure
    return failed is not None and (failed.error, failed.at) == (finding.failure.error, finding.failure.at)


def _free(title: str, text: str) -> str:
    """A title that is not taken: `fuzz: division by zero (2)`."""
    numbered = (f"{title} ({number})" for number in count(2))
    return next(each for each in chain([title], numbered) if f"test {string_text(each)} {{" not in text)


def _lines(finding: Finding, title: str, written: Written) -> Iterator[str]:
    run = finding.run
    flow = run.target.name
    types = {parameter.name: parameter.type for parameter in run.target.flow.parameters}
    yield f"test {string_text(title)} {{"
    yield from _givens(run.target.plan, told_again(run), written)
    yield from _sends(run, written)
    yield f"  run out = {written.get(flow, flow)}({arguments(run.inputs, types, written)})"
    yield "}"


def _name(finding: Finding) -> str:
    where = f" in {finding.path}" if finding.path and "!" not in finding.path else ""
    return f"fuzz: {finding.message.splitlines()[0][:80]}{where}"


def _givens(compiled: plan.Plan, told: Told, written: Written) -> Iterator[str]:
    """What was answered, in the order in which it was asked for; the last line of an agent repeats itself."""
    answers: dict[str, list[str]] = {}
    for _, agent, line in sorted(_answered(compiled, told, written), key=lambda each: each[0]):
        answers.setdefault(agent, []).append(line)
    for lines in answers.values():
        yield from _without_repeats(lines)


def _without_repeats(lines: list[str]) -> list[str]:
    while len(lines) > 1 and lines[-1] == lines[-2]:
        lines.pop()
    return lines


def _answered(compiled: plan.Plan, told: Told, written: Written) -> Iterator[tuple[int, str, str]]:
    for made in told.ran.simulated.calls:
        ended = made.started if made.ended is None else made.ended
        line = _given(compiled, made.call.agent, made.outcome, ended - made.started, written)
        yield made.started, made.call.agent, line
    for asked in told.ran.asked:
        line = _given(compiled, asked.agent, asked.outcome, told.delays[asked.path], written)
        yield asked.at, asked.agent, line


def _given(compiled: plan.Plan, agent: str, outcome: Outcome | None, took: int, written: Written) -> str:
    result = compiled.agents[agent].result
    answered = f"  given {written.get(agent, agent)}"
    after = f" after {duration_text(took)}" if took else ""
    match outcome:
        case Replied(value) if _fits(value, result):
            return f"{answered}{after} -> {literal(value, result, written)}"
        case Replied():
            return f'{answered}{after} fails {BAD_OUTPUT}(path: "", message: "it does not fit")'
        case Raised(error=error, message=message, fields=fields):
            failure = written.get(error, error) + _fields(compiled, error, message, fields, written)
            return f"{answered}{after} fails {failure}"
        case _:
            return f"{answered} after {NEVER} -> {literal(least(result), result, written)}"


def _fits(value: Value, type: plan.Type) -> bool:
    try:
        decode(value, type)
    except Misfit:
        return False
    return True


def _fields(compiled: plan.Plan, error: str, message: str, fields: dict[str, Value], written: Written) -> str:
    declared: Iterable[plan.FieldType] = (BUILT_IN.get(error) or compiled.errors[error]).fields
    types = {field.name: field.type for field in declared}
    given = arguments({"message": message} | fields, types, written)
    return f"({given})" if given else ""


def _sends(run: Run, written: Written) -> Iterator[str]:
    for came in run.faults.events:
        declared = run.target.plan.events[came.event]
        types = {field.name: field.type for field in declared.fields}
        fields = arguments(came.fields, types, written)
        after = "" if came.after == "0s" else f" after {came.after}"
        yield f"  send {written.get(came.event, came.event)}({fields}){after}"
