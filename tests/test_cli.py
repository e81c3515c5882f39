"""The command line, from the outside: arguments in, exit code and both streams out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

import flowlang
from flowlang.tools import cli
from flowlang.tools.cli import terminal, watching
from flowlang.tools.schemas import DIAGNOSTICS

GOOD = 'flow greet(name: string) -> string {\n  return "Hello ${name}"\n}\n'
BAD = 'flow greet(name: string) -> string {\n  return "Hello ${name}, ${age}"\n}\n'
UNTIDY = 'flow greet( name:string )->string{ return "Hello ${name}" }'


@attrs.frozen
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def flow(capsys, monkeypatch, tmp_path):
    """Runs `flow` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "FLOW_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = cli.invoke(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


def write(path: str, text: str | bytes) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)


# The command line itself


def test_help_names_every_command_and_shows_examples(flow):
    outcome = flow("--help")
    assert outcome.code == 0 and "Examples:" in outcome.out
    assert flow("-h").out == outcome.out
    for name in ("new", "check", "fmt", "plan", "graph", "run", "explain", "schema", "completions"):
        assert f"\n  {name} " in outcome.out
        assert flow(name, "-h").code == 0


def test_version(flow):
    assert flow("--version").out == "flow 0.1.0\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chekc"], "there is no command `chekc`; did you mean `flow check`?"),
        (["main.flow"], "there is no command `main.flow`; did you mean `flow run main.flow`?"),
        (["xyzzy"], "there is no command `xyzzy`"),
        (["check", "--jsn"], "No such option '--jsn'"),
        (["explain", "E2O1"], "there is no code `E2O1`; did you mean E201 unknown-name?"),
        (["explain", "unknown-nam"], "did you mean E201 unknown-name?"),
        (["explain"], "which code?"),
        (["fmt", "-", "a.flow"], "`-` stands alone"),
        (["check", "--watch", "-"], "the standard input cannot be watched"),
        (["schema", "plam"], "Invalid value"),
        (["completions", "tcsh"], "Invalid value"),
    ],
)
def test_a_wrong_command_line_exits_with_2(flow, arguments, message):
    outcome = flow(*arguments)
    assert outcome.code == 2 and outcome.out == "" and message in outcome.err


# check


def test_a_clean_file(flow):
    write("main.flow", GOOD)
    assert flow("check", "main.flow") == Outcome(0, "", "no mistakes in 1 file\n")


def test_mistakes_go_to_stdout_and_their_number_to_stderr(flow):
    write("main.flow", BAD)
    outcome = flow("check")
    assert outcome.code == 1 and outcome.err == "1 error in 1 file\n"
    assert outcome.out.startswith("error[E201 unknown-name]: ") and " --> main.flow:2:28\n" in outcome.out


def test_folders_are_searched_but_not_hidden_ones(flow):
    for path in ("b/c.flow", "a.flow", ".hidden/x.flow", "b/.git/y.flow", "b/readme.txt"):
        write(path, GOOD if path == "a.flow" else BAD)
    assert flow("check").err == "1 error in 2 files\n"
    assert flow("check", "b", "b/c.flow", "./b/c.flow").err == "1 error in 1 file\n"


def test_warnings_fail_only_when_asked_to(flow):
    write("main.flow", GOOD.replace("name: string", "name: string, age: int"))
    assert flow("check").code == 0
    assert flow("check", "--strict").code == 1


def test_json_is_an_array_that_fits_its_schema(flow):
    write("main.flow", BAD)
    outcome = flow("check", "--json")
    (found,) = json.loads(outcome.out)
    assert (found["code"], found["path"], found["line"]) == ("E201", "main.flow", 2)
    assert list(found) == DIAGNOSTICS["items"]["required"]
    assert outcome.code == 1 and outcome.err == "1 error in 1 file\n"
    write("main.flow", GOOD)
    assert flow("check", "--json").out == "[]\n"


def test_sarif(flow):
    write("main.flow", BAD)
    log = json.loads(flow("check", "--sarif").out)
    assert log["runs"][0]["results"][0]["ruleId"] == "E201"


def test_stdin(flow):
    outcome = flow("check", "-", stdin=BAD.encode())
    assert outcome.code == 1 and " --> <stdin>:2:28" in outcome.out
    assert flow("check", "-", stdin=b"\xff\xfe").out.startswith("error[E002 not-text]: ")


def test_a_mistake_in_a_shared_module_is_said_once(flow):
    write("lib.flow", BAD)
    for name in ("a", "b"):
        text = 'import "lib.flow" as lib\n\nflow go() -> string {\n  return lib.greet(name: "x")\n}\n'
        write(f"{name}.flow", text)
    assert flow("check").err == "1 error in 3 files\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.flow"], "there is no such file"),
        (["empty"], "there is no `.flow` file in this folder"),
        (["folder.flow/"], "there is no `.flow` file in this folder"),
        (["man.flow"], "did you mean `main.flow`?"),
        (["loop.flow"], "the file cannot be read"),
    ],
)
def test_what_cannot_be_read_is_a_diagnostic(flow, arguments, message):
    write("main.flow", GOOD)
    os.mkdir("empty")
    os.mkdir("folder.flow")
    os.symlink("loop.flow", "loop.flow")
    outcome = flow("check", *arguments)
    assert outcome.code == 1 and outcome.out.startswith("error[E001 unreadable-file]: ")
    assert message in outcome.out and "1 error" in outcome.err
    json.loads(flow("check", "--json", *arguments).out)


def test_a_file_without_permission(flow):
    write("main.flow", GOOD)
    os.chmod("main.flow", 0)
    if os.access("main.flow", os.R_OK):
        pytest.skip("root may read everything")
    assert "there is no permission to read this file" in flow("check").out


def test_a_search_opens_no_pipes(flow):
    write("main.flow", GOOD)
    os.mkfifo("pipe.flow")
    assert flow("check").err == "no mistakes in 1 file\n"


def test_a_file_is_read_only_as_far_as_a_source_may_go(flow):
    outcome = flow("check", "/dev/zero")
    assert outcome.code == 1 and "E003" in outcome.out


def test_an_import_through_a_link_stays_in_the_project(flow, tmp_path, monkeypatch):
    write("outside/lib.flow", GOOD)
    write(
        "project/main.flow",
        'import "lib.flow" as lib\n\nflow go() -> string {\n  return lib.greet(name: "x")\n}\n',
    )
    os.symlink(tmp_path / "outside/lib.flow", "project/lib.flow")
    assert "error[E207 import-outside]" in flow("check", "project").out


def test_a_project_above_the_working_folder(flow, tmp_path, monkeypatch):
    write("flow.toml", "")
    write("lib/greet.flow", GOOD)
    write(
        "app/main.flow",
        'import "../lib/greet.flow" as lib\n\nflow go() -> string {\n  return lib.greet(name: "x")\n}\n',
    )
    monkeypatch.chdir(tmp_path / "app")
    assert flow("check").err == "no mistakes in 1 file\n"
    write("../lib/greet.flow", BAD)
    write("mine.flow", BAD)
    outcome = flow("check")
    assert " --> ../lib/greet.flow:2:28\n" in outcome.out and " --> mine.flow:2:28\n" in outcome.out
    assert {found["path"] for found in json.loads(flow("check", "--json").out)} == {
        "../lib/greet.flow",
        "mine.flow",
    }
    assert " --> none.flow\n" in flow("check", "none.flow").out
    write("mine.flow", CALLS)
    assert " --> mine.flow:1:1\n" in flow("run", "mine.flow").err


def test_colour_is_for_terminals_and_for_those_who_ask(flow, monkeypatch):
    write("main.flow", BAD)
    assert "\x1b[" not in flow("check").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1;31m" in flow("check").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in flow("check").out


def test_watching_checks_again_when_a_file_changes(flow, monkeypatch):
    write("main.flow", BAD)
    waits = iter([lambda: write("main.flow", GOOD + "\n"), lambda: None])

    def wait(since_ns, look):
        step = next(waits)
        before = look()
        step()
        if look() == before:
            raise KeyboardInterrupt

    monkeypatch.setattr("flowlang.tools.cli.check.wait_for_change", wait)
    outcome = flow("check", "--watch")
    assert outcome.code == 130
    assert outcome.err.splitlines()[:2] == ["1 error in 1 file", "no mistakes in 1 file"]


def test_watching_begins_each_time_on_an_empty_screen(monkeypatch):
    class Screen(io.StringIO):
        def isatty(self):
            return True

    for screen, shown in ((Screen(), "\x1b[2J\x1b[3J\x1b[H"), (io.StringIO(), "")):
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setenv("TERM", "xterm")
        terminal.clear()
        assert screen.getvalue() == shown


def test_waiting_for_a_change():
    states = iter([{"a": (5, 1)}, {"a": (5, 1)}, {"a": (5, 1)}, {"a": (5, 2)}])
    pauses: list[None] = []
    watching.wait_for_change(10, lambda: next(states), lambda: pauses.append(None))
    assert len(pauses) == 2
    # What changed while the check was running is not waited for.
    watching.wait_for_change(4, lambda: {"a": (5, 1)}, lambda: pytest.fail("waited"))


# fmt


def test_fmt_rewrites_what_is_not_canonical_and_keeps_its_mode(flow):
    write("main.flow", UNTIDY)
    write("good.flow", GOOD)
    os.chmod("main.flow", 0o640)
    outcome = flow("fmt")
    assert outcome == Outcome(0, "", "1 rewritten, 1 already canonical\n")
    assert Path("main.flow").read_text() == GOOD and os.stat("main.flow").st_mode & 0o777 == 0o640
    assert flow("fmt").err == "2 already canonical\n"
    assert sorted(os.listdir()) == ["good.flow", "main.flow"]


def test_fmt_check_and_diff_write_nothing(flow):
    write("main.flow", UNTIDY)
    assert flow("fmt", "--check") == Outcome(1, "main.flow\n", "1 to be rewritten\n")
    outcome = flow("fmt", "--diff")
    assert outcome.code == 1 and outcome.out.startswith("--- main.flow\n+++ main.flow\n@@ ")
    assert "\\ No newline at end of file" in outcome.out
    assert Path("main.flow").read_text() == UNTIDY


def test_fmt_of_stdin(flow):
    assert flow("fmt", "-", stdin=UNTIDY.encode()).out == GOOD
    assert flow("fmt", "-", "--check", stdin=GOOD.encode()).code == 0


def test_fmt_leaves_a_broken_file_alone(flow):
    write("main.flow", "flow {")
    outcome = flow("fmt")
    assert outcome.code == 1 and "error[E1" in outcome.err and "1 not formatted" in outcome.err
    assert Path("main.flow").read_text() == "flow {"


def test_fmt_follows_a_link(flow):
    write("real/main.flow", UNTIDY)
    os.symlink("real/main.flow", "main.flow")
    flow("fmt", "main.flow")
    assert os.path.islink("main.flow") and Path("real/main.flow").read_text() == GOOD


# plan, graph, run

CALLS = """agent shout(text: string) -> string effect read timeout 5s

flow main(text: string = "hi") -> string {
  step loud = shout(text: text)
  return loud
}
"""
BINDING = '[agents.shout]\ncommand = ["echo", "{text}!"]\n'


def test_plan_is_for_reviewers_or_for_programs(flow):
    write("main.flow", CALLS)
    outcome = flow("plan", "main.flow")
    assert outcome.code == 0 and outcome.err == "" and "shout ≤ 1" in outcome.out
    plan = json.loads(flow("plan", "main.flow", "--json").out)
    assert plan["format"] == "flowlang.plan" and plan["main"] == "main"


@pytest.mark.parametrize(
    ("form", "start"), [("mermaid", "flowchart"), ("dot", "digraph"), ("svg", "<svg"), ("json", "{")]
)
def test_graph_draws(flow, form, start):
    write("main.flow", CALLS)
    outcome = flow("graph", "main.flow", "--format", form)
    assert outcome.code == 0 and outcome.out.startswith(start)


def test_run_prints_the_result_and_nothing_else(flow):
    write("main.flow", CALLS)
    write("flow.toml", BINDING)
    assert flow("run", "main.flow", "--quiet") == Outcome(0, "hi!\n", "")
    outcome = flow("run", "main.flow", "main", "text=you", "--json")
    assert json.loads(outcome.out)["data"] == "you!"


@pytest.mark.parametrize("command", ["plan", "graph", "run"])
def test_mistakes_stand_in_the_way(flow, command):
    write("main.flow", BAD)
    outcome = flow(command, "main.flow")
    assert outcome.code == 1 and outcome.out == "" and "error[E201" in outcome.err


@pytest.mark.parametrize("command", ["plan", "graph", "run"])
@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (CALLS, ["mian"], "did you mean `main`?"),
        (CALLS.replace("main", "one") + GOOD, [], "name one of `one`, `greet`"),
        ("type T = int\n", [], "this file has no flow"),
    ],
)
def test_no_flow_to_run_is_a_diagnostic(flow, command, text, arguments, message):
    write("main.flow", text)
    outcome = flow(command, "main.flow", *arguments)
    assert outcome.code == 1 and "error[E409 nothing-to-run]" in outcome.err and message in outcome.err


def test_an_unbound_agent_or_a_wrong_input_is_found_before_the_run(flow):
    write("main.flow", CALLS)
    assert "error[E603 unbound-agent]" in flow("run", "main.flow").err
    write("flow.toml", BINDING)
    outcome = flow("run", "main.flow", "txt=you")
    assert outcome.code == 1 and "error[E702 unknown-input]" in outcome.err


# explain, schema, completions, new


def test_explain_prints_a_page(flow, monkeypatch):
    page = flow("explain", "E201").out
    assert page.startswith("# E201 unknown-name: ") and "```flow good" in page
    assert flow("explain", "unknown-name").out == flow("explain", "[e201]").out == page
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert flow("explain", "E201").out.startswith("\x1b[1mE201 unknown-name: ")


def test_explain_lists_every_code(flow):
    lines = flow("explain", "--list").out.splitlines()
    assert "E201  unknown-name           a name that nothing declares" in lines


def test_schemas_are_json_schemas(flow):
    assert json.loads(flow("schema", "diagnostics").out) == DIAGNOSTICS
    assert json.loads(flow("schema", "plan").out)["title"] == "flowlang plan, version 1"
    assert json.loads(flow("schema", "execution-plan").out)["title"] == "ExecutionPlan"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_name_the_command(flow, shell):
    outcome = flow("completions", shell)
    assert outcome.code == 0 and "_FLOW_COMPLETE" in outcome.out


def test_new_makes_a_project_that_checks(flow):
    outcome = flow("new", "hello")
    assert outcome.out.split() == [f"hello/{n}" for n in ("main.flow", "tools.py", "flow.toml", "README.md")]
    assert flow("check", "--strict", "hello") == Outcome(0, "", "no mistakes in 1 file\n")
    assert flow("fmt", "--check", "hello").code == 0


def test_new_overwrites_nothing(flow):
    write("tools.py", "mine")
    outcome = flow("new")
    assert outcome.code == 1 and "tools.py is already there; nothing was written" in outcome.err
    assert os.listdir() == ["tools.py"]
    write("file", "")
    assert flow("new", "file").code == 2
    assert flow("new", "file/below").code == 1


def test_what_new_makes_runs(flow):
    flow("new", "hello")
    outcome = flow("run", "hello/main.flow", "name=Ada", "folder=hello", "--quiet")
    assert outcome.code == 0 and outcome.out.startswith("Hello Ada! 4 files, the longest file is main.flow.")


# The library


def test_the_library_does_the_same(tmp_path):
    path = tmp_path / "main.flow"
    path.write_text(CALLS)
    (found,) = flowlang.check(BAD)
    assert found.code.number == "E201"
    compiled = flowlang.compile(str(path))
    result = flowlang.run_sync(compiled, {"text": "you"}, agents={"shout": lambda text: text.upper()})
    assert (result.status, result.data) == ("done", "YOU")
    assert set(dir(flowlang)) >= {"check", "compile", "run", "run_sync"}
    with pytest.raises(AttributeError):
        flowlang.nothing  # noqa: B018


# The process around it


def test_an_internal_error_is_one_line(flow, monkeypatch):
    def broken(*_, **__):
        raise KeyError("x")

    monkeypatch.setattr("flowlang.tools.cli.check.check_paths", broken)
    outcome = flow("check")
    assert outcome.code == 1 and outcome.err.startswith("flow: internal error: KeyError: 'x'; please report")
    assert len(outcome.err.splitlines()) == 1
    monkeypatch.setenv("FLOW_DEBUG", "1")
    with pytest.raises(KeyError):
        flow("check")


def process(*arguments: str, **options) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "flowlang", *arguments], stderr=subprocess.PIPE, **options)


def test_a_reader_that_leaves_is_no_trouble():
    reader, writer = os.pipe()
    running = process("explain", "--list", stdout=writer)
    os.close(reader)
    os.close(writer)
    _, err = running.communicate()
    assert err == b""


def test_output_that_the_terminal_cannot_show_is_escaped():
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    running = process("check", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    out, err = running.communicate('flow f() -> string {\n  return "日本" + 1\n}\n'.encode())
    assert running.returncode == 1 and b"Traceback" not in err and b"\\u65e5" in out


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such shell")
def test_closed_streams_lead_nowhere(tmp_path: Path, closed: str) -> None:
    (tmp_path / "main.flow").write_text('flow main() -> string { return "hi" }')
    root = Path(__file__).resolve().parent.parent
    ran = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m flowlang run main.flow {closed}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "FLOW_STORE": str(tmp_path / "runs.db")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0 and "internal error" not in ran.stderr
    assert ran.stdout == ("" if ">&-" in closed.replace("2>&-", "") else "hi\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk_behind_the_output_is_one_line(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parent.parent
    ran = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m flowlang schema plan > /dev/full"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1 and "cannot be written: No space left" in ran.stderr
    assert "internal error" not in ran.stderr and "Traceback" not in ran.stderr
