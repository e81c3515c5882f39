"""Generate interpolated strings: an f-string where it is known to stay small, else a call that pays for it.

Numbers have a text of bounded width; other holes are measured by `len` before the string is made."""

from __future__ import annotations

import ast
from typing import Final

import attrs

from flowlang.plan import model as plan
from flowlang.plan.model import Expr
from flowlang.values.builder import Builder, Scope, is_lookup
from flowlang.values.strings import TINY

_WIDTHS: Final = {"format.int": 20, "format.float": 24}  # the most characters of what an f-string can write


@attrs.frozen(eq=False, repr=False)
class _Hole:
    """A hole of a string: what an f-string takes, its text as a string, and the most characters of it,
    None where it has to be measured."""

    shown: ast.expr
    text: ast.expr
    width: int | None


@attrs.define(eq=False, repr=False)
class Texts(Builder):
    def template(self, parts: tuple[str | Expr, ...], scope: Scope) -> ast.expr:
        """`f"…{t1}…" if len(t1 := a) + … < 1000 else template(B, "…", t1, "…")`"""
        holes = [part if isinstance(part, str) else self._hole(part, scope) for part in parts]
        if all(isinstance(hole, str) or hole.width is not None for hole in holes):
            small = sum(map(_width, holes)) < TINY
            shown = [hole if isinstance(hole, str) else hole.shown for hole in holes]
            return self.text(shown) if small else self._long_text(holes)
        return self._measured_text([self._settled(hole) for hole in holes])

    def _measured_text(self, holes: list[str | _Hole]) -> ast.expr:
        shown: list[str | ast.expr] = []
        sizes: list[ast.expr] = []
        texts: list[str | _Hole] = []
        for hole in holes:
            if isinstance(hole, str) or hole.width is not None:
                shown.append(hole if isinstance(hole, str) else hole.shown)
                texts.append(hole)
                continue
            first, again = self.kept(hole.text)
            sizes.append(self.call("len", first))
            shown.append(again)
            texts.append(_Hole(again, again, None))
        size = sizes[0]
        for more in sizes[1:]:
            size = self.binary(size, "+", more)
        room = self.constant(TINY - sum(map(_width, holes)))
        return self.if_(self.compare(size, "<", room), self.text(shown), self._long_text(texts))

    def _long_text(self, holes: list[str | _Hole]) -> ast.expr:
        texts = (self.constant(hole) if isinstance(hole, str) else hole.text for hole in holes)
        return self.call("template", self.name("B"), *texts)

    def _hole(self, part: Expr, scope: Scope) -> _Hole:
        if isinstance(part, plan.Operate) and part.operator in _WIDTHS:
            value = self.expression(part.operands[0], scope)
            return _Hole(value, self.helper(part.operator, [value]), _WIDTHS[part.operator])
        text = self.expression(part, scope)
        return _Hole(text, text, None)

    def _settled(self, hole: str | _Hole) -> str | _Hole:
        """A hole beside others that are measured first: what could fail must not be left for later."""
        if isinstance(hole, str) or hole.width is None or is_lookup(hole.shown):
            return hole
        return _Hole(hole.text, hole.text, None)

    def joined(self, left: ast.expr, right: ast.expr) -> ast.expr:
        """The same for `left + right`."""
        left, left_again = self.kept(left)
        right, right_again = self.kept(right)
        size = self.binary(self.call("len", left), "+", self.call("len", right))
        return self.if_(
            self.compare(size, "<", self.constant(TINY)),
            self.binary(left_again, "+", right_again),
            self.helper("string.add", [left_again, right_again]),
        )


def _width(hole: str | _Hole) -> int:
    """The most characters of a part that need not be measured."""
    return len(hole) if isinstance(hole, str) else hole.width or 0
