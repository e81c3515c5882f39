"""Constructors of tagged unions, as `is` and patterns ask for them."""

from __future__ import annotations

from flowlang.semantics.facts import (
    Constructor,
)
from flowlang.semantics.inference import Inference
from flowlang.semantics.suggest import way_out
from flowlang.semantics.types import (
    Type,
    Union,
    is_poison,
    show,
)
from flowlang.syntax import ast
from flowlang.text import codes


class Cases(Inference):
    def case_of(self, at: ast.QualifiedName, case: Constructor, subject: Type) -> bool:
        """Whether a constructor belongs to the type it is asked of; reported where not."""
        if is_poison(subject):
            return True
        if not isinstance(subject, Union):
            message = f"only a tagged union has constructors, and this is `{show(subject)}`"
            self.problems.report(codes.TYPE_MISMATCH, at.span, message)
            return False
        if subject.case(case.case) is not None and _same_union(subject, case.union):
            return True
        help, _ = way_out(case.case, at.span, [c.name for c in subject.cases], list_as="it can be")
        message = f"this is never `{at.text}`: its type is `{show(subject)}`"
        self.problems.report(codes.TYPE_MISMATCH, at.span, message, help=help)
        return False


def _same_union(left: Type, right: Type) -> bool:
    return (
        isinstance(left, Union)
        and isinstance(right, Union)
        and (left.module, left.name) == (right.module, right.name)
    )
