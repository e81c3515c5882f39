"""What holds of every feature on every text: nothing raises, what is edited parses, a rename keeps the
meaning.

All flow files that the tests and the examples have, as they are and with pieces cut out of them, at many
places of each."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.checking import check_texts
from support.cursors import applied

from flowlang.ide.actions import actions
from flowlang.ide.calls import called_at, incoming, outgoing
from flowlang.ide.completion import complete
from flowlang.ide.hints import hints
from flowlang.ide.hover import code_at, hover
from flowlang.ide.meaning import mentions
from flowlang.ide.navigation import definition, highlights, implementations, references, type_definition
from flowlang.ide.prefix import read_prefix
from flowlang.ide.rename import Refusal, prepare_rename, rename
from flowlang.ide.signature import signature_help
from flowlang.ide.snapshot import Snapshot
from flowlang.plan.lower import lower
from flowlang.syntax.declaration import parse_declaration
from flowlang.text.source import Span

ROOT = Path(__file__).parent
FILES = sorted([*ROOT.glob("cases/**/*.flow"), *ROOT.glob("../examples/**/*.flow")])
VALID = ROOT / "cases/valid"
DESK = {name: (VALID / name).read_text(encoding="utf-8") for name in ("desk.flow", "trips.flow")}


def snapshot_of(texts: dict[str, str], path: str) -> Snapshot:
    return Snapshot(path, check_texts(texts, path))


def use_everything(snapshot: Snapshot, offset: int) -> None:
    """Ask each feature at one place; what it gives lies in the file."""
    end, files = len(snapshot.text), {snapshot.path: snapshot}
    found = complete(snapshot, offset, files)
    assert 0 <= found.word.start <= found.word.end <= end
    hover(snapshot, offset)
    code_at(snapshot, offset)
    signature_help(snapshot, offset)
    for target in (*definition(snapshot, offset), *type_definition(snapshot, offset)):
        assert target.path
    implementations(snapshot, offset)
    assert all(h.span.end <= end for h in highlights(snapshot, offset))
    assert all(r.span.end <= end for r in references(files, snapshot, offset))
    called = called_at(snapshot, offset)
    if called is not None:
        incoming(files, called)
        outgoing(files, called)
    prepare_rename(snapshot, offset)


@pytest.mark.parametrize("path", FILES[::4], ids=lambda path: path.stem)
def test_no_feature_raises_in_any_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")[:20_000]
    snapshot = snapshot_of({path.name: text}, path.name)
    places = random.Random(path.name).choices(range(-1, len(text) + 2), k=4)
    for offset in places:
        use_everything(snapshot, offset)
    assert all(0 <= hint.offset <= len(text) for hint in hints(snapshot))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_feature_raises_in_a_text_with_pieces_cut_out(data: st.DataObject) -> None:
    text = DESK["desk.flow"]
    start = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.sampled_from((1, 1, 2, 5, 20, 200)))
    put = data.draw(st.sampled_from(("", "", "(", "{", '"', ".", "${", "x", "\n", "}")))
    cut = text[:start] + put + text[start + length :]
    snapshot = snapshot_of({**DESK, "desk.flow": cut}, "desk.flow")
    use_everything(snapshot, min(start + len(put), len(cut)))
    for action in actions(snapshot, Span(start, min(start + 3, len(cut)))):
        applied({"desk.flow": cut}, action.edits)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(DESK["desk.flow"])))
def test_a_beginning_with_its_ending_parses(offset: int) -> None:
    """What is put behind a name at a cursor completes the statement, wherever the cursor is."""
    text = DESK["desk.flow"]
    start = text.rfind("\nflow", 0, offset) + 1
    if start == 0 or text[start:].startswith("///"):
        return
    prefix = read_prefix(text[start:offset])
    if prefix.takes_name and prefix.string is None and not re.search(r"\w\Z", prefix.mended):
        whole = prefix.mended + "x" + prefix.ending + "\n}" * prefix.blocks
        assert not parse_declaration(whole).diagnostics, whole


# Edits


def test_every_action_leaves_text_that_parses() -> None:
    snapshot = snapshot_of(DESK, "desk.flow")
    text = snapshot.text
    words = [match.span() for match in re.finditer(r"\w+(?:\.\w+|\([^()\n]*\))*", text)]
    for start, end in random.Random(1).sample(words, 60):
        for action in actions(snapshot, Span(start, end)):
            after = applied(DESK, action.edits)
            found = snapshot_of(after, "desk.flow")
            assert not any(d.code.number.startswith("E1") for d in found.diagnostics), action


def names_of(snapshot: Snapshot) -> Iterator[tuple[int, str]]:
    for item in snapshot.tree.items:
        for mention in mentions(snapshot, item):
            if mention.declares:
                yield mention.span.start, mention.meaning.name


def test_a_rename_keeps_the_meaning() -> None:
    """The plan of the renamed program is that of the program, but for the name."""
    for path in DESK:
        snapshots = {each: snapshot_of(DESK, each) for each in DESK}
        names = sorted(names_of(snapshots[path]))
        for offset, name in random.Random(path).sample(names, min(16, len(names))):
            found = rename(snapshots, snapshots[path], offset, f"{name}_renamed")
            if isinstance(found, Refusal):
                continue
            after = applied(DESK, found)
            assert plan_of(after).replace("_renamed", "") == plan_of(DESK), name


def plan_of(texts: dict[str, str]) -> str:
    """The plan of the desk as text, without the places of its parts."""
    checked = check_texts(texts, "desk.flow")
    assert not checked.has_errors
    return json.dumps(without_places(lower(checked).model_dump(mode="json")))


def without_places(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: without_places(each)
            for key, each in value.items()
            if key not in ("at", "sha256", "fingerprint")
        }
    return [without_places(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "text",
    [
        "flow f() {\n" + ") when . ( } = " * 1_000,
        "flow f() {\n  let a = " + "(" * 5_000,
        "flow f() {\n" + "  step a = do {" * 1_000,
        'flow f() {\n  let a = "' + "${x} " * 2_000,
        "flow f() {\n  let a = a" + ".b" * 1_000,
        "flow f() {\n" + "".join(f"  step a{number} = {number}\n" for number in range(500)),
        "\U0001f600 flow \ud800 f(\r\n\t\x00) {\ufeff",
        "",
    ],
    ids=["soup", "deep", "blocks", "holes", "dots", "steps", "characters", "empty"],
)
def test_no_feature_raises_in_a_strange_text(text: str) -> None:
    snapshot = snapshot_of({"main.flow": text}, "main.flow")
    for offset in (0, len(text) // 2, len(text), len(text) + 7):
        use_everything(snapshot, offset)
    hints(snapshot)
