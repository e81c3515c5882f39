"""The graph of a flow: its statements as nodes, what they wait for as edges, for drawing.

A step with a block, with arms or with branches is a group, and what stands in it are its children; edges
join nodes of one group only, since a statement waits for statements of its own block. An edge says why
there is one: a name is used (`data`), used by a guard alone (`guard`), written after `after`, or there is
a barrier above; `order` is the rest, which comes from `in order`. An edge that follows from others is
`implied`: it is true, and need not be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import attrs
from pydantic import JsonValue

from flowlang.plan import model as plan
from flowlang.plan.blocks import implied
from flowlang.plan.names import free_names
from flowlang.plan.text import expression_text, pattern_text, task_text, type_text
from flowlang.plan.walk import body_of

NodeKind: TypeAlias = Literal[
    "value", "call", "ask", "flow", "loop", "choice", "block", "race", "wait", "fail", "let", "barrier",
    "result", "ensure",
]  # fmt: skip
EdgeKind: TypeAlias = Literal["data", "guard", "after", "barrier", "order"]


@attrs.frozen(kw_only=True)
class Node:
    """`id` is the way to it by names, `parent` the id of its group. `head` is what it does in one line,
    `notes` are its clauses. `arms` says that its children stand for each other, and have no order."""

    id: str
    parent: str | None
    kind: NodeKind
    name: str
    head: str
    at: plan.Place | None
    wave: int = 0
    notes: tuple[str, ...] = ()
    type: str | None = None
    effect: str | None = None
    group: bool = False
    arms: bool = False


@attrs.frozen
class Edge:
    source: str
    target: str
    kind: EdgeKind
    implied: bool


@attrs.frozen
class Graph:
    """`sources` are the paths that places refer to."""

    flow: str
    signature: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    sources: tuple[str, ...]

    def children(self) -> dict[str | None, list[Node]]:
        """The nodes of each group in the order of the source; those of the flow itself under None."""
        found: dict[str | None, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.parent, []).append(node)
        return found


def graph(compiled: plan.Plan, flow_name: str) -> Graph:
    """The graph of a flow; calls of other flows are single nodes. Raises KeyError for an unknown flow."""
    flow = compiled.flows[flow_name]
    builder = _Builder(compiled.agents)
    builder.block(flow.body, None)
    parameters = ", ".join(f"{p.name}: {type_text(p.type)}" for p in flow.parameters)
    signature = f"({parameters}) -> {type_text(flow.result)}"
    sources = tuple(source.path for source in compiled.sources)
    return Graph(flow_name, signature, tuple(builder.nodes), tuple(builder.edges), sources)


def to_json(drawn: Graph) -> JsonValue:
    """A graph as JSON: nodes with their places as path and line, and edges."""
    return {
        "flow": drawn.flow,
        "signature": drawn.signature,
        "nodes": [_node_json(node, drawn.sources) for node in drawn.nodes],
        "edges": [attrs.asdict(edge) for edge in drawn.edges],
    }


def _node_json(node: Node, sources: tuple[str, ...]) -> JsonValue:
    made: dict[str, JsonValue] = attrs.asdict(node, filter=lambda field, _: field.name != "at")
    made["notes"] = list(node.notes)
    if node.at is not None:
        made["at"] = {"path": sources[node.at.source], "line": node.at.line, "column": node.at.column}
    return made


@attrs.frozen
class _Builder:
    agents: Mapping[str, plan.Agent]
    nodes: list[Node] = attrs.field(factory=list)
    edges: list[Edge] = attrs.field(factory=list)

    def block(self, block: plan.Block, parent: str | None) -> None:
        for statement in block.statements:
            self.statement(statement, parent)
        self.edges.extend(_edges(block, parent))

    def statement(self, statement: plan.AnyStatement, parent: str | None) -> None:
        match statement:
            case plan.Step(task=task, type=type, effect=effect):
                node = self.node(statement, parent, self.kind(task), task_text(task))
                self.add(
                    attrs.evolve(
                        node,
                        notes=tuple(_notes(statement)),
                        type=type_text(type),
                        effect=_effect(effect),
                    ),
                    task,
                )
            case plan.Let(value=value, type=type):
                node = self.node(statement, parent, "let", expression_text(value))
                self.nodes.append(attrs.evolve(node, type=type_text(type)))
            case plan.Result(name=name, task=task):
                self.add(self.node(statement, parent, "result", f"{name.strip('!')} {task_text(task)}"), task)
            case plan.ReturnWhen(condition=when, task=task):
                head = f"return {task_text(task)} when {expression_text(when)}"
                self.add(self.node(statement, parent, "barrier", head), task)
            case plan.Require(condition=condition):
                head = f"require {expression_text(condition)}"
                self.nodes.append(self.node(statement, parent, "barrier", head))
            case plan.FailWhen(condition=condition, failure=failure):
                head = task_text(failure) + (f" when {expression_text(condition)}" if condition else "")
                self.nodes.append(self.node(statement, parent, "barrier", head))
            case plan.Ensure(condition=condition):
                head = f"ensure {expression_text(condition)}"
                self.nodes.append(self.node(statement, parent, "ensure", head))

    def node(self, statement: plan.AnyStatement, parent: str | None, kind: NodeKind, head: str) -> Node:
        name = statement.name
        return Node(
            id=_id(parent, name), parent=parent, kind=kind, name=name, head=head, at=statement.at,
            wave=statement.wave,
        )  # fmt: skip

    def add(self, node: Node, task: plan.Task) -> None:
        """A node that stands for a task, with what is inside of that: the statements of a block, or arms."""
        arms = list(_arms(task))
        body = task.each.body if isinstance(task, plan.Race) and task.each else body_of(task)
        self.nodes.append(attrs.evolve(node, group=bool(arms) or body is not None, arms=bool(arms)))
        for index, (label, arm) in enumerate(arms):
            head = f"{label} {task_text(arm)}".strip()
            id, at = f"{node.id}|{index}", getattr(arm, "at", None)
            kind, effect = self.kind(arm), self.effect(arm)
            self.add(Node(id=id, parent=node.id, kind=kind, name="", head=head, effect=effect, at=at), arm)
        if body is not None:
            self.block(body, node.id)

    def effect(self, task: plan.Task) -> str | None:
        """The effect of a call; None for a pure one, and for what is no call."""
        agent = self.agents.get(task.agent) if isinstance(task, plan.CallAgent) else None
        return _effect(agent.effect) if agent is not None else None

    def kind(self, task: plan.Task) -> NodeKind:
        match task:
            case plan.CallAgent(agent=name):
                agent = self.agents.get(name)
                return "ask" if agent is not None and agent.asks else "call"
            case plan.CallFlow():
                return "flow"
            case plan.ForEach() | plan.While():
                return "loop"
            case plan.Choose() | plan.MatchTask():
                return "choice"
            case plan.Do():
                return "block"
            case plan.Race():
                return "race"
            case plan.Wait() | plan.Sleep():
                return "wait"
            case plan.Fail():
                return "fail"
            case plan.Evaluate():
                return "value"


def _effect(effect: str | None) -> str | None:
    return None if effect == "pure" else effect or "undeclared"


def _id(parent: str | None, name: str) -> str:
    return f"{parent}/{name}" if parent else name


def _arms(task: plan.Task) -> Iterator[tuple[str, plan.Task]]:
    match task:
        case plan.Choose(arms=arms, otherwise=otherwise):
            for arm in arms:
                yield f"when {expression_text(arm.condition)} →", arm.task
            if otherwise is not None:
                yield "else →", otherwise
        case plan.MatchTask(arms=cases):
            for case in cases:
                yield f"{pattern_text(case.pattern)} →", case.task
        case plan.Race(branches=branches):
            for branch in branches:
                yield "", branch


def _notes(step: plan.Step) -> Iterator[str]:
    if step.guard is not None:
        yield f"when {expression_text(step.guard)}"
    if step.retry is not None:
        yield f"retry {expression_text(step.retry.times)} times"
    if step.timeout is not None:
        yield f"timeout {expression_text(step.timeout)}"
    for catch in step.catches:
        yield f"catch {', '.join(catch.errors)}".rstrip() + f" → {task_text(catch.handler)}"
    if step.undo is not None:
        yield f"undo {task_text(step.undo)}"
    if step.finally_ is not None:
        yield "finally " + ", ".join(statement.name for statement in step.finally_.statements)


def _edges(block: plan.Block, parent: str | None) -> Iterator[Edge]:
    statements = {statement.name: statement for statement in block.statements}
    before = {name: [d for d in s.depends if d in statements] for name, s in statements.items()}
    needless = implied(before)
    for name, statement in statements.items():
        for source in before[name]:
            kind = _edge_kind(source, statement, statements)
            yield Edge(_id(parent, source), _id(parent, name), kind, (source, name) in needless)


def _edge_kind(
    source: str, target: plan.AnyStatement, statements: Mapping[str, plan.AnyStatement]
) -> EdgeKind:
    if isinstance(target, plan.Step):
        if source in _names(target.task, target.key, target.undo, target.otherwise):
            return "data"
        if target.guard is not None and source in free_names(target.guard):
            return "guard"
    if source in free_names(target):
        return "data"
    if isinstance(target, plan.Step) and source in target.after:
        return "after"
    barrier = isinstance(statements[source], plan.ReturnWhen | plan.FailWhen | plan.Require)
    return "barrier" if barrier else "order"


def _names(*parts: plan.Model | None) -> set[str]:
    return {name for part in parts if part is not None for name in free_names(part)}
