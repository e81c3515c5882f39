"""Whether a function that a binding names has the types of its agent.

A function behind a `use` gives the agent its types; one behind a binding has its own, which are read from
its file in the same way. What is not annotated is not judged, nor what only the run can tell: `json` on
either side, or a string where one of a few is asked for. A function without a file is taken as it is."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, assert_never

from flowlang.agents.python_annotations import Annotations
from flowlang.agents.python_classes import NotUnderstood
from flowlang.agents.python_modules import Modules, PythonModule, Unreadable
from flowlang.plan import model as plan
from flowlang.plan.text import type_text
from flowlang.semantics import types
from flowlang.semantics.types import Type

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def type_problem(function: Callable[..., Any], agent: plan.Agent) -> str | None:
    """Why the annotations of a function do not fit an agent, if they do not."""
    function = inspect.unwrap(function)
    try:
        path = Path(inspect.getsourcefile(function) or "")
        modules = Modules(path.parent)
        module = modules.open(path)
    except (TypeError, OSError, Unreadable):
        return None
    found = _definition(function, module)
    if found is None:
        return None
    try:
        return next(_problems(module, found, Annotations(modules), agent), None)
    except NotUnderstood as problem:
        inside = "." in function.__qualname__  # where a name may mean something that the file does not tell
        return None if inside else problem.message


def _definition(function: Callable[..., Any], module: PythonModule) -> Function | None:
    """The text of a function in its file: by its name, and by its line where it stands inside of another."""
    found = module.names.get(getattr(function, "__qualname__", ""))
    if isinstance(found, Function):
        return found
    code = getattr(function, "__code__", None)
    written = (node for node in ast.walk(module.tree) if code is not None and isinstance(node, Function))
    return next((node for node in written if code and _first_line(node) == code.co_firstlineno), None)


def _first_line(definition: Function) -> int:
    return min([definition.lineno, *(decorator.lineno for decorator in definition.decorator_list)])


def _problems(
    module: PythonModule, definition: Function, annotations: Annotations, agent: plan.Agent
) -> Iterator[str]:
    """What does not fit; raises NotUnderstood."""
    written = {a.arg: a.annotation for a in [*definition.args.args, *definition.args.kwonlyargs]}
    for parameter in agent.parameters:
        annotation = written.get(parameter.name)
        if annotation is not None:
            wanted = annotations.type_of(module, annotation)
            if not may_pass(_semantic(parameter.type), wanted):
                shown = f"`{parameter.name}` is {type_text(parameter.type)}"
                yield f"{shown}, but the function takes {types.show(wanted)}"
    if definition.returns is not None:
        given = annotations.type_of(module, definition.returns)
        if not may_pass(given, _semantic(agent.result)):
            yield f"its result is {type_text(agent.result)}, but the function gives {types.show(given)}"


def may_pass(given: Type, wanted: Type) -> bool:
    """Whether a value of one type may turn out to be one of the other, at a boundary that checks it."""
    if types.JSON in (given, wanted) or types.fits(given, wanted):
        return True
    match given, wanted:
        case types.Secret(inner), types.Secret(other):
            return may_pass(inner, other)
        case types.Secret(inner), other:
            return may_pass(inner, other)
        case types.Optional(inner), types.Optional(other):
            return may_pass(inner, other)
        case inner, types.Optional(other):
            return may_pass(inner, other)
        case types.Scalar("string"), types.Enum():
            return True
        case types.Enum(values=some), types.Enum(values=others):
            return bool(set(some) & set(others))
        case (types.ListOf(inner), types.ListOf(other)) | (types.MapOf(inner), types.MapOf(other)):
            return may_pass(inner, other)
        case types.Record(fields=fields), types.MapOf(other):
            return all(may_pass(field.type, other) for field in fields)
        case types.MapOf(inner), types.Record(fields=fields):
            return all(may_pass(inner, types.present(field.type)) for field in fields)
        case types.Record(), types.Record(fields=fields):
            return all(_field_passes(given.field(field.name), field.type) for field in fields)
        case types.Union(cases=some_cases), types.Union():
            return all(_case_passes(case, wanted.case(case.name)) for case in some_cases)
    return False


def _field_passes(given: Type | None, wanted: Type) -> bool:
    return types.is_optional(wanted) if given is None else may_pass(given, wanted)


def _case_passes(given: types.Case, wanted: types.Case | None) -> bool:
    return wanted is not None and may_pass(types.Record(given.fields), types.Record(wanted.fields))


def _semantic(type: plan.Type) -> Type:
    """A type of the plan as the checker's."""
    match type:
        case plan.ScalarType(kind=kind):
            return types.SCALARS[kind]
        case plan.ListType(item=inner):
            return types.ListOf(_semantic(inner))
        case plan.MapType(value=inner):
            return types.MapOf(_semantic(inner))
        case plan.OptionalType(inner=inner):
            return types.optional(_semantic(inner))
        case plan.SecretType(inner=inner):
            return types.Secret(_semantic(inner))
        case plan.EnumType(values=values, name=name):
            return types.Enum(values, name)
        case plan.RecordType(fields=fields, name=name):
            return types.Record(_fields(fields), name)
        case plan.UnionType(name=name, cases=cases):
            made = tuple(types.Case(case.name, _fields(case.fields)) for case in cases)
            return types.Union("", name, made, name, len(made))
        case _:
            assert_never(type)


def _fields(fields: tuple[plan.FieldType, ...]) -> tuple[types.RecordField, ...]:
    return tuple(types.RecordField(field.name, _semantic(field.type)) for field in fields)
