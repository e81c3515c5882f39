"""What all generated code needs: names of our own, values that are kept, constants, and places.

`C` is the context, `B` the budget, `t1`… a value that is needed twice (`:=`), `v1`… what a loop binds,
`K1`… a type of the plan, or what reads or writes it; every other name is a helper of `compiler`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TypeAlias

import attrs

from flowlang.plan.model import Expr, Place
from flowlang.values.functions import CHARGING
from flowlang.values.pyast import Nodes

Scope: TypeAlias = Mapping[str, tuple[str, str | None]]
"""What a name of the flow is in the generated code: a name, and the field of it where a pattern bound one."""


def helper_name(operation: str) -> str:
    """The Python name of an operator or function of the plan."""
    return "f_" + operation.replace(".", "_")


def is_lookup(code: ast.expr) -> bool:
    """Whether code only reads what is there, so that it does not matter when or how often."""
    while isinstance(code, ast.Subscript) and isinstance(code.slice, ast.Constant):
        code = code.value
    return isinstance(code, ast.Constant | ast.Name)


@attrs.define(eq=False, repr=False)
class Builder(Nodes):
    """`places` is the table behind line numbers, `constants` what `K1`… stand for, `results` the name that
    holds the value of a piece of code once that has been evaluated."""

    places: dict[Place | None, int] = attrs.field(factory=lambda: {None: 1})
    constants: dict[str, object] = attrs.field(factory=dict)
    results: dict[ast.expr, str] = attrs.field(factory=dict)
    count: int = 0

    def expression(self, expr: Expr, scope: Scope) -> ast.expr:
        """The code of any expression."""
        raise NotImplementedError

    def line_of(self, form: Expr, outer: int) -> int:
        """The line that stands for the place of a form, the outer one's where it has none."""
        at: Place | None = getattr(form, "at", None)
        return outer if at is None else self.places.setdefault(at, len(self.places) + 1)

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def held(self, value: object) -> ast.expr:
        """A constant that Python has no literal for."""
        name = self.fresh("K")
        self.constants[name] = value
        return self.name(name)

    def kept(self, code: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Code for the first use of a value, which must be the first evaluated, and for later ones."""
        if isinstance(code, ast.Constant | ast.Name):
            return code, code
        name = self.results.get(code)
        if name is None:
            name = self.fresh("t")
            code = self.keep(name, code)
        return code, self.name(name)

    def checked(self, name: str, checks: list[ast.expr], otherwise: ast.expr) -> ast.expr:
        """`name if all checks else otherwise`: the checks keep the value in `name`, and so does `otherwise`
        where it does not fail."""
        condition = self.and_(*checks) if len(checks) > 1 else checks[0]
        code = self.if_(condition, self.name(name), otherwise)
        self.results[code] = name
        return code

    def helper(self, operation: str, operands: list[ast.expr]) -> ast.expr:
        """A call of an operator of the plan."""
        paying = [self.name("B")] if operation in CHARGING else []
        return self.call(helper_name(operation), *paying, *operands)
