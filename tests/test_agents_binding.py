"""`flow.toml`, as cases: the mistakes that it has stand in comments beside the lines they are reported at
(bad-config, binding-mismatch, missing-secret)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlang.agents.binding import Bindings, bind
from flowlang.agents.command import CommandAgent
from flowlang.agents.config import read_config
from flowlang.agents.entries import CommandEntry, PythonEntry
from flowlang.agents.places import Places
from flowlang.agents.python import PythonAgent
from flowlang.agents.python_matching import may_pass
from flowlang.agents.toml_places import label_of
from flowlang.plan import model as plan
from flowlang.semantics import types
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Source
from tests.support import desks

PLACE = plan.Place(0, 1, 1, 1, 6)
STRING = plan.ScalarType(kind="string")
SOURCE = Source("main.flow", "agent read(url: string)\n")

AGENT = plan.Agent(
    parameters=(
        plan.Parameter(name="url", type=STRING),
        plan.Parameter(name="tags", type=plan.ListType(item=STRING), required=False),
    ),
    result=STRING,
    raises=("NotFound", "trips.SoldOut"),
    timeout=None,
    at=PLACE,
)
PLAN = plan.Plan(
    main=None,
    flows={},
    agents={"read": AGENT, "trips.book": AGENT, "approve": AGENT.model_copy(update={"asks": True})},
    errors={"NotFound": plan.ErrorType(), "trips.SoldOut": plan.ErrorType(), "Other": plan.ErrorType()},
    sources=(plan.SourceFile(path="main.flow", sha256=""),),
)
TOOLS = """
def read(url, tags=()): return url
def all_of_it(**options): return ""
def less(): return ""
def more(url, tags, other): return ""
def unknown(url: "Missing", tags): return ""
CONSTANT = 1
from pathlib import Path
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    Missing = str
def takes_a_number(url: int, tags): return ""
def gives_a_list(url, tags) -> list[str]: return []
def may_give_nothing(url, tags) -> str | None: return None
def takes_a_path(url: Path, tags) -> str: return ""
"""


def bound(folder: Path, text: str) -> Bindings:
    (folder / "binding_tools.py").write_text(TOOLS)
    (folder / "flow.toml").write_text(text)
    places = Places(PLAN, lambda path: SOURCE if path == SOURCE.path else None)
    return bind(PLAN.agents, places, config=read_config(folder / "flow.toml"))


MISTAKES = Path(__file__).parent / "cases" / "run" / "config" / "mistakes.toml"
CASES = MISTAKES.read_text(encoding="utf-8").split("---\n")[1:]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rpartition("# ")[2].strip())
def test_mistakes_stand_at_their_lines(tmp_path: Path, case: str) -> None:
    with desks.installed(tmp_path):
        found = bound(tmp_path, case).diagnostics
    for number, line in enumerate(case.split("\n"), 1):
        if note := re.search(r"# (E\d+)(?:@(\d+))? (.*)$", line):
            (wrong,) = [d for d in found if d.code.number == note[1]]
            assert note[3] in wrong.message + (f" ({wrong.help})" if wrong.help else "")
            assert place(wrong, case) == ("flow.toml", int(note[2] or number))
            return
    raise AssertionError("the case expects nothing")


def place(diagnostic: Diagnostic, text: str) -> tuple[str, int]:
    return Path(diagnostic.path).name, Source("", text).position(diagnostic.primary.span.start)[0]


@pytest.mark.parametrize(
    "agent",
    [
        'http = "GET https://example.com/{url}"\nheaders = { X-Key = "{secrets.KEY}" }',
        'command = ["echo", "{url}"]\nenv = { KEY = "{secrets.KEY}" }',
    ],
)
def test_a_secret_that_stands_in_the_file_is_told_once(tmp_path: Path, agent: str) -> None:
    found = bound(tmp_path, f'[agents.read]\n{agent}\n[secrets]\nKEY = "swordfish"\n').diagnostics
    assert [d.message for d in found] == ["the secret `KEY` must not stand in this file itself"]


def test_what_is_right_is_bound(tmp_path: Path) -> None:
    text = """
    tool.of_another_program = 1

    [agents.read]
    python = "binding_tools:read"

    [agents.trips.book]
    command = ["echo", "{url}", "{tags}"]
    errors = { 2 = "SoldOut", 3 = "Unavailable" }
    cwd = "sub"

    [agents.of_another_flow]
    python = "not_there:f"
    """
    found = bound(tmp_path, text)
    assert found.diagnostics == ()
    read, book = found.agents["read"], found.agents["trips.book"]
    assert isinstance(read, PythonAgent) and isinstance(book, CommandAgent)
    assert (book.output, book.errors, book.cwd) == (
        "text",
        {2: "SoldOut", 3: "Unavailable"},
        tmp_path / "sub",
    )
    assert set(found.agents) == {"read", "trips.book"}


def test_any_function_with_keywords_fits(tmp_path: Path) -> None:
    assert not bound(tmp_path, '[agents]\nread.python = "binding_tools:all_of_it"\n').diagnostics[1:]


RECORD = types.Record((types.RecordField("a", types.INT), types.RecordField("b", types.STRING)))
SMALLER = types.Record((types.RecordField("a", types.FLOAT),))
OPEN = types.Record((types.RecordField("a", types.INT), types.RecordField("z", types.optional(types.INT))))
ENUM = types.Enum(("x", "y"))


@pytest.mark.parametrize(
    ("given_type", "wanted", "passes"),
    [
        (types.INT, types.FLOAT, True),
        (types.FLOAT, types.INT, False),
        (types.JSON, RECORD, True),
        (RECORD, types.JSON, True),
        (types.STRING, ENUM, True),
        (ENUM, types.STRING, True),
        (ENUM, types.Enum(("y", "z")), True),
        (ENUM, types.Enum(("z",)), False),
        (types.STRING, types.optional(types.STRING), True),
        (types.optional(types.STRING), types.STRING, False),
        (types.NULL, types.optional(types.STRING), True),
        (types.ListOf(types.STRING), types.ListOf(ENUM), True),
        (types.MapOf(types.INT), types.MapOf(types.STRING), False),
        (RECORD, SMALLER, True),
        (SMALLER, RECORD, False),
        (RECORD, OPEN, True),
        (RECORD, types.MapOf(types.STRING), False),
        (types.MapOf(types.INT), SMALLER, True),
        (types.Secret(types.STRING), types.STRING, True),
        (types.Secret(types.STRING), types.Secret(types.STRING), True),
        (types.STRING, types.Secret(types.STRING), True),
        (types.DURATION, types.STRING, False),
    ],
)
def test_what_may_pass_between_an_agent_and_its_function(
    given_type: types.Type, wanted: types.Type, passes: bool
) -> None:
    assert may_pass(given_type, wanted) is passes


def test_unbound_agents_are_listed_at_once(tmp_path: Path) -> None:
    (wrong,) = bound(tmp_path, "").diagnostics
    assert wrong.code.number == "E603"
    assert wrong.message == "these agents are not bound: `read`, `trips.book`"
    assert wrong.help is not None and "[agents.trips.book]" in wrong.help and "approve" not in wrong.help


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "it cannot be read: it is not UTF-8"),
        (b"#" * 300_000, "it is larger than 256 KiB"),
        (b"x = " + b"[" * 50_000, "it is nested too deeply"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "flow.toml"
    path.write_bytes(content)
    (wrong,) = read_config(path).diagnostics
    assert (wrong.code.number, wrong.message) == ("E604", message)


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    (wrong,) = read_config(tmp_path).diagnostics
    assert wrong.message == "it cannot be read: Is a directory"


def test_entries(tmp_path: Path) -> None:
    path = tmp_path / "flow.toml"
    path.write_text('[agents.a.b]\ncommand = ["x"]\n[agents]\n"c.d" = { python = "m.n:f" }\r\n')
    config = read_config(path)
    assert config.entries == {"a.b": CommandEntry(command=("x",)), "c.d": PythonEntry(python="m.n:f")}


KEYS = st.sampled_from(["a", "b", "agents", '"x.y"', "'q'"])
VALUES = st.sampled_from(
    ['"text"', "1", "[\n  1,\n  2,\n]", '"""\n[not.a.header]\na = 1\n"""', "{ x = 1 }", "# no"]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(KEYS.map("[{}]".format), st.tuples(KEYS, VALUES).map(" = ".join)), max_size=12))
def test_every_file_is_read_without_an_exception(statements: list[str]) -> None:
    text = "\n".join(statements)
    label = label_of(Source("flow.toml", text), ("agents", "a", "x"))
    assert 0 <= label.span.start <= len(text)
