"""Plans that somebody has garbled: each is answered, shown, repaired and, where it is sound, lowered."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.planning import FOLDER, USING, check_plan

from flowlang.planning.document import plain
from flowlang.planning.yaml_text import read_yaml_text
from flowlang.text.render import render_all
from flowlang.text.report import as_json
from flowlang.tools.converting import converted
from flowlang.tools.frontend import NotRunnable, lowered, sources
from flowlang.tools.plan_repairs import with_repairs

YAML = (FOLDER / "everything.yaml").read_text(encoding="utf-8")
TEXTS = {"plan.yaml": YAML, "plan.json": json.dumps(plain(read_yaml_text(YAML)), indent=1)}
WORDS = """
${ } results . null [ ] { } : - 1 -1 true agent_id steps loop &a *a | > \\ é item inputs while ?. ! # => " '
results.find search(query:1) agents.search Good match x=>x 99999999999999999999
"""
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from([*WORDS.split(), "\n", ""])),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("name", TEXTS)
@given(edits=EDITS)
@settings(max_examples=60, deadline=None)
def test_a_garbled_plan_is_answered(name, edits):
    text = TEXTS[name]
    for where, removed, word in edits:
        at = int(where * len(text))
        text = text[:at] + word + text[at + removed :]
    checked = check_plan(text, name)
    read = sources(checked)
    assert render_all(checked.diagnostics, read) or not checked.diagnostics
    for value in with_repairs(as_json(checked.diagnostics, read), checked.diagnostics, read):
        json.dumps(value)
    if checked.has_errors:
        return
    assert lowered(checked).plan is not None
    try:
        converted(checked, "flow", plans=USING)
    except NotRunnable as refused:
        assert [d.code.slug for d in refused.diagnostics] == ["cannot-convert"]
