"""Plans as data, case by case: `tests/cases/planning/*.yaml` say beside each line what is found there.

The agents that they may call stand in `agents.flow` beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cases import UPDATING, blessed, differences, found_in
from support.planning import FOLDER, check_plan

from flowlang.text.render import apply_edits
from flowlang.text.source import Source

CASES = sorted(FOLDER.glob("*.yaml"))
MARKS = ("error[", "warning[")


def as_flow_comments(text: str) -> str:
    for mark in MARKS:
        text = text.replace(f"# {mark}", f"// {mark}")
    return text


def as_yaml_comments(text: str) -> str:
    for mark in MARKS:
        text = text.replace(f"// {mark}", f"# {mark}")
    return text


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path):
    text = path.read_text(encoding="utf-8")
    checked = check_plan(text, path.name)
    source = next(m.source for p, m in checked.project.modules.items() if p.endswith(path.name))
    found = found_in(source, checked.diagnostics)
    if UPDATING:
        path.write_text(as_yaml_comments(blessed(as_flow_comments(text), found)), encoding="utf-8")
        return
    wrong = differences(as_flow_comments(text), found)
    assert not wrong, "\n".join(wrong)
    assert all(d.path == source.path for d in checked.diagnostics)


HEAD = """\
plan_id: p
inputs: {topic: string}
steps:
  - step_id: a
    agent_id: read
    parameters:
      url: \
"""


@pytest.mark.parametrize(
    "value",
    [
        "a ${inputs.topc} b",
        '"a ${inputs.topc} b"',
        '"a \\"\\u00e9\\x41\\\n        ${inputs.topc} \\n b"',
        "'it''s ${inputs.topc}'",
        "|\n        first\n          ${inputs.topc}\n        last\n",
        ">-\n        first\n        ${inputs.topic +\n        inputs.topc}\n\n        last\n",
        "plain\n        over ${inputs.topc}\n        lines",
        "&x ${inputs.topc}",
        '${"${inputs.topc}"}',
        '${["a"].map(x => "${x}${inputs.topc}").join("")}',
    ],
)
def test_a_mistake_in_a_text_of_any_kind_has_its_exact_place(value):
    text = f"{HEAD}{value}\n"
    (found,) = check_plan(text).diagnostics
    assert (found.code.slug, text[slice(*found.primary.span)]) == ("unknown-name", "topc")
    assert found.fix is not None
    mended = apply_edits(Source("", text), found.fix)
    assert not check_plan(mended).diagnostics, mended
