"""Plans in tests: from texts, as outlines that show which operation the types have chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from support.checking import check_path, check_texts

from flowlang.plan import model as plan
from flowlang.plan.lower import lower
from flowlang.plan.text import pattern_text, type_text
from flowlang.semantics.check import Checked


def plan_of(text: str, others: Mapping[str, str] | None = None) -> plan.Plan:
    """The plan of a flow in memory, `others` are the files it imports."""
    return _lowered(check_texts({"main.flow": text, **(others or {})}))


def plan_of_file(path: Path) -> plan.Plan:
    return _lowered(check_path(path))


def _lowered(checked: Checked) -> plan.Plan:
    errors = [f"{d.code}: {d.message}" for d in checked.diagnostics if d.severity == "error"]
    assert not errors, "\n".join(errors)
    return lower(checked)


def outline(expr: plan.Expr | plan.Lambda) -> str:
    """An expression of a plan with nothing left out: `int.add(n, 1)`."""
    match expr:
        case plan.Constant(value=value, unit=unit):
            return json.dumps(value) + ("us" if unit else "")
        case plan.Variable(name=name):
            return name
        case plan.Member(target=target, field=field, safe=safe):
            return f"{outline(target)}{'?' if safe else ''}.{field}"
        case plan.Index(of=of, target=target, index=index):
            return f"index.{of}({outline(target)}, {outline(index)})"
        case plan.Operate(operator=operator, operands=operands):
            return f"{operator}({_listed(operands)})"
        case plan.And(left=left, right=right):
            return f"and({outline(left)}, {outline(right)})"
        case plan.Or(left=left, right=right):
            return f"or({outline(left)}, {outline(right)})"
        case plan.Coalesce(left=left, right=right):
            return f"coalesce({outline(left)}, {outline(right)})"
        case plan.If(condition=condition, then=then, otherwise=otherwise):
            return f"if({outline(condition)}, {outline(then)}, {outline(otherwise)})"
        case plan.Template(parts=parts):
            return (
                f"template({', '.join(json.dumps(p) if isinstance(p, str) else outline(p) for p in parts)})"
            )
        case plan.MakeList(items=items):
            return f"[{_listed(items)}]"
        case plan.MakeObject(map=is_map, pairs=pairs):
            return f"{'map' if is_map else 'record'}({', '.join(_pair(pair) for pair in pairs)})"
        case plan.Apply(function=function, arguments=arguments, safe=safe):
            return f"{function}{'?' if safe else ''}({_listed(arguments)})"
        case plan.Lambda(params=params, body=body):
            return f"{' '.join(params)} => {outline(body)}"
        case plan.Is(value=value, case=case):
            return f"is({outline(value)}, {case or 'null'})"
        case plan.Cast(value=value, type=type):
            return f"cast({outline(value)}: {type_text(type)})"
        case plan.Widen(value=value, type=type):
            return f"widen({outline(value)}: {type_text(type)})"
        case plan.Encode(form=form, value=value, type=type, safe=safe):
            return f"encode.{form}{'?' if safe else ''}({outline(value)}: {type_text(type)})"
        case plan.Match(subject=subject, arms=arms):
            shown = "; ".join(f"{pattern_text(arm.pattern)} -> {outline(arm.value)}" for arm in arms)
            return f"match({outline(subject)}; {shown})"


def _listed(parts: tuple[plan.Expr | plan.Lambda, ...]) -> str:
    return ", ".join(outline(part) for part in parts)


def _pair(pair: plan.Pair) -> str:
    return f"...{outline(pair.value)}" if pair.key is None else f"{outline(pair.key)}: {outline(pair.value)}"
