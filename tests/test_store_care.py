"""Care of a store: what is damaged is found, what is pruned is not missed, what is exported comes back."""

from __future__ import annotations

import io
import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

import flowlang
from flowlang.hosts.sqlite.artifacts import Artifacts, artifacts_of
from flowlang.hosts.sqlite.checking import check
from flowlang.hosts.sqlite.pruning import compact, prune
from flowlang.hosts.sqlite.records import NewRun
from flowlang.hosts.sqlite.store import FINAL, Store
from flowlang.runtime.journal import Commit, Ending, Row
from flowlang.tools import cli

FLOW = """
agent write(text: string) -> file effect idempotent
agent long(n: int) -> string effect idempotent
ask approve(draft: file) -> bool

flow main(n: int) -> file {
  step text = long(n: n)
  step made = write(text: text)
  return made
}

flow asks() -> { ok: bool, draft: file } {
  step draft = write(text: "a draft")
  step ok = approve(draft: draft)
  return { ok: ok, draft: draft }
}
"""


def write(text: str) -> flowlang.File:
    return flowlang.File.from_bytes(text[:100].encode(), "text/plain")


def long(n: int) -> str:
    return f"{n} " * 40_000


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOW_STORE", str(tmp_path / "runs.db"))
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "tools.py").write_text(
        "import flowlang\n\ndef write(text: str) -> flowlang.File:\n"
        '    return flowlang.File.from_bytes(text[:100].encode(), "text/plain")\n'
    )
    (tmp_path / "flow.toml").write_text('[agents.write]\npython = "tools:write"\n')
    return tmp_path


def prepared(flow: str) -> flowlang.Prepared:
    agents: dict[str, Any] = {"write": write, **({"long": long} if flow == "main" else {})}
    return flowlang.prepare(flowlang.compile("main.flow"), flow=flow, agents=agents)


def carry_out(*numbers: int, asks: bool = False) -> None:
    async def runs() -> None:
        async with flowlang.Engine.open("runs.db", durability="none") as engine:
            for n in numbers:
                async with engine.start(prepared("main"), {"n": n}, run_id=f"r{n}") as run:
                    assert (await run.result()).status == "done"
            if asks:
                async with engine.started(prepared("asks"), {}, run_id="asks", wait=False) as run:
                    assert (await run.result()).status == "waiting"

    trio.run(runs)


def problems() -> list[str]:
    with Store.open(Path("runs.db"), "none") as store:
        return [*check(store)]


def flow(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.invoke(arguments)
    return code, *capfd.readouterr()


# Check

DAMAGE = {
    "UPDATE journal SET outcome = replace(outcome, 'sha', 'sah') WHERE run = 1": "row 3 of the journal",
    "UPDATE journal SET at = at + 1 WHERE run = 2 AND seq = 1": "row 1 of the journal of run `asks` is not",
    "UPDATE blobs SET text = text || ' '": "is not what was written",
    "DELETE FROM blobs": "row 2 of the journal of run `r1` is not what was written",
    "UPDATE plans SET json = json || ' '": "is not what was written",
    "DELETE FROM plans": "is not what was written",
    "UPDATE runs SET inputs = '{}' WHERE number = 1": "what run `r1` began with is not what was written",
    "UPDATE runs SET result = replace(result, 'done', 'none')": "the result of run `r1` is not what was",
    "UPDATE inbox SET value = 'false'": "message 1 is not what was written",
    "INSERT INTO replies VALUES (x'00', 1, 'null', 0)": "cached reply 00 is not what was written",
}


@pytest.mark.parametrize("statement", DAMAGE)
def test_damage_is_found(project: Path, statement: str, capfd: pytest.CaptureFixture[str]) -> None:
    carry_out(1, asks=True)
    with Store.open(Path("runs.db"), "none") as store:
        store.put_answer(2, "ok", "true", 0)
    assert problems() == []
    with Store.open(Path("runs.db"), "none") as store:
        store.database.connection.execute(statement)
    assert any(DAMAGE[statement] in problem for problem in problems()), problems()
    code, _, err = flow(capfd, "store", "check")
    assert code == 1 and DAMAGE[statement] in err


def test_damaged_and_missing_contents_are_found(project: Path) -> None:
    carry_out(1, asks=True)
    contents = Artifacts(artifacts_of(project / "runs.db"))
    one, other = map(contents.path, contents.hashes())
    one.chmod(0o600)
    one.write_bytes(b"?" * one.stat().st_size)
    other.unlink()
    found = problems()
    assert len(found) == 2
    assert "is missing" in found[0] and "is damaged: its content has another hash" in found[1]


def test_torn_pages_are_found(project: Path) -> None:
    carry_out(1, 2, 3)
    with Store.open(Path("runs.db"), "none") as store:
        compact(store)
    content = bytearray(Path("runs.db").read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 8] = b"\xff" * 8
    Path("runs.db").write_bytes(content)
    assert problems()


# Prune


def test_what_goes_and_what_stays(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    carry_out(1, 2, asks=True)
    code, out, _ = flow(capfd, "store", "prune", "--older-than", "1h")
    assert (code, out[:14]) == (0, "gone: 0 runs w")
    said = "2 runs with 6 rows, 2 large values, 1 plans, 0 cached replies, 2 files (200 bytes)"
    for _ in range(2):
        code, out, _ = flow(capfd, "store", "prune", "--older-than", "0s", "--dry-run")
        assert (code, out.strip()) == (0, f"would go: {said}")
    assert (
        flow(capfd, "store", "prune", "--older-than", "0s", "--status", "failed")[1][:14] == "gone: 0 runs w"
    )
    code, out, _ = flow(capfd, "store", "prune", "--older-than", "0s")
    assert (code, out.strip()) == (0, f"gone: {said}")
    assert problems() == []
    with Store.open(Path("runs.db"), "none") as store:
        assert [run.id for run in store.runs()] == ["asks"]
        before, after = compact(store)
    assert after < before
    assert flow(capfd, "answer", "asks/ok", "true")[0] == 0
    code, out, err = flow(capfd, "resume", "asks", "--json", "--quiet")
    assert code == 0, err
    assert Path(json.loads(out)["artifacts"][0]["path"]).read_text() == "a draft"


RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "ended": st.one_of(st.none(), st.integers(0, 9)),
            "status": st.sampled_from(FINAL),
            "plan": st.integers(0, 2),
            "values": st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=4),
        }
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(runs=RUNS, before=st.integers(0, 10), statuses=st.sets(st.sampled_from(FINAL)))
def test_nothing_referred_to_is_lost(
    tmp_path_factory: pytest.TempPathFactory, runs: list[dict[str, Any]], before: int, statuses: set[str]
) -> None:
    path = tmp_path_factory.mktemp("store") / "runs.db"
    contents = Artifacts(artifacts_of(path), synced=False)
    with Store.open(path, "none") as store, store.new_owner() as owner:
        for index, run in enumerate(runs):
            make(store, owner, contents, index, run)
        contents.unpin("dead.1")
        gone = prune(store, before=before, statuses=sorted(statuses))
        kept = [r for r in runs if r["ended"] is None or r["ended"] >= before or r["status"] not in statuses]
        assert gone.runs == len(runs) - len(kept)
        assert len(store.runs()) == len(kept)
        assert [*check(store)] == []
        wanted = {n for run in kept for n, _ in run["values"]}
        assert {*contents.hashes()} == {content(n).hash for n in wanted}
        count = "SELECT (SELECT count(*) FROM blobs), (SELECT count(*) FROM plans)"
        blobs = {n for run in kept for n, large in run["values"] if large}
        plans = {run["plan"] for run in kept}
        assert store.database.connection.execute(count).fetchone() == (len(blobs), len(plans))


def content(number: int) -> flowlang.File:
    return flowlang.File.from_bytes(f"content {number}".encode(), "text/plain")


def make(store: Store, owner: Any, contents: Artifacts, index: int, run: dict[str, Any]) -> None:
    """A run whose rows refer to files; the `large` of them in blobs."""
    lease = store.create(NewRun(f"r{index}", "main", f'"plan {run["plan"]}"', "{}", 0), owner)
    rows = []
    for seq, (number, large) in enumerate(run["values"], 1):
        file = content(number)
        contents.put(file.hash, b"content %d" % number, "dead.1")
        outcome = {"value": file.reference(), "padding": " " * (70_000 if large else 0)}
        rows.append(Row(seq, "call", "a", 0, json.dumps(outcome, separators=(",", ":"))))
    ending = None if run["ended"] is None else Ending(run["ended"], run["status"], "{}")
    assert store.write_all([Commit(lease, rows, ending=ending)]) == [None]


def test_pruning_beside_runs_that_go_on(project: Path) -> None:
    """The same contents are put, referred to and pruned again and again."""
    ended = threading.Event()
    pruned = []

    def prune_again_and_again() -> None:
        with Store.open(Path("runs.db"), "none") as store:
            while not ended.is_set():
                pruned.append(prune(store, before=1 << 62))

    async def runs() -> None:
        async with flowlang.Engine.open("runs.db", durability="none") as engine, trio.open_nursery() as all:
            flow = prepared("main")
            for each in range(4):
                all.start_soon(rounds, engine, flow, each)

    async def rounds(engine: flowlang.Engine, flow: flowlang.Prepared, each: int) -> None:
        for round in range(8):
            async with engine.start(flow, {"n": round % 3}, run_id=f"{each}.{round}") as run:
                assert (await run.result()).status == "done"

    carry_out(1)
    pruner = threading.Thread(target=prune_again_and_again)
    pruner.start()
    try:
        trio.run(runs)
    finally:
        ended.set()
        pruner.join()
    assert problems() == []
    with Store.open(Path("runs.db"), "none") as store:
        left = len(store.runs())
        assert sum(each.runs for each in pruned) == 33 - left
        assert sum(each.files for each in pruned) > 0
        last = prune(store, before=1 << 62)
        assert last.runs == left
    assert not [*Artifacts(artifacts_of(project / "runs.db")).hashes()]


def test_what_the_living_have_pinned_stays(project: Path) -> None:
    contents = Artifacts(artifacts_of(project / "runs.db"))
    file = content(1)
    with Store.open(Path("runs.db"), "none") as store:
        with store.new_owner() as owner:
            contents.put(file.hash, b"content 1", f"{owner.name}.1")
            assert prune(store, before=0).files == 0
        assert prune(store, before=0).files == 1


# Export


def test_a_run_whose_content_is_gone_is_not_exported(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    carry_out(7)
    contents = Artifacts(artifacts_of(project / "runs.db"))
    contents.path(*contents.hashes()).unlink()
    code, _, err = flow(capfd, "store", "export", "r7", "r7.jsonl")
    assert code == 1 and "cannot be read: No such file or directory" in err
    assert not Path("r7.jsonl").exists()


def test_a_run_moves_to_another_store(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    carry_out(7, asks=True)
    Store.open(Path("other.db"), "none").close()
    for run in ("r7", "asks"):
        assert flow(capfd, "store", "export", run, f"{run}.jsonl")[0] == 0
        assert flow(capfd, "store", "import", f"{run}.jsonl", "--store", "other.db")[0] == 0
    with Store.open(Path("runs.db"), "none") as here, Store.open(Path("other.db"), "none") as there:
        for run in ("r7", "asks"):
            one, other = here.find(run), there.find(run)
            assert here.journal(one.number) == there.journal(other.number)
            assert here.result(one.number) == there.result(other.number)
            assert [wait for _, wait in here.waits(one.number)] == [w for _, w in there.waits(other.number)]
        assert [*check(there)] == []
    code, _, err = flow(capfd, "store", "import", "r7.jsonl", "--store", "other.db")
    assert code == 1 and "there is a run `r7` already" in err
    assert flow(capfd, "answer", "asks/ok", "true", "--store", "other.db")[0] == 0
    code, out, err = flow(capfd, "resume", "asks", "--json", "--quiet", "--store", "other.db")
    assert code == 0, err
    [draft] = json.loads(out)["artifacts"]
    assert Path(draft["path"]).read_text() == "a draft" and "other.db-artifacts" in draft["path"]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_spoiled_export_is_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("store")
    whole = bytearray(exported())
    place = data.draw(st.integers(0, len(whole) - 2))
    if data.draw(st.booleans()):
        del whole[place:]
    else:
        whole[place] ^= data.draw(st.integers(1, 255))
    (folder / "spoiled").write_bytes(whole)
    Store.open(folder / "runs.db", "none").close()
    assert cli.invoke(["store", "import", str(folder / "spoiled"), "--store", str(folder / "runs.db")]) == 1
    with Store.open(folder / "runs.db", "none") as store:
        assert store.runs() == []


EXPORTED: list[bytes] = []


def exported() -> bytes:
    """A run that waits, with a file and an answer that it has not heard of."""
    return EXPORTED[0]


@pytest.fixture(autouse=True)
def exported_once(project: Path) -> None:
    if not EXPORTED:
        carry_out(asks=True)
        with Store.open(Path("runs.db"), "none") as store:
            store.put_answer(1, "ok", "true", 0)
        assert cli.invoke(["store", "export", "asks", "asks.jsonl"]) == 0
        EXPORTED.append(Path("asks.jsonl").read_bytes())
        for left in project.glob("runs.db*"):
            if left.is_file():
                left.unlink()


def test_a_run_moves_to_a_store_that_is_not_there_yet(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    carry_out(1)
    assert flow(capfd, "store", "export", "r1", "r1.jsonl")[0] == 0
    code, out, _ = flow(capfd, "store", "import", "r1.jsonl", "--store", "far/new.db")
    assert code == 0 and "imported run r1" in out
    assert flow(capfd, "store", "check", "--store", "far/new.db")[0] == 0


@pytest.mark.parametrize("cut", [0, 40, -9])
def test_an_import_that_fails_makes_no_store(
    project: Path, capfd: pytest.CaptureFixture[str], cut: int
) -> None:
    Path("cut.jsonl").write_bytes(exported()[:cut])
    before = sorted(project.iterdir())
    code, _, err = flow(capfd, "store", "import", "cut.jsonl", "--store", "far/new.db")
    assert code == 1 and "the file cannot be imported" in err
    code, out, _ = flow(capfd, "store", "import", "cut.jsonl", "--json", "--store", "new.db")
    assert code == 1 and json.loads(out)["error"]["code"] == "no_export"
    assert sorted(project.iterdir()) == before


def test_a_run_moves_through_a_pipe(
    project: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out(1)
    assert cli.invoke(["store", "export", "r1", "-"]) == 0
    written, said = capfdbinary.readouterr()
    assert said.startswith(b"wrote run r1, ")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(written)))
    assert cli.invoke(["store", "import", "-", "--store", "new.db"]) == 0
    assert b"`flow show r1 --store new.db`" in capfdbinary.readouterr()[0]
    assert cli.invoke(["store", "check", "--store", "new.db"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["export", "r9", "x"], 1, "there is no run `r9`"),
        (["export", "r1", "main.flow"], 1, "main.flow: File exists"),
        (["export", "r1", "no/where"], 1, "no/where: No such file or directory"),
        (["import", "gone"], 2, "'gone' does not exist"),
        (["import", "main.flow", "--store", "new.db"], 1, "the file cannot be imported: "),
        (["import", "main.flow"], 1, "cannot be imported: it is no run that was exported"),
        (["import", "halved.jsonl"], 1, "cannot be imported: line 2 is cut off or damaged"),
        (["export", "r1", "-", "--json"], 2, "that is where the run goes"),
        (["prune", "--older-than", "soon"], 2, "such as 30d or 12h"),
        (["prune", "--older-than", "-1d"], 2, "negative"),
        (["prune"], 2, "Missing option '--older-than'"),
        (["path"], 0, "runs.db"),
        (["check"], 0, "runs.db is sound"),
        (["compact"], 0, "before"),
    ],
)
def test_commands(
    project: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    carry_out(1)
    head, row, *_ = exported().splitlines(keepends=True)
    Path("halved.jsonl").write_bytes(head + row[:-9])
    found, out, err = flow(capfd, "store", *arguments)
    assert found == code and said in out + err, out + err
    assert "Traceback" not in err
