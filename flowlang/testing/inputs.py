"""Inputs of a flow: a value for each parameter, in JSON form, as `flow run` and `flowlang.run` take them."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import strategies as st

from flowlang.plan import model as plan
from flowlang.testing.target import FlowLike, target_of
from flowlang.testing.values import fitting
from flowlang.text.suggest import did_you_mean
from flowlang.values.codec import decode
from flowlang.values.value import Misfit, Value

Inputs: TypeAlias = dict[str, Value]


def inputs(flow: FlowLike | plan.Flow, name: str | None = None) -> st.SearchStrategy[Inputs]:
    """Inputs that fit a flow: the one of this name, or the main one. Some leave out what has a default.

    Raises NotRunnable where the file of a flow has mistakes, ValueError where it has no such flow."""
    chosen = flow if isinstance(flow, plan.Flow) else target_of(flow, name).flow
    required = {p.name: fitting(p.type) for p in chosen.parameters if p.required}
    others = {p.name: fitting(p.type) for p in chosen.parameters if not p.required}
    return st.fixed_dictionaries(required, optional=others)


def insist_on_inputs(flow: plan.Flow, given: Inputs) -> None:
    """Raises Misfit, which says so, where they are not those of the flow."""
    parameters = {parameter.name: parameter for parameter in flow.parameters}
    for name, value in given.items():
        if name not in parameters:
            hint = did_you_mean(name, parameters) or f"it takes {', '.join(parameters) or 'none'}"
            raise Misfit(f"the flow has no input `{name}`; {hint}")
        try:
            decode(value, parameters[name].type)
        except Misfit as misfit:
            raise Misfit(f"the input `{name}` does not fit: {misfit.told}") from None
    for name, parameter in parameters.items():
        if parameter.required and name not in given:
            raise Misfit(f"the flow needs the input `{name}`")
