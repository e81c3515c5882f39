"""Plans as text: written, and read back from anywhere.

`load_plan` gives a plan or what is wrong with it, and never raises: a plan may come from a file that someone
edited, from another program, or from a later version of flowlang. It is read in steps, each bounded: size,
nesting, JSON, version, the shape of the format, and at last whether it is closed, so that whoever runs it
need not ask again.

The text of a plan leaves out fields at their default. It is made and read here and not by pydantic, whose
own JSON ends where blocks nest a few dozen deep."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Final

import attrs
from pydantic import JsonValue, ValidationError

from flowlang.plan.closed import open_ends
from flowlang.plan.model import PLAN_VERSION, Model, Plan

MAX_PLAN: Final = 16 * 2**20  # characters
MAX_NESTING: Final = 500  # brackets in the JSON of a plan
LONGEST_INT: Final = 40  # digits; bounds may be larger than 64 bits
MOST_PROBLEMS: Final = 20


@attrs.frozen
class PlanProblem:
    """What is wrong with a plan, and where: `path` in its JSON ("flows.main.body"), or line and column."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def dump_plan(plan: Plan, *, indent: int | None = None) -> str:
    """A plan as JSON; `load_plan` gives an equal one."""
    separators = (",", ":") if indent is None else None
    return json.dumps(_plain(plan), ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)


def load_plan(text: str) -> Plan | tuple[PlanProblem, ...]:
    """The plan that a text holds, or what is wrong with it, at most `MOST_PROBLEMS`."""
    found = _parse(text)
    if isinstance(found, PlanProblem):
        return (found,)
    if problem := _other_format(found):
        return (problem,)
    try:
        plan = Plan.model_validate(found)
    except ValidationError as error:
        return _explained(error)
    except RecursionError:
        return (PlanProblem("", "the plan nests deeper than can be read"),)
    problems = (PlanProblem(end.path, end.message) for end in open_ends(plan))
    return tuple(p for p, _ in zip(problems, range(MOST_PROBLEMS), strict=False)) or plan


def _parse(text: str) -> JsonValue | PlanProblem:
    if len(text) > MAX_PLAN:
        return PlanProblem("", f"the plan has {len(text):,} characters; {MAX_PLAN:,} is the most")
    if deepest(text) > MAX_NESTING:
        return PlanProblem("", f"the plan nests more than {MAX_NESTING} brackets deep")
    try:
        found: JsonValue = json.loads(
            text, parse_constant=_refused_constant, parse_int=_parsed_int, parse_float=_parsed_float
        )
    except json.JSONDecodeError as error:
        return PlanProblem(f"line {error.lineno}, column {error.colno}", f"this is no JSON: {error.msg}")
    except ValueError as error:
        return PlanProblem("", f"this is no JSON: {error}")
    return found


def _refused_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is no number")


def _parsed_int(digits: str) -> int:
    if len(digits) > LONGEST_INT:
        raise ValueError(f"a number with {len(digits)} digits")
    return int(digits)


def _parsed_float(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"{digits[:20]} is too large for a number")
    return value


def deepest(text: str) -> int:
    """How deep the brackets of a JSON text nest; those in strings do not count."""
    depth = most = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in "{[":
            depth += 1
            most = max(most, depth)
        elif found[0] in "}]":
            depth -= 1
    return most


_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\]]', re.DOTALL)


def _other_format(found: JsonValue) -> PlanProblem | None:
    if not isinstance(found, dict) or found.get("format") != "flowlang.plan":
        return PlanProblem("", 'this is no plan: a plan is an object with `"format": "flowlang.plan"`')
    version = found.get("version")
    if isinstance(version, int) and version > PLAN_VERSION:
        help = "a newer flowlang made it; update flowlang, or compile the flow again"
        return PlanProblem(
            "version", f"the plan has version {version}, this flowlang reads {PLAN_VERSION}: {help}"
        )
    if version != PLAN_VERSION or isinstance(version, bool):
        return PlanProblem("version", f"a plan's version is {PLAN_VERSION}, not {json.dumps(version)[:40]}")
    return None


def _explained(error: ValidationError) -> tuple[PlanProblem, ...]:
    problems = []
    for one in error.errors(include_url=False, include_context=False, include_input=False)[:MOST_PROBLEMS]:
        path = ".".join(str(part) for part in one["loc"])
        problems.append(PlanProblem(path, one["msg"].removeprefix("Value error, ")))
    return tuple(problems)


def _plain(value: object) -> JsonValue:
    """A part of a plan as JSON. One call a level and no comprehensions: plans may be deep."""
    if value is None or isinstance(value, str | int | float):
        return value  # most parts are
    fields: dict[str, JsonValue] = {}
    items: list[JsonValue] = []
    if isinstance(value, Model):
        for name, field in type(value).model_fields.items():
            part = getattr(value, name)
            if name in _ALWAYS or part != field.default:
                fields[field.alias or name] = _plain(part)
        return fields
    if isinstance(value, Mapping):
        for key, part in value.items():
            fields[key] = _plain(part)
        return fields
    assert isinstance(value, tuple | list), type(value)
    for part in value:
        items.append(_plain(part))
    return items


_ALWAYS = frozenset({"kind", "format", "version"})
