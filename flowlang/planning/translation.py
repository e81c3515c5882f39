"""A plan -> the tree that a `.flow` file has: one flow, the agents that it calls, and its imports.

Nothing is checked here but what the tree cannot say: the shape of the document, which ids there are and what
expressions may name. Types, order, errors and bounds are the checker's business, which points into the
document because every node stands where its part of the document does.

All spans count from the start of the file, as if each declaration began there."""

from __future__ import annotations

from collections.abc import Iterable

from flowlang.planning.agents import Agents, NoAgent
from flowlang.planning.declarations import UsedAgents, aliases_in, imports, input_type, wanted_of
from flowlang.planning.document import Node, Scalar
from flowlang.planning.expressions import Expressions, Scope
from flowlang.planning.model import ExecutionPlan
from flowlang.planning.names import as_name, unique
from flowlang.planning.places import placed
from flowlang.planning.reading import Part, Plan, read_document, read_plan
from flowlang.planning.steps import Steps, documentation, report_unknown
from flowlang.planning.trees import Maker
from flowlang.planning.values import Hints, Values
from flowlang.semantics.namespace import BUILT_IN
from flowlang.syntax import ast
from flowlang.syntax.parser import key_of
from flowlang.syntax.parser import unique as unique_key
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Problems
from flowlang.text.source import Source, Span

NO_HINTS = Hints()


def module_of(source: Source, agents: Agents, hints: Hints = NO_HINTS) -> ast.Module:
    """The tree of a plan, with all that is wrong with it as data. Never raises.

    `hints` are what the checker said of an earlier tree of the same plan; see `hints_of`."""
    problems = Problems()
    node = read_document(source.path, source.text, problems)
    plan = read_plan(node, problems) if node is not None else Plan(None, ())
    if plan.part is None:
        _look_at_steps(agents, plan, problems)
        return ast.Module(source, (), (), tuple(problems.found))
    used = UsedAgents(problems)
    values = Values(source.text, Expressions(agents, Maker(), problems), hints)
    flow = _flow(values, agents, plan.part, plan, used)
    own = list(used.declarations())
    aliases = {alias for tree in (flow, *own) for alias in aliases_in(tree)}
    items: list[ast.Item] = []
    keys: dict[str, int] = {}
    for declaration in (*imports(agents.libraries, aliases), *own, flow):
        found = tuple(sorted(problems.found, key=lambda d: d.primary.span)) if declaration is flow else ()
        parsed = ast.Parsed(declaration, (), found, "")
        items.append(ast.Item(unique_key(key_of(declaration), keys), 0, parsed))
    return ast.Module(source, tuple(items), (), ())


def hints_of(found: Iterable[Diagnostic]) -> Hints:
    """What the checker's diagnostics of a plan say about how its values are to be read."""
    mistakes = list(found)
    needless = (d for d in mistakes if d.code == codes.NEEDLESS_HANDLING and "`json`" in d.message)
    return Hints(
        frozenset(d.primary.span for d in mistakes if d.code == codes.TYPE_MISMATCH),
        frozenset(d.primary.span for d in needless),
    )


def _flow(
    values: Values, agents: Agents, part: Part[ExecutionPlan], plan: Plan, used: UsedAgents
) -> ast.FlowDecl:
    make = values.expressions.make
    aliases = [library.alias for library in agents.libraries]
    whole = Span(0, len(values.source))
    inputs = _named(part.says.inputs, aliases, "input")
    metadata = _named(part.says.metadata, [*aliases, *inputs.values()], "metadata")
    scope = Scope(inputs=inputs, metadata=metadata)
    steps = Steps(values, agents, used, frozenset(aliases))
    params = tuple(_param(part, name, inputs[name], values) for name in part.says.inputs)
    body = steps.body(plan.steps, part.node, part.says.strategy, scope, ast.Return)
    constants = _constants(part, metadata, body, values)
    at = part.at("plan_id").span
    name = unique(as_name(part.says.plan_id, "plan"), [*used.declared, *aliases, *BUILT_IN])
    return make(
        ast.FlowDecl,
        whole,
        make.ident(at, name),
        make(ast.Signature, at, params, make(ast.InferredType, at), None),
        _policies(part, values),
        make(ast.Block, whole, (*constants, *body.statements), body.in_order),
        documentation(part.says.intent),
    )


def _named(ids: Iterable[str], taken: list[str], otherwise: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for id in sorted(ids, key=lambda id: as_name(id, otherwise) != id):
        names[id] = unique(as_name(id, otherwise), [*taken, *names.values()])
    return {**{name: name for name in names.values()}, **names}


def _param(part: Part[ExecutionPlan], id: str, name: str, values: Values) -> ast.Param:
    make = values.expressions.make
    entry = part.node.get("inputs")
    says = part.says.inputs[id]
    node = part.at("inputs", id)
    typed = node if isinstance(says, str) else part.at("inputs", id, "type")
    assert isinstance(typed, Scalar)
    text = placed(typed, values.source)
    type = input_type(make, text, values.expressions.agents, values.expressions.problems)
    default = None
    if not isinstance(says, str) and "default" in says.model_fields_set:
        default = values.value(part.at("inputs", id, "default"), Scope(), wanted_of(type))
    at = _key_span(entry, id)
    doc = None if isinstance(says, str) else documentation(says.description)
    return make(ast.Param, at.to(node.span), make.ident(at, name), type, default, doc)


def _key_span(node: Node | None, key: str) -> Span:
    entry = node.entry(key) if node is not None and hasattr(node, "entry") else None
    assert entry is not None
    span: Span = entry.key.span
    return span


def _constants(
    part: Part[ExecutionPlan], names: dict[str, str], body: ast.Block, values: Values
) -> tuple[ast.Let, ...]:
    """The metadata that expressions mention, as constants of the flow."""
    mentioned = {node.name for node in ast.walk(body) if isinstance(node, ast.Name)}
    make = values.expressions.make
    made: list[ast.Let] = []
    for id in part.says.metadata:
        if names[id] in mentioned:
            node, at = part.at("metadata", id), _key_span(part.node.get("metadata"), id)
            value = values.value(node, Scope())
            made.append(make(ast.Let, at.to(node.span), make.ident(at, names[id]), None, value))
    return tuple(made)


def _policies(part: Part[ExecutionPlan], values: Values) -> tuple[ast.Timeout, ...]:
    if part.says.timeout is None:
        return ()
    node = part.at("timeout")
    return (values.expressions.make(ast.Timeout, node.span, values.time(node), False),)


def _look_at_steps(agents: Agents, plan: Plan, problems: Problems) -> None:
    """Of a plan that is wrong outside of its steps, at least say which agents there are not."""
    for step in plan.steps:
        if step.part is not None and step.part.says.agent_id is not None:
            agent = agents.find(step.part.says.agent_id)
            if isinstance(agent, NoAgent):
                report_unknown(agent, step.part.at("agent_id"), problems)
