"""What calls have used: told by agents, counted by runs wherever they are carried out, and shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from support.llm_server import KEY, LlmServer, says

import flowlang
from flowlang.runtime.agents import AgentCall, AgentError, Used, amounts_of
from flowlang.runtime.inputs import CallEnded, Raised, Replied, Stopped
from flowlang.runtime.journal import JournalMisfit, Row, input_of, row_of
from flowlang.tools import cli
from flowlang.tools.run_usage import used_text


@attrs.define
class Model:
    """Uses a token for what it is asked, two for its answer, and as much for each attempt that fails."""

    failures: int = 0
    made: int = 0

    async def call(self, call: AgentCall) -> Any:
        self.made += 1
        assert call.tell is not None
        call.tell(Used({"input_tokens": 1}))
        call.tell(Used({"input_tokens": 1, "output_tokens": 2}))  # all so far, not on top
        await trio.sleep(call.arguments.get("takes", 0))
        if self.made <= self.failures:
            raise AgentError("Unavailable", "not yet")
        return self.made


AGENTS = """
agent think(takes: int = 0) -> int effect read
agent other() -> int effect read
agent quiet() -> int effect read
ask approve() -> bool
"""


def used(times: int) -> dict[str, int]:
    return {"input_tokens": times, "output_tokens": 2 * times}


def prepared(flow: str, **agents: Any) -> Any:
    given = {"think": Model(), "other": Model(), "quiet": lambda: 1, **agents}
    compiled = flowlang.compile("main.flow", text=AGENTS + flow)
    return flowlang.prepare(compiled, agents={name: given[name] for name in compiled.agents if name in given})


@pytest.fixture(params=["in memory", "durable"])
def usage_of(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """What a flow has used, its calls made by hosts of either kind."""

    async def durable(run: Any) -> flowlang.Result:
        async with flowlang.Engine.open(str(tmp_path / "runs.db")) as engine, engine.start(run, {}) as handle:
            return await handle.result()

    def carried_out(flow: str, **agents: Any) -> Mapping[str, Mapping[str, int]]:
        run = prepared(flow, **agents)
        result = trio.run(durable, run) if request.param == "durable" else trio.run(run.run, {})
        assert result.status in ("done", "failed")
        return result.usage

    return carried_out


def test_calls_are_summed_by_agent(usage_of):
    flow = """flow main() -> int {
      step several = for each n in 0..3 { step one = think() yield one }
      step more = other()
      step none = quiet()
      return several.size() + more + none
    }"""
    assert usage_of(flow) == {"think": used(3), "other": used(1)}


def test_nothing_is_said_where_nothing_was_told(usage_of):
    assert usage_of("flow main() -> int { step one = quiet() return one }") == {}


def test_attempts_that_fail_count(usage_of):
    flow = "flow main() -> int { step one = think() retry 5 times backoff constant 1ms return one }"
    assert usage_of(flow, think=Model(failures=3)) == {"think": used(4)}


def test_a_run_that_fails_has_used_something(usage_of):
    assert usage_of("flow main() -> int { step one = think() return one }", think=Model(9)) == {
        "think": used(1)
    }


def test_what_was_cancelled_counts(usage_of):
    flow = """flow main() -> int {
      step one = race { think(takes: 50), do in order { step a = sleep 20ms step b = quiet() yield b } }
      return one
    }"""
    assert usage_of(flow) == {"think": used(1)}


@pytest.mark.parametrize("rounds", [7, 25])
def test_the_rounds_of_a_loop_count_though_their_rows_are_forgotten(usage_of, rounds):
    flow = f"""flow main() -> int {{
      step all = while true, at most {rounds} times, from n = 0 {{ step one = think() next one }}
      return all
    }}"""
    assert usage_of(flow) == {"think": used(rounds)}


LOOP = "step a = while true, at most 23 times, from n = 0 { step one = think() next one }"


@pytest.mark.parametrize("before", ["step a = think()", LOOP], ids=["call", "loop"])
def test_a_run_that_is_taken_up_knows_what_it_has_used(tmp_path, before):
    after = "step yes = approve() timeout 1d step b = other() return b"
    flow = f"flow main() -> int in order {{ {before} {after} }}"
    store = str(tmp_path / "runs.db")

    async def main() -> tuple[flowlang.Result, flowlang.Result, flowlang.Result]:
        run = prepared(flow)
        async with flowlang.Engine.open(store) as engine, engine.start(run, {}) as handle:
            while not handle.questions():
                await trio.sleep(0.01)
            handle.park()
            left = await handle.result()
        agents = {"think": Model(), "other": Model()}
        async with flowlang.Engine.open(store) as engine:
            async with engine.resume(handle.run_id, agents=agents) as resumed:
                while not resumed.questions():
                    await trio.sleep(0.01)
                resumed.answer(next(iter(resumed.questions())), True)
                ended = await resumed.result()
            return left, ended, engine.result(handle.run_id)

    left, ended, kept = trio.run(main)
    times = 23 if "while" in before else 1
    assert left.usage == {"think": used(times)}
    assert ended.usage == kept.usage == {"think": used(times), "other": used(1)}


def test_what_was_used_is_an_event_of_its_call():
    told: list[Any] = []
    trio.run(
        lambda: prepared("flow main() -> int { step one = think() return one }").run({}, on_event=told.append)
    )
    [event] = [event for event in told if isinstance(event, flowlang.events.AgentUsed)]
    assert (event.path, event.agent, event.amounts) == ("one", "think", used(1))


# In the journal

OUTCOMES = [Replied({"a": 1}), Replied(None), Raised("Unavailable", "gone", {"message": "gone"}), Stopped()]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
@pytest.mark.parametrize("amounts", [None, {"input_tokens": 7}])
def test_a_row_keeps_what_its_call_has_used(outcome, amounts):
    ended = CallEnded(5, "a/b", outcome, amounts)
    assert input_of(row_of(1, ended)) == ended


def test_a_row_of_before_reads_as_it_did():
    row = Row(1, "call", "a", 5, '{"value":[1]}')
    assert input_of(row) == CallEnded(5, "a", Replied([1]), None)
    assert row_of(1, CallEnded(5, "a", Replied([1]))) == row


@pytest.mark.parametrize("text", ["{}", '{"used":7}', '{"used":{}}', '{"value":1,"used":[1]}', "[1]", "7"])
def test_a_row_that_no_run_has_written_is_a_misfit(text):
    with pytest.raises(JournalMisfit):
        input_of(Row(1, "call", "a", 5, text))


def test_an_agent_may_tell_anything():
    told: Any = {"ok": 1, "negative": -1, "float": 1.5, "flag": True, "": 1, "no name": 1, "\ud800": 1, 7: 1}
    assert amounts_of(Used(told)) == {"ok": 1}
    assert len(amounts_of(Used({f"n{n}": n for n in range(1000)}))) == 20
    assert amounts_of(Used({"much": 1 << 60})) == {}


# As it is shown


def test_amounts_are_put_in_words():
    usage = {
        "summarize": {"input_tokens": 1234, "output_tokens": 56},
        "draw": {"images": 2, "gpu_seconds": 9},
    }
    assert used_text(usage) == "summarize 1,234 in, 56 out; draw 2 images, 9 gpu seconds"


FLOW = """
/// Sum up a letter.
agent summarize(letter: string) -> { title: string } effect read
flow main(letter: string) -> string { step found = summarize(letter: letter) return found.title }
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`flow …` in a folder with a flow that asks a model on loopback, whose second reply fits."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOW_STORE", str(tmp_path / "runs.db"))
    monkeypatch.setenv("LOOPBACK_KEY", KEY)
    Path("main.flow").write_text(FLOW)
    with LlmServer(says("{", used=(100, 9)), says('{"title": "Hi"}', used=(1134, 47)), key=KEY) as server:
        Path("flow.toml").write_text(
            f'[llm.small]\nbase = "{server.base}"\nmodel = "small"\nkey = "{{secrets.KEY}}"\n'
            '[agents.summarize]\nllm = "small"\n[secrets]\nKEY = { env = "LOOPBACK_KEY" }\n'
        )
        yield lambda *arguments: cli.invoke([*arguments])


def test_a_run_of_a_model_ends_with_what_it_has_used(asked, capfd, tmp_path):
    assert asked("run", "main.flow", "letter=Dear Ada") == 0
    out, err = capfd.readouterr()
    assert out == "Hi\n" and err.endswith("used: summarize 1,234 in, 56 out\n")
    assert "the reply does not fit: this is no JSON" in err
    run = err.partition("started as ")[2].split()[0]

    for command in ("result", "show"):
        assert asked(command, run) == 0
        shown = capfd.readouterr()
        assert "summarize 1,234 in, 56 out" in shown.out + shown.err
    assert asked("show", run, "found") == 0
    assert "used      1,234 in, 56 out" in capfd.readouterr().out
    assert asked("show", run, "--json") == 0
    shown = json.loads(capfd.readouterr().out)
    assert shown["usage"]["summarize"] == {"input_tokens": 1234, "output_tokens": 56}
    assert asked("result", run, "--json") == 0
    amounts = {"input_tokens": 1234, "output_tokens": 56}
    assert json.loads(capfd.readouterr().out)["usage"] == {"summarize": amounts}
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Dear Ada" in left and KEY.encode() not in left


def test_quiet_says_nothing_and_json_says_it_as_data(asked, capfd):
    assert asked("run", "main.flow", "--quiet", "--json", "letter=Dear Ada") == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["usage"]["summarize"]["output_tokens"] == 56
    assert "used" not in err
