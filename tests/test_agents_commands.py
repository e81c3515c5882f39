"""Commands as agents: what becomes of arguments, output, exit codes, and of processes when a call ends."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from flowlang.agents import processes
from flowlang.agents.command import CommandAgent, Output, output_of
from flowlang.agents.command_template import BadTemplate, Hole, Template, fill_arguments, parse_template
from flowlang.agents.secrets import Secrets
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall, AgentError

STRING, INT, JSON = (plan.ScalarType(kind=kind) for kind in ("string", "int", "json"))
TYPES: dict[str, plan.Type] = {
    "text": STRING,
    "n": INT,
    "flag": plan.ScalarType(kind="bool"),
    "wait": plan.ScalarType(kind="duration"),
    "lens": plan.EnumType(values=("a", "b")),
    "maybe": plan.OptionalType(inner=STRING),
    "token": plan.SecretType(inner=STRING),
    "paths": plan.ListType(item=STRING),
    "anything": JSON,
    "point": plan.RecordType(fields=(plan.FieldType(name="x", type=INT),)),
}


def argv(*templates: str, **arguments: Any) -> list[str]:
    return fill_arguments(tuple(parse_template(text, TYPES) for text in templates), arguments)


@pytest.mark.parametrize(
    ("template", "arguments", "expected"),
    [
        ("plain", {}, ["plain"]),
        ("", {}, [""]),
        ("{text}", {"text": "a b; rm -rf ~ $(x) `y` 'z' \"q\" *"}, ["a b; rm -rf ~ $(x) `y` 'z' \"q\" *"]),
        ("--since={text}", {"text": "two words"}, ["--since=two words"]),
        ("{text}", {"text": ""}, [""]),
        (
            "{n}-{flag}-{wait}-{lens}",
            {"n": 3, "flag": True, "wait": "1h30m", "lens": "a"},
            ["3-true-1h30m-a"],
        ),
        ("{{{text}}}", {"text": "x"}, ["{x}"]),
        ("{{text}}", {"text": "x"}, ["{text}"]),
        ("{ text }", {"text": "x"}, ["x"]),
        ("{token}", {"token": "s"}, ["s"]),
        ("{maybe}", {"maybe": None}, []),
        ("--only={maybe}", {"maybe": None}, []),
        ("--only={maybe}", {"maybe": "x"}, ["--only=x"]),
        ("{maybe}", {}, []),
        ("{paths}", {"paths": ["a b", "", "-c"]}, ["a b", "", "-c"]),
        ("{paths}", {"paths": []}, []),
        ("{anything}", {"anything": {"é": [1, None]}}, ['{"é":[1,null]}']),
        ("{anything}", {"anything": "text"}, ["text"]),
        ("{point}", {"point": {"x": 1}}, ['{"x":1}']),
    ],
)
def test_templates(template: str, arguments: dict[str, Any], expected: list[str]) -> None:
    assert argv(template, **arguments) == expected


@given(st.text(), st.text(alphabet=st.characters(exclude_characters="{}")))
def test_a_string_never_becomes_more_than_one_argument(value: str, around: str) -> None:
    assert argv(around + "{text}" + around, text=value) == [around + value + around]


@pytest.mark.parametrize(
    ("template", "message", "help"),
    [
        ("{missing}", "the agent has no parameter `missing`", "it has `text`"),
        ("{txt}", "the agent has no parameter `txt`", "did you mean `text`?"),
        ("{}", "the agent has no parameter ``", "braces that are no hole are written `{{` and `}}`"),
        ("{'a': 1}", "the agent has no parameter `'a': 1`", "braces that are no hole are written"),
        ("{text", "`{` has no partner in `{text`", "a brace itself is written `{{`"),
        ("text}", "`}` has no partner in `text}`", "a brace itself is written `}}`"),
        ("{a{text}}", "`{` has no partner in `{a{text}}`", "a brace itself is written `{{`"),
        ("--p={paths}", "`paths` is no text, number or time, so it cannot be a part of one", "stand alone"),
        (
            "x{anything}",
            "`anything` is no text, number or time, so it cannot be a part of one",
            "stand alone",
        ),
    ],
)
def test_templates_that_cannot_be_read(template: str, message: str, help: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        parse_template(template, TYPES)
    assert caught.value.message == message and help in (caught.value.help or "")


@pytest.mark.parametrize(
    ("type", "output"),
    [
        (STRING, "text"),
        (plan.EnumType(values=("a",)), "text"),
        (plan.OptionalType(inner=STRING), "text"),
        (plan.ListType(item=STRING), "lines"),
        (plan.ScalarType(kind="null"), "none"),
        (plan.ListType(item=INT), "json"),
        (INT, "json"),
        (JSON, "json"),
    ],
)
def test_the_result_type_says_how_output_is_read(type: plan.Type, output: Output) -> None:
    assert output_of(type) == output


# Running


def python(code: str, output: Output = "text", **options: Any) -> CommandAgent:
    """An agent that runs a piece of Python, `{text}` and `{paths}` its arguments."""
    command = tuple(parse_template(text, TYPES) for text in (sys.executable, "-c", "{text}", "{paths}"))
    agent = CommandAgent(command, output, Path.cwd(), **options)
    agent_call = agent.call
    return functools.partial(_with_code, agent_call, code)  # type: ignore[return-value]


async def _with_code(call: Callable[[AgentCall], Any], code: str, paths: list[str]) -> Any:
    return await call(
        AgentCall(
            "test",
            {"text": code, "paths": paths, "token": "s", "maybe": None},
            idempotency_key="k-1",
            attempt=2,
        )
    )


def reply(code: str, output: Output = "text", *paths: str, **options: Any) -> Any:
    return trio.run(python(code, output, **options), list(paths))


def failure(code: str, output: Output = "text", **options: Any) -> AgentError:
    with pytest.raises(AgentError) as caught:
        reply(code, output, **options)
    return caught.value


@pytest.mark.parametrize(
    ("code", "output", "expected"),
    [
        ("print('é\\n')", "text", "é"),
        ("print('  a b ')", "text", "  a b "),
        ("pass", "text", ""),
        ("print('{\"a\": [1, null]}')", "json", {"a": [1, None]}),
        ("print('a\\n\\nb\\r\\n')", "lines", ["a", "", "b"]),
        ("pass", "lines", []),
        ("print('ignored')", "none", None),
        ("import sys; print(sys.argv[1:])", "text", "['a b', '$HOME', ';']"),
        ("import sys; print(repr(sys.stdin.read()))", "text", "''"),
        ("import os; print(os.environ['FLOW_IDEMPOTENCY_KEY'], os.environ['FLOW_ATTEMPT'])", "text", "k-1 2"),
        ("import sys; sys.stderr.write('w' * 1_000_000); print('done')", "text", "done"),
    ],
)
def test_output(code: str, output: Output, expected: Any) -> None:
    assert reply(code, output, "a b", "$HOME", ";") == expected


def test_input_is_given_and_need_not_be_read() -> None:
    text = parse_template("{text}", TYPES)
    assert reply("import sys; print(len(sys.stdin.read()))", stdin=text) == "40"
    agent = CommandAgent((parse_template("true", {}),), "none", Path.cwd(), stdin=text)
    assert trio.run(agent.call, AgentCall("test", {"text": "x" * 1_000_000})) is None


def test_a_program_sees_of_our_environment_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTHERS_SECRET", "WANTED", "AWS_REGION", "AWS_PROFILE", "LC_TIME"):
        monkeypatch.setenv(name, "here")
    code = "import os; print(*(name for name in os.environ if os.environ[name] == 'here'))"
    assert reply(code) == "LC_TIME"
    allowed = {"LC_TIME", "WANTED", "AWS_REGION", "AWS_PROFILE"}
    assert set(reply(code, inherit=("WANTED", "AWS_*")).split()) == allowed
    assert "OTHERS_SECRET" in reply(code, inherit=("*",))
    assert reply("import os; print('PATH' in os.environ and 'HOME' in os.environ)") == "True"


def test_a_secret_goes_to_the_program_and_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEP", "swordfish")
    secrets = Secrets({"PASSWORD": {"env": "DEEP"}})
    hole = Template((Hole("secrets.PASSWORD"),))
    code = "import os, sys; print(os.environ['P'][::-1], os.environ['P'], sys.stdin.read())"
    assert reply(code, env={"P": hole}, stdin=hole, secrets=secrets) == "hsifdrows *** ***"
    code = "import os, sys; sys.exit('no ' + os.environ['P'])"
    error = failure(code, env={"P": hole}, secrets=secrets)
    assert "swordfish" not in f"{error} {error.fields} {error.cause}" and "no ***" in str(error)


def test_environment_and_folder(tmp_path: Path) -> None:
    env = {"SECRET": parse_template("{token}", TYPES), "NONE": parse_template("{maybe}", TYPES)}
    code = "import os; print(os.getcwd(), os.environ['SECRET'], 'NONE' in os.environ)"
    assert reply(code, cwd=tmp_path, env=env) == f"{tmp_path} s False"
    program = tmp_path / "tool.sh"
    program.write_text("#!/bin/sh\necho $0\n")
    program.chmod(0o755)
    agent = CommandAgent((parse_template("./tool.sh", {}),), "text", tmp_path)
    assert trio.run(agent.call, AgentCall("test", {})) == str(tmp_path / "tool.sh")


@pytest.mark.parametrize(
    ("code", "output", "error", "message"),
    [
        ("print('x')", "json", "BadOutput", "is not JSON"),
        ("pass", "json", "BadOutput", ": nothing"),
        ("print('[' * 1_900)", "json", "BadOutput", "it is nested too deeply"),
        ("import os; os.write(1, b'ab\\xff')", "text", "BadOutput", "is not UTF-8 at byte 2"),
        ("print('x' * 3000)", "text", "BadOutput", "wrote more than 2,000 bytes; `max_output_bytes`"),
        ("while True: print('x' * 3000)", "none", "BadOutput", "wrote more than 2,000 bytes"),
        ("exit(3)", "text", "AgentFailed", "ended with exit code 3"),
        (
            "import sys; sys.exit('a\\nlast words')",
            "text",
            "AgentFailed",
            "ended with exit code 1: last words",
        ),
        ("import os; os.kill(os.getpid(), 9)", "text", "AgentFailed", "was ended by SIGKILL"),
    ],
)
def test_failures(code: str, output: Output, error: str, message: str) -> None:
    found = failure(code, output, max_output_bytes=2000)
    assert found.error == error and message in found.message


def test_exit_codes_are_declared_errors() -> None:
    errors = {2: "NotFound", 3: "RateLimited"}
    found = failure("import sys; sys.stderr.write('no such page'); sys.exit(2)", errors=errors)
    assert (found.error, found.message, found.fields) == ("NotFound", "no such page", {})
    found = failure('print(\'{"retry_after": "3s"}\'); exit(3)', errors=errors)
    assert (found.error, found.fields) == ("RateLimited", {"retry_after": "3s"})


@pytest.mark.parametrize(
    ("command", "arguments", "error", "message"),
    [
        (["no-such-program-here"], {}, "Unavailable", "was not found: install it, or correct its binding"),
        (["./missing.sh"], {}, "Unavailable", "was not found"),
        (["/"], {}, "AgentFailed", "may not be executed"),
        (["echo", "{text}"], {"text": "a\0b"}, "AgentFailed", "NUL"),
        (["echo", "{text}"], {"text": "x" * 3_000_000}, "AgentFailed", "could not be started"),
        (["{maybe}"], {"maybe": None}, "AgentFailed", "the command is empty"),
    ],
)
def test_programs_that_cannot_be_started(
    tmp_path: Path, command: list[str], arguments: dict[str, Any], error: str, message: str
) -> None:
    agent = CommandAgent(tuple(parse_template(text, TYPES) for text in command), "text", tmp_path)
    with pytest.raises(AgentError) as caught:
        trio.run(agent.call, AgentCall("test", arguments))
    assert caught.value.error == error and message in caught.value.message


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "which is not a folder" in failure("pass", cwd=tmp_path / "missing").message


# Ending

CHILD_OF_A_CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
with open(sys.argv[1], "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1], sys.argv[2])
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def settled(pids: list[int]) -> None:
    with trio.fail_after(5):
        while any(map(is_alive, pids)):
            await trio.sleep(0.01)


@pytest.mark.parametrize("deaf", [False, True])
def test_a_cancelled_call_ends_the_program_and_its_children(
    tmp_path: Path, deaf: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    code = (DEAF if deaf else "") + CHILD_OF_A_CHILD + "time.sleep(1000)\n"
    noted = tmp_path / "pids"

    async def main() -> list[int]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(python(code), [str(tmp_path / "new"), str(noted)])
            while not noted.exists():
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        pids = [int(pid) for pid in noted.read_text().split()]
        await settled(pids)
        return pids

    assert len(trio.run(main)) == 2


def test_what_a_program_leaves_running_is_ended_and_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LAST_WORDS_SECONDS", 0.05)
    noted = tmp_path / "pids"

    async def main() -> None:
        code = CHILD_OF_A_CHILD + "print('done')\n"
        assert await python(code)([str(tmp_path / "new"), str(noted)]) == "done"
        await settled([int(pid) for pid in noted.read_text().split()])

    trio.run(main)


def test_a_child_that_left_the_group_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LAST_WORDS_SECONDS", 0.05)
    code = (
        "import subprocess, sys\n"
        "args = [sys.executable, '-c', 'import time; time.sleep(3)']\n"
        "child = subprocess.Popen(args, start_new_session=True)\n"
        "print(child.pid)\n"
    )
    pid = int(reply(code))
    assert is_alive(pid)
    os.kill(pid, 9)
