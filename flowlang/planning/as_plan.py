"""The tree of a flow -> a plan, where a plan can say it.

The way back of `translation`, field by field: what has no field is named in `CannotConvert`. Names are told
apart again: a step is `results.NAME`, a parameter `inputs.NAME`, a constant `let` `metadata.NAME`. Literals
become values and everything else text in `${…}`, so that reading the plan gives the same tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, assert_never

import attrs

from flowlang.planning.declarations import FORBIDDEN, forbidden
from flowlang.planning.expressions import bound_names
from flowlang.planning.literals import interpolation_text
from flowlang.planning.names import NAME, OWN, is_name
from flowlang.planning.trees import Maker
from flowlang.planning.values import has_one_hole, template_text
from flowlang.semantics import facts, types
from flowlang.semantics.types import Type
from flowlang.syntax import ast
from flowlang.syntax.printer import print_expression, print_type
from flowlang.text.source import Span

Value: TypeAlias = Any
"""A JSON value."""

Fields: TypeAlias = dict[str, Value]
Roots: TypeAlias = Mapping[str, str]
"""name -> what stands before it in a plan: `results`, `inputs`, `metadata`, or "" for the item of a loop"""


OTHER_TASKS: dict[type[ast.Node], str] = {
    ast.Choose: "`choose`",
    ast.Match: "`match` as a task",
    ast.If: "`if` as a task",
    ast.Race: "`race`",
    ast.Sleep: "`sleep`",
    ast.SleepUntil: "`sleep`",
    ast.WaitFor: "`wait for`",
    ast.FailWith: "`fail`",
}


class CannotConvert(Exception):
    """What a plan cannot say, and what to do; `span` counts from the start of the flow."""

    def __init__(self, span: Span, what: str, help: str) -> None:
        super().__init__(what)
        self.span, self.message, self.help = span, f"a plan has no {what}", help


def plan_of(tree: ast.FlowDecl, known: facts.Facts, declared: Mapping[str, ast.AgentDecl]) -> Fields:
    """A flow as the value of a plan. `known` is what the checker found; `declared` are the agents of the same
    file. Raises CannotConvert."""
    writer = _Writer(known, declared)
    roots = {param.name.name: "inputs" for param in tree.signature.params}
    lets = [s for s in tree.body.statements if isinstance(s, ast.Let) and _is_constant(s.value)]
    roots |= {let.name.name: "metadata" for let in lets}
    rest = [statement for statement in tree.body.statements if statement not in lets]
    fields: Fields = {"plan_id": tree.name.name}
    if tree.doc:
        fields["intent"] = tree.doc
    if tree.signature.params:
        fields["inputs"] = {param.name.name: writer.input(param) for param in tree.signature.params}
    if lets:
        fields["metadata"] = {let.name.name: writer.value(let.value, {}, None) for let in lets}
    if tree.policies:
        fields["timeout"] = writer.time(tree.policies[0].duration)
    return fields | writer.body(rest, tree.body.in_order, roots, tree.span)


@attrs.frozen(eq=False)
class _Writer:
    facts: facts.Facts
    declared: Mapping[str, ast.AgentDecl]

    def input(self, param: ast.Param) -> Value:
        if name := next(forbidden(param.type), None):
            raise CannotConvert(param.type.span, f"input that is a `{name}`", FORBIDDEN[name])
        text = print_type(param.type)
        fields: Fields = {"type": text}
        if param.default is not None:
            fields["default"] = self.value(param.default, {}, None)
        if param.doc:
            fields["description"] = param.doc
        return fields if len(fields) > 1 else text

    # Blocks

    def body(self, statements: Sequence[ast.Statement], in_order: bool, roots: Roots, span: Span) -> Fields:
        """The fields of a block: its steps, how they run and what they give."""
        above, last = list(statements[:-1]), next(reversed(statements), None)
        if not isinstance(last, ast.Return | ast.Yield | ast.Next):
            raise CannotConvert(span, "block without a result", "end it with `return`, `yield` or `next`")
        names = [step.name.name for step in above if isinstance(step, ast.Step)]
        inner = {**roots, **dict.fromkeys(names, "results")}
        fields: Fields = {"strategy": "sequential"} if in_order else {}
        fields["steps"] = [self.statement(statement, inner) for statement in above]
        if not fields["steps"]:
            help = "a plan has at least one step that calls an agent"
            raise CannotConvert(span, "block without steps", help)
        if isinstance(last, ast.Return) and last.when is not None:
            raise CannotConvert(last.span, "`return … when`", "give the steps below it a condition")
        if not _gives_all(last.task, names):
            output = self.value(self.expression(last.task), inner, None)
            fields["output"] = "${null}" if output is None else output
        return fields

    def statement(self, statement: ast.Statement, roots: Roots) -> Fields:
        if isinstance(statement, ast.Step):
            return self.step(statement, roots)
        word = type(statement).__name__.lower()
        help = "write its expression where its name stands" if word == "let" else "keep it as a flow"
        raise CannotConvert(statement.span, f"`{word}`", help)

    def step(self, step: ast.Step, roots: Roots) -> Fields:
        name = step.name.name
        if not is_name(name):
            raise CannotConvert(step.name.span, f"step called `{name}`", "give it another name")
        if step.annotation is not None:
            raise CannotConvert(step.annotation.span, "types of steps", "drop the type")
        fields: Fields = {"step_id": name}
        if step.doc:
            fields["description"] = step.doc
        own, inside = self.task(step.task, name, roots)
        return fields | own | self.clauses(step.clauses, name, roots, inside)

    def task(self, task: ast.Task, name: str, roots: Roots) -> tuple[Fields, bool]:
        """What a step does, and whether its clauses about calls stand at a call inside of a loop."""
        match task:
            case ast.Call():
                return self.call(task, roots), False
            case ast.Do(body=body):
                return self.body(body.statements, body.in_order, roots, task.span), False
            case ast.ForEach():
                return self.for_each(task, roots), True
            case ast.While():
                return self.while_(task, name, roots), True
        help = "move it into a flow of its own, which the plan calls like an agent"
        raise CannotConvert(task.span, OTHER_TASKS.get(type(task), "step that only computes"), help)

    # Loops

    def for_each(self, task: ast.ForEach, roots: Roots) -> Fields:
        if task.second or task.where or task.tolerating:
            odd = task.second or task.where or task.tolerating
            assert odd is not None
            help = "filter the list before, and leave the index out"
            raise CannotConvert(odd.span, "index, `where` or `tolerating` in a loop", help)
        item = task.first.name
        if item in OWN:
            raise CannotConvert(task.first.span, f"item called `{item}`", "give it another name")
        loop: Fields = {"type": "for_each", "items": self.items(task.source, roots), "item": item}
        if task.in_order:
            loop["max_parallel"] = 1
        elif task.at_once is not None:
            loop["max_parallel"] = self.count(task.at_once)
        return {"loop": loop, **self.round(task.body, {**roots, item: ""})}

    def items(self, source: ast.Expr, roots: Roots) -> Value:
        found = self.value(source, roots, None)
        return found if isinstance(found, list) else self.text(source, roots)

    def while_(self, task: ast.While, name: str, roots: Roots) -> Fields:
        odd: ast.Node | None = task.every or (task.condition if task.or_fail else None) or task.annotation
        if odd is None and not isinstance(task.initial, ast.NullLiteral):
            odd = task.initial
        if odd is None and task.state.name != name:
            odd = task.state
        if odd is not None:
            help = f"write `while …, at most n times, from {name} = null`"
            raise CannotConvert(odd.span, "such `while`: its state is the step's last result, or null", help)
        inner = {**roots, name: "results"}
        condition = self.text(task.condition, inner)
        loop = {"type": "while", "condition": condition, "max_iterations": self.count(task.limit)}
        return {"loop": loop, **self.round(task.body, inner)}

    def round(self, body: ast.Block, roots: Roots) -> Fields:
        """The body of a loop: one call, or a group."""
        match body.statements:
            case (ast.Yield(task=ast.Call() as call) | ast.Next(task=ast.Call() as call),):
                return self.call(call, roots)
            case (
                ast.Step(name=ast.Ident(name="call")) as step,
                ast.Yield(task=ast.Name(name="call")) | ast.Next(task=ast.Name(name="call")),
            ) if isinstance(step.task, ast.Call) and step.clauses and not step.doc and not step.annotation:
                fields = self.call(step.task, roots)
                return fields | self.clauses(step.clauses, "call", {**roots, "call": "results"}, False)
        return self.body(body.statements, body.in_order, roots, body.span)

    # Calls

    def call(self, call: ast.Call, roots: Roots) -> Fields:
        target = self.facts.symbols.get(call.callee.id)
        if not isinstance(target, facts.Callable):
            help = "a step of a plan calls an agent or has steps of its own"
            raise CannotConvert(call.span, "step that only computes", help)
        name = call.callee.name.name if isinstance(call.callee, ast.Member) else target.declared.name
        fields: Fields = {"agent_id": name}
        parameters: Fields = {}
        for argument in call.arguments:
            assert argument.name is not None, "agents are called with named arguments"
            parameter = target.parameter(argument.name.name)
            value = self.expression(argument.value)
            parameters[argument.name.name] = self.value(value, roots, parameter.type if parameter else None)
        if parameters:
            fields["parameters"] = parameters
        if isinstance(call.callee, ast.Name) and (breaker := self.breaker(name)):
            fields["circuit_breaker"] = breaker
        return fields

    def breaker(self, agent: str) -> Fields | None:
        """The breaker of an agent of the same file, if a step of a plan can ask for it."""
        declaration = self.declared.get(agent)
        policies = declaration.policies if declaration else ()
        found = next((policy for policy in policies if isinstance(policy, ast.Breaker)), None)
        if found is None or print_expression(found.within) != print_expression(found.reset):
            return None
        return {"failure_threshold": self.count(found.failures), "reset_timeout": self.time(found.reset)}

    def clauses(self, clauses: Sequence[ast.Clause], name: str, roots: Roots, inside: bool) -> Fields:
        """The fields of clauses. Of a loop, those about calls stand at its call."""
        fields: Fields = {}
        for clause in clauses:
            field, value = self.clause(clause, name, roots)
            if field in fields:
                raise CannotConvert(clause.span, f"second `{field}`", "handle all errors in one `catch`")
            if inside and field in ("retry_policy", "fallback", "undo", "idempotency_key"):
                what = f"`{type(clause).__name__.lower()}` of a whole loop"
                raise CannotConvert(clause.span, what, "give it to the step inside of the loop")
            if value is not None:
                fields[field] = value
        return fields

    def clause(self, clause: ast.Clause, name: str, roots: Roots) -> tuple[str, Value]:
        match clause:
            case ast.When(condition=condition, otherwise=None):
                return "condition", self.text(condition, roots)
            case ast.When():
                raise CannotConvert(clause.span, "`otherwise`", "use `??` where the result is used")
            case ast.After(names=names):
                return "dependencies", [ident.name for ident in names]
            case ast.Timeout(duration=duration, per_attempt=False):
                return "timeout", self.time(duration)
            case ast.Timeout():
                raise CannotConvert(clause.span, "`per attempt`", "give the agent a `timeout`")
            case ast.Key(value=value):
                return "idempotency_key", self.value(value, roots, types.STRING)
            case ast.Retry():
                return "retry_policy", self.retry(clause)
            case ast.Catch():
                return "fallback", self.fallback(clause, roots)
            case ast.Undo(task=ast.Call() as call):
                return "undo", self.call(call, {**roots, name: "results"})
            case ast.Undo():
                raise CannotConvert(clause.span, "`undo` that is no call", "call an agent or a flow")
            case ast.Finally():
                raise CannotConvert(clause.span, "`finally`", "keep it as a flow")
            case _:
                assert_never(clause)

    def retry(self, clause: ast.Retry) -> Fields:
        odd = clause.within or clause.until
        if odd is not None:
            raise CannotConvert(odd.span, "`within` and `until`", "bound the step with `timeout`")
        fields: Fields = {"max_retries": self.count(clause.times) + 1}
        if clause.backoff is not None:
            shape = clause.backoff.shape
            fields |= {"backoff_type": shape} if shape not in (None, "exponential") else {}
            fields["initial_delay"] = self.time(clause.backoff.initial)
            if clause.backoff.maximum is not None:
                fields["max_delay"] = self.time(clause.backoff.maximum)
        if clause.errors:
            fields["retry_on"] = [error.name.name for error in clause.errors]
        return fields

    def fallback(self, clause: ast.Catch, roots: Roots) -> Fields:
        if clause.binding is not None:
            raise CannotConvert(clause.binding.span, "`as` of a `catch`", "leave the failure out")
        fields: Fields = {}
        match clause.handler:
            case ast.Call() as call if isinstance(self.facts.symbols.get(call.callee.id), facts.Callable):
                fields = self.call(call, roots)
            case handler:
                fields["value"] = self.value(self.expression(handler), roots, None)
        if clause.errors:
            fields["on"] = [error.name.name for error in clause.errors]
        return fields

    # Values and expressions

    def value(self, expr: ast.Expr, roots: Roots, wanted: Type | None) -> Value:
        """An expression as a value that reads back as it."""
        inside = types.present(wanted) if wanted is not None else None
        if inside == types.JSON:
            return self.json(expr, roots)
        match expr:
            case ast.Interpolation(parts=parts):
                text = template_text(p if isinstance(p, str) else (self.text(p, roots),) for p in parts)
                return self.hole(expr, roots) if has_one_hole(text) else text
            case ast.DurationLiteral(text=text) if inside == types.DURATION:
                return text
            case ast.ListLiteral(items=items):
                item = inside.item if isinstance(inside, types.ListOf) else None
                return [self.value(each, roots, item) for each in items]
            case ast.RecordLiteral():
                return self.object(expr, roots, inside)
        return _plain(expr) if _is_plain(expr) else self.hole(expr, roots)

    def json(self, expr: ast.Expr, roots: Roots) -> Value:
        """An expression of type `json` as the value that is read as it."""
        if isinstance(expr, ast.Cast) and print_type(expr.type) == "json":
            try:
                return self.part_of_json(expr.value, roots)
            except _NoValue:
                pass
        return self.hole(expr, roots)

    def part_of_json(self, expr: ast.Expr, roots: Roots) -> Value:
        """What becomes `json` with what it stands in; see `Values.part_of_json`. Raises _NoValue."""
        match expr:
            case ast.ListLiteral(items=items) if all(map(_is_json, items)):
                return [self.json(item, roots) for item in items]
            case ast.RecordLiteral(entries=entries) if all(isinstance(e, ast.Entry) for e in entries):
                return {e.name.name: self.part_of_record(e.value, roots) for e in entries}  # type: ignore[union-attr]
            case ast.RecordLiteral(entries=entries) if (keys := _odd_keys(entries)) and all(
                _is_json(entry.value) for entry in entries
            ):
                return {key: self.json(entry.value, roots) for key, entry in zip(keys, entries, strict=True)}
            case ast.Interpolation():
                text = self.value(expr, roots, None)
                if not has_one_hole(text):
                    return text
        if _is_plain(expr):
            return _plain(expr)
        raise _NoValue

    def part_of_record(self, expr: ast.Expr, roots: Roots) -> Value:
        try:
            return self.part_of_json(expr, roots)
        except _NoValue:
            return self.hole(expr, roots)

    def object(self, expr: ast.RecordLiteral, roots: Roots, wanted: Type | None) -> Value:
        """A record or a map. What would be read as the other one, or has a `...`, is written as text."""
        fields: Fields = {}
        for entry in expr.entries:
            match entry:
                case ast.Entry(name=name, value=value) if not isinstance(wanted, types.MapOf):
                    inner = wanted.field(name.name) if isinstance(wanted, types.Record) else None
                    fields[name.name] = self.value(value, roots, inner)
                case ast.KeyEntry(key=ast.StringLiteral(value=key), value=value) if (
                    isinstance(wanted, types.MapOf) and key not in fields
                ):
                    fields[key] = self.value(value, roots, wanted.value)
                case _:
                    return self.hole(expr, roots)
        return fields

    def hole(self, expr: ast.Expr, roots: Roots) -> str:
        text = f"${{{self.text(expr, roots)}}}"
        if has_one_hole(text):
            return text
        raise CannotConvert(expr.span, "braces so deep in an expression", "give a part of it to a step")

    def text(self, expr: ast.Expr, roots: Roots) -> str:
        """An expression as a plan writes it."""
        bound = dict(bound_names(expr))
        make = Maker()

        def replace(node: ast.Node, moved: Callable[[Any], Any]) -> ast.Node | None:
            match node:
                case ast.Name(name=name) if name not in bound.get(node, {name}) and roots.get(name):
                    return make.member(node.span, make.name(node.span, roots[name]), name)
                case ast.Entry(name=name, value=value, short=True):
                    is_same = isinstance(moved(value), ast.Name)
                    return make(ast.Entry, node.span, moved(name), moved(value), is_same)
                case ast.Interpolation(parts=parts):
                    pieces = moved(parts)
                    return make(ast.Interpolation, node.span, pieces, interpolation_text(pieces))
            return None

        return print_expression(make.again(expr, lambda span: span, replace))

    def expression(self, task: ast.Node) -> ast.Expr:
        """A task that is an expression and calls nothing."""
        block_tasks = ast.ForEach | ast.While | ast.Choose | ast.Do | ast.Race | ast.WaitFor | ast.Sleep
        calls = any(
            isinstance(node, ast.Call) and isinstance(self.facts.symbols.get(node.callee.id), facts.Callable)
            for node in ast.walk(task)
        )
        if calls or isinstance(task, block_tasks | ast.SleepUntil | ast.FailWith | ast.Lambda):
            raise CannotConvert(task.span, "call or block here", "give it a step of its own")
        return task  # type: ignore[return-value]

    def time(self, expr: ast.Expr) -> str:
        if isinstance(expr, ast.DurationLiteral):
            return expr.text
        raise CannotConvert(expr.span, "computed times", "write a constant, such as `30s`")

    def count(self, expr: ast.Expr) -> int:
        if isinstance(expr, ast.IntLiteral):
            return expr.value
        raise CannotConvert(expr.span, "computed bounds", "write a constant")


class _NoValue(Exception):
    """An expression that no value is read as."""


def _is_plain(expr: ast.Expr) -> bool:
    if isinstance(expr, ast.Unary):
        return expr.operator == "-" and isinstance(expr.operand, ast.IntLiteral | ast.FloatLiteral)
    kinds = ast.NullLiteral | ast.BoolLiteral | ast.IntLiteral | ast.FloatLiteral | ast.StringLiteral
    return isinstance(expr, kinds)


def _plain(expr: ast.Expr) -> Value:
    """The value of a literal."""
    match expr:
        case ast.StringLiteral(value=text):
            return template_text([text])
        case ast.BoolLiteral(value=value) | ast.IntLiteral(value=value) | ast.FloatLiteral(value=value):
            return value
        case ast.Unary(operand=ast.IntLiteral(value=value) | ast.FloatLiteral(value=value)):
            return -value
    return None


def _odd_keys(entries: Sequence[ast.Node]) -> list[str]:
    """The keys of a map that an object is read as because one of them is no name; else none."""
    keys = [
        e.key.value for e in entries if isinstance(e, ast.KeyEntry) and isinstance(e.key, ast.StringLiteral)
    ]
    is_map = len(set(keys)) == len(entries) and not all(NAME.fullmatch(key) for key in keys)
    return keys if is_map else []


def _is_json(expr: ast.Expr) -> bool:
    """Whether an item of a list in `json` is written so that it is read the same."""
    is_cast = isinstance(expr, ast.Cast) and print_type(expr.type) == "json"
    return is_cast or not (_is_plain(expr) or isinstance(expr, ast.ListLiteral | ast.RecordLiteral))


def _is_constant(value: ast.Expr) -> bool:
    return not any(isinstance(node, ast.Name | ast.Call) for node in ast.walk(value))


def _gives_all(task: ast.Node, names: Sequence[str]) -> bool:
    """Whether a block gives the record of all its steps, as it does where a plan has no `output`."""
    if not isinstance(task, ast.RecordLiteral):
        return False
    given = [
        entry.name.name
        for entry in task.entries
        if isinstance(entry, ast.Entry)
        and isinstance(entry.value, ast.Name)
        and entry.value.name == entry.name.name
    ]
    return given == list(names) and len(given) == len(task.entries)
