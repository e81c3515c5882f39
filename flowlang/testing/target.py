"""What a test is about: one flow of a plan, however it was named."""

from __future__ import annotations

import os
from functools import cache, cached_property
from typing import TypeAlias

import attrs

from flowlang.hosts.simulator.simulation import link_simulated
from flowlang.plan.model import Flow, Plan
from flowlang.runtime.program import Program
from flowlang.testing.plans import Written
from flowlang.tools.frontend import compile_plan

FlowLike: TypeAlias = Plan | Written | str | os.PathLike[str]
"""A plan, a made-up one, or the path of a flow file."""


@attrs.frozen
class Target:
    plan: Plan = attrs.field(repr=False)
    name: str

    @property
    def flow(self) -> Flow:
        return self.plan.flows[self.name]

    @cached_property
    def program(self) -> Program:
        """The plan, linked once: in a large one that takes as long as a run."""
        return link_simulated(self.plan)


def target_of(flow: FlowLike, name: str | None = None) -> Target:
    """The flow of this name, else the one that runs where none is named.

    Raises NotRunnable where the file has mistakes, and ValueError where it has no such flow."""
    compiled = _compiled(flow)
    chosen = name or compiled.main
    if chosen in compiled.flows:
        return Target(compiled, chosen)
    known = ", ".join(compiled.flows) or "none"
    wanted = f"there is no flow `{chosen}`" if chosen else "none of its flows is `main`, so name one"
    raise ValueError(f"{wanted}; it has {known}")


def _compiled(flow: FlowLike) -> Plan:
    match flow:
        case Plan():
            return flow
        case Written():
            return flow.plan
        case _:
            return _of_file(os.path.abspath(flow))


@cache
def _of_file(path: str) -> Plan:
    return compile_plan(path)
