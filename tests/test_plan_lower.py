"""Lowering: what expressions, tasks and declarations become."""

from __future__ import annotations

import re
from pathlib import Path

from flowlang.plan import model as plan
from support.cases import UPDATING
from support.plans import outline, plan_of, plan_of_file

EXPRESSIONS = Path(__file__).parent / "cases" / "plan" / "expressions.flow"


def test_types_choose_the_operation():
    text = EXPRESSIONS.read_text(encoding="utf-8")
    lines = text.splitlines()
    for flow in plan_of_file(EXPRESSIONS).flows.values():
        for statement in flow.body.statements:
            assert isinstance(statement, plan.Let)
            number = statement.at.line - 1
            source, _, expected = lines[number].partition("  //= ")
            found = outline(statement.value)
            if UPDATING:
                lines[number] = f"{source}  //= {found}"
            else:
                assert found == expected, f"line {number + 1}: {source.strip()}"
    if UPDATING:
        EXPRESSIONS.write_text("\n".join(lines) + "\n", encoding="utf-8")
