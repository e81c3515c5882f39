"""Plans in tests: checked with the agents of `tests/cases/planning/agents.flow`, or with others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flowlang.plan.model import Plan
from flowlang.semantics.check import Checked
from flowlang.tools.frontend import check_text, compile_plan
from flowlang.tools.plan_settings import PlanSettings

FOLDER = Path(__file__).parent.parent / "cases/planning"
AGENTS = str(FOLDER / "agents.flow")
USING = PlanSettings(use=(AGENTS,))


def check_plan(text: str, name: str = "plan.yaml", settings: PlanSettings = USING) -> Checked:
    """Check a plan as if it stood beside the agents."""
    return check_text(text, str(FOLDER / name), plans=settings)


def compiled(text: str, name: str = "plan.yaml", settings: PlanSettings = USING) -> Plan:
    return compile_plan(FOLDER / name, text=text, plans=settings)


def found_in(text: str, name: str = "plan.yaml", settings: PlanSettings = USING) -> list[tuple[str, str]]:
    """What is found in a plan: each slug with the text that it points at."""
    diagnostics = check_plan(text, name, settings).diagnostics
    return [(d.code.slug, text[d.primary.span.start : d.primary.span.end]) for d in diagnostics]


def plan_of(*steps: dict[str, Any], **fields: Any) -> str:
    """A plan in JSON."""
    return json.dumps({"plan_id": "test", "steps": list(steps), **fields})
