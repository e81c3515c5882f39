"""A document -> the parts of a plan, each with the place it came from, and what is wrong with its shape.

The plan itself and each of its steps are validated one by one, so a step that is wrong does not keep the
others from being checked. A mistake stands at the value that it is about; one about a key stands at the key.
Of a plan that is written in one go, all mistakes are told in one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar, cast

import attrs
from pydantic import BaseModel, ValidationError

from flowlang.planning.document import Entry, Node, Scalar, Sequence, Unreadable, find, plain
from flowlang.planning.document import Mapping as Object
from flowlang.planning.json_text import read_json_text
from flowlang.planning.model import (
    MAX_STEPS,
    AgentStep,
    CircuitBreaker,
    ExecutionPlan,
    Fallback,
    ForEach,
    Input,
    RetryPolicy,
    Strategy,
    Undo,
    While,
)
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix, Problems
from flowlang.text.source import Span
from flowlang.text.suggest import nearest

M = TypeVar("M", bound=BaseModel)


@attrs.frozen(eq=False)
class Part(Generic[M]):
    """A part of a plan: what it says, and the object of the document that says it."""

    says: M
    node: Object

    def at(self, *path: str | int) -> Node:
        """The node of a field that is there."""
        found = find(self.node, path)
        assert found is not None, path
        return found


@attrs.frozen(eq=False)
class Step:
    """A step and, where it is a group, its body. `part` is None where the step has the wrong shape; then
    `name` is all that is known of it."""

    part: Part[AgentStep] | None
    name: Scalar | None
    node: Node
    steps: tuple[Step, ...] = ()


@attrs.frozen(eq=False)
class Plan:
    """`part` is None where the plan is not even an object, or has the wrong shape outside of its steps."""

    part: Part[ExecutionPlan] | None
    steps: tuple[Step, ...]


def read_document(path: str, text: str, problems: Problems) -> Node | None:
    """The document of a file; what is wrong with it is reported."""
    try:
        if path.endswith(".json"):
            return read_json_text(text)
        from flowlang.planning.yaml_text import read_yaml_text

        return read_yaml_text(text)
    except Unreadable as problem:
        problems.report(codes.BAD_DOCUMENT, problem.span, problem.message, help=problem.help)
        return None


def read_plan(node: Node, problems: Problems) -> Plan:
    """The parts of a plan; what is wrong with their shape is reported."""
    if not isinstance(node, Object):
        help = "a plan is an object with `plan_id` and `steps`; `flow schema execution-plan` shows its fields"
        problems.report(codes.BAD_PLAN, node.span, f"a plan is an object, not {_kind(node)}", help=help)
        return Plan(None, ())
    steps = _steps(node, problems)
    return Plan(_validated(ExecutionPlan, node, problems, "a plan", STEPLESS), steps)


def declared_strategy(path: str, text: str) -> Strategy | None:
    """The strategy that a sound plan declares; None where it leaves that open."""
    node = read_document(path, text, Problems())
    found = node.get("strategy") if isinstance(node, Object) else None
    return cast(Strategy, found.value) if isinstance(found, Scalar) else None


MOST_UNKNOWN = 20
"""Fields of one object that are told to be unknown."""

STEPLESS = {"steps": [{"step_id": "any", "agent_id": "any"}]}
"""What stands for the steps while the rest is validated."""


def _steps(node: Object, problems: Problems) -> tuple[Step, ...]:
    listed = node.get("steps")
    if not isinstance(listed, Sequence):
        if listed is not None:
            problems.report(codes.BAD_PLAN, listed.span, f"`steps` is a list of steps, not {_kind(listed)}")
        return ()
    if len(listed.items) > MAX_STEPS:
        message = f"a plan has at most {MAX_STEPS:,} steps in one place"
        problems.report(codes.BAD_PLAN, listed.items[MAX_STEPS].span, message, help="use a loop over a list")
        return ()
    if not listed.items:
        problems.report(codes.BAD_PLAN, listed.span, "`steps` is empty", help="write at least one step")
    return tuple(_step(item, problems) for item in listed.items)


def _step(node: Node, problems: Problems) -> Step:
    if not isinstance(node, Object):
        help = "it begins with `step_id`"
        problems.report(codes.BAD_PLAN, node.span, f"a step is an object, not {_kind(node)}", help=help)
        return Step(None, None, node)
    name = node.get("step_id")
    known = name if isinstance(name, Scalar) and isinstance(name.value, str) and name.value else None
    steps = _steps(node, problems)
    part = _validated(AgentStep, node, problems, "a step", {"steps": []})
    if part is not None and not _does_something(part, bool(steps), problems):
        part = None
    return Step(part, known, node, steps)


def _does_something(part: Part[AgentStep], is_group: bool, problems: Problems) -> bool:
    """Whether a step is a call or a group, and has only fields that mean something for it."""
    at, says = part.node, part.says
    if is_group == (says.agent_id is not None):
        entry = at.entry("steps" if is_group else "step_id")
        message = (
            "a step calls an agent or has steps of its own, not both"
            if is_group
            else "this step does nothing"
        )
        help = "give `agent_id` to one of its steps" if is_group else "give it an `agent_id`, or `steps`"
        problems.report(codes.BAD_PLAN, entry.key.span if entry else at.span, message, help=help)
        return False
    useless = ("parameters", "circuit_breaker", "idempotency_key") if is_group else ("strategy", "output")
    for name in useless:
        if name in says.model_fields_set and (entry := at.entry(name)):
            what = "a group of steps" if is_group else "a step that calls an agent"
            help = (
                "give it to the steps of the group"
                if is_group
                else "only a plan and a group of steps have it"
            )
            problems.report(codes.BAD_PLAN, entry.key.span, f"{what} has no `{name}`", help=help)
            return False
    return True


# One object


@attrs.frozen
class _Complaint:
    """What pydantic has against a value; `loc` also names the kinds of values that it tried."""

    type: str
    loc: tuple[int | str, ...]
    message: str


def _validated(
    model: type[M], node: Object, problems: Problems, what: str, instead: Mapping[str, object]
) -> Part[M] | None:
    """An object as a model, with other values for the fields that are read apart."""
    node = _mended(model, node, problems)
    values: dict[str, Any] = {}
    for entry in node.entries:
        values[entry.name] = instead[entry.name] if entry.name in instead else plain(entry.value)
    try:
        return Part(model.model_validate(values), node)
    except ValidationError as wrong:
        for error in _one_a_place(node, wrong):
            _tell(error, node, problems, what)
        return None


def _mended(model: type[BaseModel], node: Object, problems: Problems) -> Object:
    """An object without unknown fields. One that is misspelt is read as what was meant."""
    entries: list[Entry] = []
    told = 0
    for entry in node.entries:
        if entry.name in model.model_fields:
            entries.append(entry)
            continue
        told += 1
        if told > MOST_UNKNOWN:
            continue
        meant = _unknown_field(node, entry, model.model_fields, problems)
        if meant is not None:
            key = Scalar(entry.key.span, meant, entry.key.style)
            entries.append(Entry(key, entry.value))
    return Object(node.span, tuple(entries), node.weight)


def _one_a_place(node: Object, wrong: ValidationError) -> list[_Complaint]:
    """One complaint for each value. Of a value that may be of several kinds, the one about its own kind."""
    found: dict[tuple[str | int, ...], _Complaint] = {}
    for each in wrong.errors(include_url=False):
        error = _Complaint(each["type"], each["loc"], each["msg"])
        path = _path(node, error.loc)
        if path not in found or found[path].type.endswith("_type"):
            found[path] = error
    return list(found.values())


MODELS: dict[str, type[BaseModel]] = {
    "retry_policy": RetryPolicy,
    "for_each": ForEach,
    "while": While,
    "fallback": Fallback,
    "circuit_breaker": CircuitBreaker,
    "undo": Undo,
    "Input": Input,
}


def _tell(error: _Complaint, node: Object, problems: Problems, what: str) -> None:
    """One mistake in words, at its place."""
    path = _path(node, error.loc)
    name = str(path[-1]) if path else ""
    inner = find(node, path[:-1]) or node
    if error.type == "extra_forbidden":
        assert isinstance(inner, Object)
        entry = inner.entry(name)
        assert entry is not None
        _unknown_field(inner, entry, _model(error.loc, what).model_fields, problems)
    elif error.type == "missing":
        message = f"{_shown(path[:-1]) or what} needs `{name}`"
        problems.report(codes.BAD_PLAN, _head(inner), message, help=_purpose(error.loc, what))
    else:
        found = find(node, path) or node
        message = f"{_shown(path) or what}: {_worded(error)}"
        problems.report(codes.BAD_PLAN, found.span, message, help=_purpose(error.loc, what))


def _path(node: Object, place: tuple[int | str, ...]) -> tuple[str | int, ...]:
    """The place of a mistake without the names of alternatives, which are not in the document."""
    path: list[str | int] = []
    at: Node | None = node
    for index, part in enumerate(place):
        inner = find(at, (part,)) if at is not None else None
        if inner is None and not (index == len(place) - 1 and isinstance(at, Object) and _is_field(part)):
            continue
        path.append(part)
        at = inner
    return tuple(path)


EVERY_MODEL: tuple[type[BaseModel], ...] = (ExecutionPlan, AgentStep, *MODELS.values())
FIELDS = {name for model in EVERY_MODEL for name in model.model_fields}


def _is_field(part: str | int) -> bool:
    return part in FIELDS


def _model(place: tuple[int | str, ...], what: str) -> type[BaseModel]:
    """What the object around a place is."""
    inside = [MODELS[str(part)] for part in place[:-1] if str(part) in MODELS]
    return inside[-1] if inside else ExecutionPlan if what == "a plan" else AgentStep


OTHER_WORDS = {
    **dict.fromkeys(("id", "name"), ("step_id", "plan_id")),
    **dict.fromkeys(("agent", "tool", "action"), ("agent_id",)),
    **dict.fromkeys(("args", "arguments", "params", "input"), ("parameters",)),
    **dict.fromkeys(("depends_on", "depends", "needs", "after"), ("dependencies",)),
    **dict.fromkeys(("when", "if"), ("condition",)),
}
"""What others call our fields."""


def _unknown_field(node: Object, entry: Entry, known: Iterable[str], problems: Problems) -> str | None:
    """Report a field that there is not; gives the one that was meant, if that is known."""
    left = [field for field in known if field not in node.index]
    other = next((field for field in OTHER_WORDS.get(entry.name, ()) if field in left), None)
    meant = other or nearest(entry.name, left)
    help = f"did you mean `{meant}`?" if meant else f"there are {', '.join(f'`{field}`' for field in known)}"
    message = f"there is no field `{entry.name}` here"
    problems.report(codes.BAD_PLAN, entry.key.span, message, help=help, fix=_renaming(entry, meant))
    return meant


def _renaming(entry: Entry, meant: str | None) -> Fix | None:
    if meant is None:
        return None
    return Fix(f"write `{meant}`", (Edit(entry.key.inside, meant),))


def _purpose(place: tuple[int | str, ...], what: str) -> str | None:
    """What the schema says of a field."""
    fields = _model(place, what).model_fields
    names = [str(part) for part in place if str(part) in fields]
    description = fields[names[-1]].description if names else None
    return description[0].lower() + description[1:] if description else None


def _shown(path: tuple[str | int, ...]) -> str:
    names = [str(part) for part in path if isinstance(part, str)]
    return f"`{names[-1]}`" if names else ""


def _head(node: Node) -> Span:
    """Where a mistake about a whole object is shown: at its first key."""
    return node.entries[0].key.span if isinstance(node, Object) and node.entries else node.span


WORDS = {
    "string_type": "this is to be a string",
    "int_type": "this is to be a whole number",
    "float_type": "this is to be a number",
    "bool_type": "this is to be `true` or `false`",
    "list_type": "this is to be a list",
    "dict_type": "this is to be an object",
    "model_type": "this is to be an object",
    "too_long": "this has too many entries",
    "too_short": "this is empty",
    "string_too_short": "this text is too short",
    "string_too_long": "this text is too long",
    "union_tag_not_found": "a loop needs a `type`, either `for_each` or `while`",
    "union_tag_invalid": "the type of a loop is `for_each` or `while`",
}


def _worded(error: _Complaint) -> str:
    said = WORDS.get(error.type)
    if said is None:
        message = error.message.removeprefix("Value error, ")
        said = message[0].lower() + message[1:]
    return said.replace("input should be", "this is to be")


def _kind(node: Node) -> str:
    match node:
        case Object():
            return "an object"
        case Sequence():
            return "a list"
        case Scalar(value=None):
            return "null"
        case Scalar(value=str()):
            return "a text"
        case Scalar(value=bool()):
            return "`true` or `false`"
    return "a number"
