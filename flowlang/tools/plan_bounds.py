"""How much a plan may do, as far as that can be proved before it runs.

The most calls of a run are a formula over its inputs (`plan/bounds.py`). Where it is a number, a plan that
may make too many is refused; where it is not, the run is held to it (`plan_limits`). A limit in time is a
`timeout` of the flow."""

from __future__ import annotations

from flowlang.plan import model as plan
from flowlang.semantics.check import Checked
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Span
from flowlang.tools.frontend import lowered
from flowlang.tools.plan_files import surroundings_of
from flowlang.tools.plan_settings import PlanSettings


def found_over_limit(checked: Checked, settings: PlanSettings | None) -> list[Diagnostic]:
    """What is wrong with the number of calls of a checked plan."""
    entry = checked.project.entry
    most = surroundings_of(entry, settings).settings.max_calls
    made = lowered(checked).plan
    if most is None or made is None or made.main is None:
        return []
    found = over_limit(made, made.main, most, entry)
    return [found] if found else []


def over_limit(compiled: plan.Plan, flow: str, max_calls: int, path: str) -> Diagnostic | None:
    """What is wrong with a plan that may make more calls than are allowed, as far as that is known."""
    bounds = compiled.flows[flow].bounds
    known = sum(bound.calls for bound in bounds.values() if bound.calls is not None)
    if known <= max_calls:
        return None
    listed = " · ".join(f"{agent} ≤ {bound.formula}" for agent, bound in bounds.items())
    verb = "is" if max_calls == 1 else "are"
    message = f"this plan may make {known:,} calls of agents, and {max_calls:,} {verb} allowed"
    at = Label(Span(0, 0), "", Anchor(path))
    return Diagnostic(codes.OVER_LIMIT, message, at, help=f"shorten loops and retries: {listed}")


def within(compiled: plan.Plan, flow: str, max_time: int) -> plan.Plan:
    """The plan with a flow that ends after so many microseconds, unless its own timeout is shorter."""
    found = compiled.flows[flow]
    own = found.timeout
    if isinstance(own, plan.Constant) and isinstance(own.value, int) and own.value <= max_time:
        return compiled
    timeout = plan.Constant(value=max_time, unit="duration")
    bounded = found.model_copy(update={"timeout": timeout})
    return compiled.model_copy(update={"flows": {**compiled.flows, flow: bounded}})
