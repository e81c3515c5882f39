"""`flow convert`: a plan as a flow, a flow as a plan.

A plan becomes the text of the tree that it is anyway. A flow becomes a plan where a plan can say it; its
agents are then those of the flow's own file: `--use main.flow`."""

from __future__ import annotations

import os
from typing import Literal, TypeAlias

import attrs

from flowlang.planning.agents import Library
from flowlang.planning.as_flow import flow_text
from flowlang.planning.as_plan import CannotConvert, plan_of
from flowlang.planning.document import plain
from flowlang.planning.reading import read_document
from flowlang.planning.type_trees import Unwritable
from flowlang.planning.writing import Form, plan_text
from flowlang.semantics.check import Checked, CheckedModule
from flowlang.semantics.facts import Callable
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label, Problems
from flowlang.text.source import Anchor, Source, Span
from flowlang.text.suggest import did_you_mean
from flowlang.tools.frontend import NotRunnable, check_file, sources
from flowlang.tools.plan_files import surroundings_of
from flowlang.tools.plan_settings import PlanSettings, is_plan

Target: TypeAlias = Literal["flow", "yaml", "json"]


def convert(
    path: str,
    target: Target,
    *,
    flow: str | None = None,
    plans: PlanSettings | None = None,
    folder: str | None = None,
) -> str:
    """A file in another form. `flow` names one of several flows; `folder` is where the result will stand, if
    that is another one. Raises NotRunnable where the file has mistakes, or says what the form cannot."""
    return converted(check_file(path, plans=plans), target, flow=flow, plans=plans, folder=folder)


def converted(
    checked: Checked,
    target: Target,
    *,
    flow: str | None = None,
    plans: PlanSettings | None = None,
    folder: str | None = None,
) -> str:
    """`convert`, of what has been checked."""
    if checked.has_errors:
        raise NotRunnable(checked.diagnostics, sources(checked))
    module = checked.modules[checked.project.entry]
    if not is_plan(checked.project.entry):
        return _flow_as(checked, module, flow, target)
    if target != "flow":
        return _plan_as(module.module.source, target)
    agents = surroundings_of(checked.project.entry, plans).agents
    if folder is not None:
        agents = attrs.evolve(
            agents, libraries=tuple(_from(library, module, folder) for library in agents.libraries)
        )
    try:
        return flow_text(module.module, _flow_in(module, None)[1], agents)
    except Unwritable as problem:
        raise _refused(checked, Span(0, 0), str(problem), None) from None


def _from(library: Library, module: CheckedModule, folder: str) -> Library:
    """A library as it is named from another folder."""
    here = os.path.join(os.path.dirname(os.path.abspath(module.module.source.path)), library.target)
    return attrs.evolve(library, target=os.path.relpath(here, os.path.abspath(folder)).replace(os.sep, "/"))


def _plan_as(source: Source, target: Form) -> str:
    """A plan in the other of its forms."""
    node = read_document(source.path, source.text, Problems())
    assert node is not None, "it has been checked"
    value = plain(node)
    assert isinstance(value, dict), "it has been checked"
    return plan_text(value, target)


def _flow_as(checked: Checked, module: CheckedModule, wanted: str | None, target: Target) -> str:
    try:
        item, _ = _flow_in(module, wanted)
    except LookupError as problem:
        raise _refused(checked, Span(0, 0), str(problem), None, codes.NOTHING_TO_RUN) from None
    if target == "flow":
        raise _refused(checked, Span(0, 0), "this is a flow already", "name `--to yaml` or `--to json`")
    tree = item.declaration
    assert isinstance(tree, ast.FlowDecl)
    agents = {
        other.declaration.name.name: other.declaration
        for other in module.module.items
        if isinstance(other.declaration, ast.AgentDecl)
    }
    try:
        value = plan_of(tree, module.facts[item.key], agents)
    except CannotConvert as problem:
        raise _refused(checked, problem.span.shifted(item.offset), problem.message, problem.help) from None
    return plan_text(value, target)


def _flow_in(module: CheckedModule, wanted: str | None) -> tuple[ast.Item, Callable]:
    """The flow of a name, else the one called `main`, else the only one. Raises LookupError."""
    flows: dict[str, tuple[ast.Item, Callable]] = {}
    for item in module.module.items:
        shown = module.entries[item.key].facts.interface
        if isinstance(item.declaration, ast.FlowDecl) and isinstance(shown, Callable):
            flows[item.declaration.name.name] = item, shown
    name = wanted or ("main" if "main" in flows else next(iter(flows)) if len(flows) == 1 else None)
    if name in flows:
        return flows[name]
    known = ", ".join(f"`{flow}`" for flow in flows) or "none"
    if name is None:
        raise LookupError(f"which flow? there are {known}")
    raise LookupError(f"there is no flow `{name}`; {did_you_mean(name, flows) or f'there are {known}'}")


def _refused(
    checked: Checked, span: Span, message: str, help: str | None, code: codes.Code = codes.CANNOT_CONVERT
) -> NotRunnable:
    label = Label(span, "", Anchor(checked.project.entry))
    return NotRunnable([Diagnostic(code, message, label, help=help)], sources(checked))
