"""Plans as data: what they may call, whether they are sound, and running one within bounds.

The plan comes from a model, so nothing in it is trusted: which agents there are, which of them are allowed
and how much they may be called stands here, where the model cannot write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import flowlang
from flowlang.agents import effect
from flowlang.planning.model import execution_plan_schema
from flowlang.tools.converting import converted
from flowlang.tools.frontend import check_text
from flowlang.tools.plan_files import surroundings_of
from flowlang.tools.plan_limits import held

HERE = Path(__file__).parent
PLAN = str(HERE / "plan.json")
MAX_CALLS = 20
BOUNDS = flowlang.PlanSettings(
    use=(str(HERE / "office.py"),),
    allow=("search", "read", "shorten"),
    max_calls=MAX_CALLS,
    max_time=60_000_000,  # microseconds
)


@dataclass
class Problem:
    """A mistake in a plan: where it is, what is wrong, what to do, and a JSON Patch where one is known."""

    pointer: str
    message: str
    help: str | None
    patch: str | None


@effect("pure")
def catalogue() -> str:
    """What a model has to know: the schema of a plan, and the agents that it may call."""
    agents = []
    for library in surroundings_of(PLAN, BOUNDS).agents.libraries:
        for name, agent in library.callables().items():
            if agent is not None and name in (BOUNDS.allow or ()):
                parameters = [parameter.name for parameter in agent.parameters]
                agents.append({"agent_id": name, "parameters": parameters, "doc": agent.declared.doc})
    return json.dumps({"schema": execution_plan_schema(), "agents": agents})


@effect("pure")
def check(plan: str) -> list[Problem]:
    """What is wrong with a plan, all of it at once."""
    return [
        Problem(
            found["pointer"] or "",
            found["message"],
            found["help"],
            json.dumps(found["repair"]) if found["repair"] else None,
        )
        for found in flowlang.problems(plan, PLAN, plans=BOUNDS)
        if found["severity"] == "error"
    ]


@effect("read")
async def run(plan: str) -> str:
    """The result of a plan, which may call what is allowed, and not more often."""
    prepared = held(flowlang.prepare(flowlang.compile(PLAN, text=plan, plans=BOUNDS)), MAX_CALLS)
    result = await prepared.run()
    if result.failure is not None:
        raise RuntimeError(f"the plan failed: {result.failure.message}")
    return result.data if isinstance(result.data, str) else json.dumps(result.data)


@effect("pure")
def as_flow(plan: str) -> str:
    """The plan as people read it."""
    return "\n" + converted(check_text(plan, PLAN, plans=BOUNDS), "flow", plans=BOUNDS)
