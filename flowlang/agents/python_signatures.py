"""Python source -> the agents it offers, without running it.

Every public top-level function of the target of `use python tools = "tools.py"` is an agent: its annotations
are its types, its docstring's first paragraph is its documentation, `@effect("read")` is its effect, and a
parameter with a default need not be given. Nothing is imported or executed, so checking is safe in an
editor, does not need what the module imports, and gives the same answer on every machine.

Invariant: never raises. A function that cannot be read is left out, with a mistake that names it."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias, cast

from flowlang.agents.project import project_root
from flowlang.agents.python_annotations import Annotations
from flowlang.agents.python_classes import NotUnderstood
from flowlang.agents.python_modules import Library, Modules, PythonModule, Unreadable
from flowlang.semantics import types
from flowlang.semantics.facts import Effect, Parameter
from flowlang.semantics.providers import DescribedAgent, Description, Mistake

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

EFFECTS: Final = ("pure", "read", "idempotent", "write")
EFFECT_DECORATORS: Final = ("flowlang.agents.effect", "flowlang.agents.hints.effect", "flowlang.effect")
MAX_AGENTS: Final = 1000


def describe(target: str, using_path: str) -> Description:
    """The agents of the Python file that a flow file names; the project's root bounds what may be read."""
    shown = os.path.normpath(os.path.join(os.path.dirname(using_path), target))
    if not target.endswith(".py"):
        mistake = Mistake(f'"{target}" is not a Python file', 'name a file, such as "tools.py"')
        return Description(shown, mistakes=(mistake,))
    modules = Modules(project_root(Path(using_path)))
    try:
        module = modules.open(Path(using_path).parent / target)
    except Unreadable as problem:
        return Description(shown, mistakes=(Mistake(problem.message, problem.help, problem.line),))
    agents, mistakes = _agents(Annotations(modules), module)
    return Description(shown, agents, mistakes)


def _agents(
    annotations: Annotations, module: PythonModule
) -> tuple[tuple[DescribedAgent, ...], tuple[Mistake, ...]]:
    agents: list[DescribedAgent] = []
    mistakes: list[Mistake] = []
    functions = list(_public_functions(module))
    for function in functions[:MAX_AGENTS]:
        found = list(_objections(function))
        agent = _agent(annotations, module, function, found)
        if found:
            mistakes += found
        else:
            agents.append(agent)
    if len(functions) > MAX_AGENTS:
        mistakes.append(Mistake(f"it has more than {MAX_AGENTS} public functions"))
    if not functions:
        help = "an agent is a function at the top level whose name does not start with `_`"
        mistakes.append(Mistake("it has no public functions", help))
    return tuple(agents), tuple(mistakes)


def _public_functions(module: PythonModule) -> Iterator[Function]:
    """The functions of a module that others may use: those of `__all__`, else without a leading `_`."""
    exported = _exported(module.names.get("__all__"))
    for name, meaning in module.names.items():
        public = not name.startswith("_") if exported is None else name in exported
        if public and isinstance(meaning, ast.FunctionDef | ast.AsyncFunctionDef):
            yield meaning


def _exported(value: object) -> list[object] | None:
    if not isinstance(value, ast.List | ast.Tuple):
        return None
    return [item.value for item in value.elts if isinstance(item, ast.Constant)]


def _objections(function: Function) -> Iterator[Mistake]:
    """What keeps a function from being called by name with values."""
    arguments = function.args
    for argument in arguments.posonlyargs[:1]:
        help = f"agents are called by name: remove the `/` in `{function.name}`"
        yield _mistake(function, argument, f"`{argument.arg}` can only be given by position", help)
    for argument_, stars in ((arguments.vararg, "*"), (arguments.kwarg, "**")):
        if argument_ is not None:
            help = "name each parameter, or take one list or dict"
            yield _mistake(
                function, argument_, f"`{stars}{argument_.arg}` has no counterpart in a flow", help
            )
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own_nodes(function)):
        help = "collect the items and return a list"
        yield _mistake(function, function, "a generator cannot be an agent", help)


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(node))


def _agent(
    annotations: Annotations, module: PythonModule, function: Function, found: list[Mistake]
) -> DescribedAgent:
    """The agent that a function is; what is wrong with it goes into `found`."""
    parameters = tuple(_parameters(annotations, module, function, found))
    result = _result(annotations, module, function, found)
    effect = _effect(annotations, module, function, found)
    doc = _first_paragraph(ast.get_docstring(function))
    return DescribedAgent(function.name, parameters, result, effect, doc, function.lineno)


def _parameters(
    annotations: Annotations, module: PythonModule, function: Function, found: list[Mistake]
) -> Iterator[Parameter]:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    optional = {a.arg for a in positional[len(positional) - len(given.defaults) :]}
    optional |= {a.arg for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is not None}
    for argument in [*positional, *given.kwonlyargs]:
        if argument.annotation is None:
            help = f"annotate it, such as `{argument.arg}: str`"
            found.append(_mistake(function, argument, f"the parameter `{argument.arg}` has no type", help))
            continue
        try:
            type = annotations.type_of(module, argument.annotation)
        except NotUnderstood as problem:
            found.append(
                _not_understood(module, function, argument, f"the parameter `{argument.arg}`", problem)
            )
        else:
            yield Parameter(argument.arg, type, argument.arg not in optional)


def _result(
    annotations: Annotations, module: PythonModule, function: Function, found: list[Mistake]
) -> types.Type:
    if function.returns is None:
        help = "write `-> str`, or `-> None` where it gives nothing back"
        found.append(_mistake(function, function, "the result has no type", help))
        return types.UNKNOWN
    try:
        type = annotations.type_of(module, function.returns)
    except NotUnderstood as problem:
        found.append(_not_understood(module, function, function.returns, "the result", problem))
        return types.UNKNOWN
    if types.contains(type, types.Secret):
        found.append(_mistake(function, function.returns, "an agent cannot give back a secret"))
    return type


def _effect(
    annotations: Annotations, module: PythonModule, function: Function, found: list[Mistake]
) -> Effect | None:
    """The effect that `@effect("…")` names."""
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name() | ast.Attribute() as name, args=[ast.Constant(value=value)]):
                pass
            case ast.Call(func=ast.Name() | ast.Attribute() as name) | (ast.Name() | ast.Attribute() as name):
                value = None
            case _:
                continue
        if not _is_effect(annotations, module, name):
            continue
        if value in EFFECTS:
            return cast(Effect, value)
        help = 'write `@effect("read")`: pure, read, idempotent or write'
        found.append(_mistake(function, decorator, "the effect cannot be read", help))
    return None


def _is_effect(annotations: Annotations, module: PythonModule, name: ast.Name | ast.Attribute) -> bool:
    try:
        found = annotations.find(module, name)
    except NotUnderstood:
        return False
    return isinstance(found, Library) and found.name in EFFECT_DECORATORS


def _first_paragraph(docstring: str | None) -> str | None:
    return " ".join(docstring.strip().split("\n\n", 1)[0].split()) or None if docstring else None


def _mistake(function: Function, at: ast.AST, message: str, help: str | None = None) -> Mistake:
    return Mistake(message, help, getattr(at, "lineno", None), function.name)


def _not_understood(
    module: PythonModule, function: Function, at: ast.AST, what: str, problem: NotUnderstood
) -> Mistake:
    """A mistake in the described file; one inside a neighbour is told with that file's name and line."""
    if problem.module is module:
        line = problem.line
        message = f"{what}: {problem.message}"
    else:
        line = getattr(at, "lineno", None)
        message = f"{what}: {problem.message} ({problem.module.path.name}, line {problem.line})"
    return Mistake(message, problem.help, line, function.name)
