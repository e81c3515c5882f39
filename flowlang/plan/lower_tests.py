"""Lower tests: a checked project -> the tests of its entry module, and the plan that they run on.

A condition is lowered twice: as a whole, to be evaluated, and in parts, so that a test that fails can show
what the parts were. A part is whatever an author would ask for next: names, members, calls and operations,
but no literal, and nothing that has a value only sometimes (the body of a function, an arm, what stands
behind `??`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final, Literal

import attrs

from flowlang.plan import model as plan
from flowlang.plan import tests
from flowlang.plan.lower import Lowering
from flowlang.plan.lower_expressions import Expressions
from flowlang.plan.lower_names import written_names
from flowlang.plan.lower_tasks import Tasks
from flowlang.semantics.check import Checked, CheckedModule
from flowlang.semantics.facts import Callable, EventName, Namespace, module_at
from flowlang.semantics.types import Type
from flowlang.syntax import ast


def lower_tests(checked: Checked) -> tests.Tests:
    """The tests of a project without errors."""
    lowering = Lowering.of(checked)
    entry = checked.project.entry
    module = checked.modules[entry]
    written = written_names(module.namespace, lowering.naming)
    found = tuple(
        _of_test(lowering, module, written, entry, item.key, item.declaration)
        for item in module.module.items
        if isinstance(item.declaration, ast.TestDecl)
    )
    return tests.Tests(lowering.lower(), found)


def _of_test(
    lowering: Lowering,
    module: CheckedModule,
    written: Mapping[str, str],
    path: str,
    key: str,
    tree: ast.TestDecl,
) -> tests.Test:
    places = lowering.places(path, key)
    expressions = _Expressions(module.entries[key].facts, lowering.naming, places, module)
    lines = _Lines(Tasks(expressions, lowering.reached), expressions, lowering, tree, written)
    return tests.Test(tree.name.value, tuple(lines.all()), places.of(tree), tree.doc)


@attrs.frozen
class _Expressions(Expressions):
    """Those of a test, in which `calls("read")` may stand, a name to the plan, and `file("content")`."""

    module: CheckedModule

    def _call(self, expr: ast.Call) -> plan.Expr:
        match self._built_in(expr):
            case "file":
                return self._file(expr)
            case "calls":
                return plan.Variable(name=tests.recorded(self._recorded_agent(expr)))
            case _:
                return super()._call(expr)

    def _built_in(self, expr: ast.Call) -> str | None:
        """The name of what is called, if no declaration stands behind it."""
        callee = expr.callee
        return callee.name if isinstance(callee, ast.Name) and self.symbol(callee) is None else None

    def is_built_in(self, tree: ast.Expr) -> bool:
        return isinstance(tree, ast.Call) and self._built_in(tree) is not None

    def _file(self, expr: ast.Call) -> plan.Expr:
        """A reference as there would be to that content; nothing keeps it."""
        texts = [a.value.value for a in expr.arguments if isinstance(a.value, ast.StringLiteral)]
        content, media_type = (
            texts[0].encode("utf-8", "surrogatepass"),
            texts[1] if texts[1:] else "text/plain",
        )
        hash = f"sha256:{sha256(content).hexdigest()}"
        fields = {"hash": hash, "size": len(content), "media_type": media_type}
        pairs = tuple(
            plan.Pair(key=plan.Constant(value=name), value=plan.Constant(value=value))
            for name, value in fields.items()
        )
        return plan.MakeObject(map=False, pairs=pairs, at=self.places.of(expr))

    def _recorded_agent(self, expr: ast.Call) -> str:
        """The agent whose calls an expression asks for, by its name in the plan."""
        name = expr.arguments[0].value
        assert isinstance(name, ast.StringLiteral), "the checker wants a constant"
        module, _, member = name.value.rpartition(".")
        names = self.module.namespace
        around = module_at(names, module)
        found = around.members[member] if isinstance(around, Namespace) else names[member]
        assert isinstance(found, Callable), "only agents are recorded"
        return self.naming.callable(found)


@attrs.frozen
class _Lines:
    tasks: Tasks
    expressions: _Expressions
    lowering: Lowering
    tree: ast.TestDecl
    written: Mapping[str, str]

    def all(self) -> Iterator[tests.Line]:
        for line in self.tree.statements:
            match line:
                case ast.Given():
                    yield self._given(line)
                case ast.Send():
                    yield self._send(line)
                case ast.Run():
                    yield self._run(line)
                case ast.Expect(condition=condition):
                    yield tests.Expect(self._part(condition), self.expressions.places.of(line))
                case ast.Broken():
                    raise AssertionError("a tree with errors is not lowered")

    def _given(self, tree: ast.Given) -> tests.Given:
        agent = self.expressions.symbol(tree.agent)
        assert isinstance(agent, Callable), "only agents and asks are given"
        return tests.Given(
            agent=self._reached(agent),
            answer=self._lowered(tree.answer),
            fails=None if tree.fails is None else self._failure(tree.fails),
            after=self._lowered(tree.after),
            when=self._lowered(tree.when),
            at=self.expressions.places.of(tree),
        )

    def _lowered(self, tree: ast.Expr | None) -> plan.Expr | None:
        return None if tree is None else self.expressions.lower(tree)

    def _failure(self, tree: ast.Expr) -> plan.Fail:
        made = self.tasks.task(ast.FailWith(tree.id, tree.span, tree))
        assert isinstance(made, plan.Fail)
        return made

    def _reached(self, target: Callable) -> str:
        name = self.expressions.naming.callable(target)
        self.lowering.reached.callables[name] = target
        return name

    def _send(self, tree: ast.Send) -> tests.Send:
        call = tree.event
        assert isinstance(call, ast.Call), "an event is sent with its fields"
        event = self.expressions.symbol(call.callee)
        assert isinstance(event, EventName)
        name = self.expressions.naming.declared(event.declared)
        self.lowering.reached.events[name] = event
        given: Mapping[str, plan.Expr] = self.expressions.arguments(call)
        fields = {f.name: given.get(f.name, plan.Constant(value=None)) for f in event.fields}
        return tests.Send(name, fields, self._lowered(tree.after), self.expressions.places.of(tree))

    def _run(self, tree: ast.Run) -> tests.Run:
        assert isinstance(tree.call, ast.Call)
        flow = self.expressions.callee(tree.call)
        assert isinstance(flow, Callable), "what is run is a flow"
        return tests.Run(
            name=tree.name.name,
            flow=self._reached(flow),
            arguments=self.expressions.arguments(tree.call),
            fails=None if tree.fails is None else self.tasks.errors([tree.fails])[0],
            at=self.expressions.places.of(tree),
            written=self.written,
        )

    # The parts of a condition

    def _part(self, tree: ast.Expr) -> tests.Part:
        junction = _junction(tree)
        below = _operands(tree, junction) if junction else self._asked_for(tree)
        return tests.Part(
            text=self._text(tree),
            value=self.expressions.lower(tree),
            type=self.expressions.naming.type(self._type(tree)),
            below=tuple(self._part(part) for part in below),
            junction=junction,
        )

    def _asked_for(self, tree: ast.Expr) -> Iterator[ast.Expr]:
        """The parts of a part: through literals and constructors, which show what they are."""
        for part in () if self.expressions.is_built_in(tree) else _inside(tree):
            constructs = isinstance(part, ast.Call) and self.expressions.callee(part) is not None
            if constructs or isinstance(part, _PLAIN):
                yield from self._asked_for(part)
            elif part.id in self.expressions.facts.types:  # the alias of a module has none
                yield part

    def _type(self, tree: ast.Expr) -> Type:
        return self.expressions.facts.coercions.get(tree.id) or self.expressions.type_of(tree)

    def _text(self, tree: ast.Expr) -> str:
        places = self.expressions.places
        start, end = places.offset + tree.span.start, places.offset + tree.span.end
        return " ".join(places.source.text[start:end].split())


_PLAIN: Final = (
    ast.StringLiteral, ast.IntLiteral, ast.FloatLiteral, ast.BoolLiteral, ast.NullLiteral,
    ast.DurationLiteral, ast.ListLiteral, ast.RecordLiteral, ast.Unary,
)  # fmt: skip


def _junction(tree: ast.Expr) -> Literal["and", "or"] | None:
    match tree:
        case ast.Binary(operator="and"):
            return "and"
        case ast.Binary(operator="or"):
            return "or"
        case _:
            return None


def _operands(tree: ast.Expr, operator: str | None) -> list[ast.Expr]:
    """What a chain of one operator joins, from left to right."""
    right: list[ast.Expr] = []
    while isinstance(tree, ast.Binary) and tree.operator == operator:
        right.append(tree.right)
        tree = tree.left
    return [tree, *reversed(right)]


def _inside(tree: ast.Expr) -> Iterator[ast.Expr]:
    """The expressions directly below one that have a value whenever it has one."""
    match tree:
        case ast.Binary(operator="??", left=left):
            yield left
        case ast.Binary(operator=operator) if not _junction(tree):
            yield from _operands(tree, operator)
        case ast.Member():
            yield _owner(tree)
        case ast.Call(callee=callee, arguments=arguments):
            if isinstance(callee, ast.Member):
                yield callee.target
            yield from (a.value for a in arguments if not isinstance(a.value, ast.Lambda))
        case ast.Index(target=target, index=index):
            yield from (target, index)
        case ast.Unary(operand=value) | ast.Is(value=value) | ast.Cast(value=value):
            yield value
        case ast.If(condition=value) | ast.Match(subject=value):
            yield value
        case ast.ListLiteral(items=items):
            yield from items
        case ast.RecordLiteral(entries=entries):
            yield from (entry.value for entry in entries)
        case ast.Interpolation(parts=parts):
            yield from (part for part in parts if not isinstance(part, str))


def _owner(tree: ast.Member) -> ast.Expr:
    """What has the field of a field … of."""
    target = tree.target
    while isinstance(target, ast.Member):
        target = target.target
    return target
