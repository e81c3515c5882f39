"""Generate loops: the functions of a list and a lambda, as list comprehensions.

Python lets a comprehension run over a name only (where `:=` occurs), so each loop first keeps its list and
pays for all its rounds: `[… for v1 in t1] if enter(B, t1 := …, 7) else None`. A comprehension cannot be
left either; where the first hit decides, later rounds only find that all is settled. `filter` and a `map`
that cannot fail become one comprehension."""

from __future__ import annotations

import ast

import attrs

from flowlang.plan import model as plan
from flowlang.values import shapes
from flowlang.values.builder import Builder, Scope, helper_name
from flowlang.values.functions import KEYED


@attrs.frozen(eq=False, repr=False)
class _Filter:
    """A loop that keeps the items for which `where` holds, not yet put together."""

    paid: ast.expr
    item: str
    items: str
    where: ast.expr


@attrs.define(eq=False, repr=False)
class Loops(Builder):
    filters: dict[ast.expr, _Filter] = attrs.field(factory=dict)

    def loop(self, function: str, receiver: ast.expr, lambda_: plan.Lambda, scope: Scope) -> ast.expr:
        """A function of a list and a lambda, as the branch that is taken once all rounds are paid for."""
        (parameter,) = lambda_.params
        if function == "list.map" and receiver in self.filters and shapes.is_plain(lambda_.body):
            return self._filtered(self.filters[receiver], parameter, lambda_.body, scope)
        item, items = self.fresh("v"), self.fresh("t")
        units = self.constant(shapes.cost(lambda_.body))
        paid = self.call("enter", self.name("B"), self.keep(items, receiver), units)
        body = self.expression(lambda_.body, {**scope, parameter: (item, None)})
        code = self.if_(paid, self._rounds(function, item, items, body), self.constant(None))
        if function == "list.filter":
            self.filters[code] = _Filter(paid, item, items, body)
        return code

    def item_or_null(self, target: ast.expr, index: ast.expr) -> ast.expr:
        """`target[index] if len(target) > index >= 0 else None`"""
        items, items_again = self.kept(target)
        position, position_again = self.kept(index)
        inside = self.compare(self.call("len", items), ">", position, ">=", self.constant(0))
        return self.if_(inside, self.item(items_again, position_again), self.constant(None))

    def _filtered(self, loop: _Filter, parameter: str, body: plan.Expr, scope: Scope) -> ast.expr:
        """`filter` and `map` in one: what `map` costs is known, and paid, when the first has chosen."""
        value = self.expression(body, {**scope, parameter: (loop.item, None)})
        chosen = self.comprehension(value, loop.item, loop.items, where=loop.where)
        paid = self.call("pay", self.name("B"), chosen, self.constant(shapes.cost(body)))
        return self.if_(loop.paid, paid, self.constant(None))

    def _rounds(self, function: str, item: str, items: str, body: ast.expr) -> ast.expr:
        null, value = self.constant(None), self.name(item)
        match function:
            case "list.map":
                return self.comprehension(body, item, items)
            case "list.filter":
                return self.comprehension(value, item, items, where=body)
            case "list.flat_map":
                return self.call("flatten", self.name("B"), self.comprehension(body, item, items))
            case "list.count":
                return self.call("len", self.comprehension(null, item, items, where=body))
            case "list.any":
                return self._any(item, items, body)
            case "list.none":
                return self.not_(self._any(item, items, body))
            case "list.all":
                return self.not_(self._any(item, items, self.not_(body)))
            case "list.find":
                return self._find(item, items, body)
        keys = self.comprehension(body, item, items)
        if function not in KEYED:
            return self.call("no_function", self.constant(function), keys)
        return self.call(helper_name(function), self.name("B"), self.name(items), keys)

    def _any(self, item: str, items: str, body: ast.expr) -> ast.expr:
        settled = self.fresh("t")
        rounds = self._until(settled, item, items, body)
        return self.last_of(self.keep(settled, self.constant(False)), rounds, self.name(settled))

    def _find(self, item: str, items: str, body: ast.expr) -> ast.expr:
        settled, found = self.fresh("t"), self.fresh("t")
        rounds = self.keep(found, self._until(settled, item, items, body))
        first = self.item_or_null(self.name(found), self.constant(0))
        return self.last_of(self.keep(settled, self.constant(False)), rounds, first)

    def _until(self, settled: str, item: str, items: str, body: ast.expr) -> ast.expr:
        """The first item for which `body` holds, in a list."""
        where = self.and_(self.not_(self.name(settled)), self.keep(settled, body))
        return self.comprehension(self.name(item), item, items, where=where)
