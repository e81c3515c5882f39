"""A plan written in Python, without gluing strings:

    plan = (
        Plan("brief", "Find pages and sum them up.")
        .input("topic", "string")
        .step("pages", agent="search", query="${inputs.topic}")
        .step("texts", agent="read", url="${page.url}").for_each("results.pages", item="page", at_once=4)
        .step("brief", agent="summarise", texts="${results.texts}").retry(3, on=["Unavailable"])
        .output("${results.brief}")
    )

Plans never change: each call gives a new one, and the clauses (`after`, `when`, `retry`, …) are about the
step that was added last. What a value means is what it means in YAML, `${…}` included. A plan becomes the
same tree by the same translation, from its text as JSON; what is wrong in an expression is shown there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal, TypeAlias

import attrs
from pydantic import ValidationError

from flowlang.planning.agents import Agents
from flowlang.planning.model import ExecutionPlan
from flowlang.planning.translation import module_of
from flowlang.planning.writing import plan_text
from flowlang.syntax import ast
from flowlang.text.source import Source

Value: TypeAlias = Any
"""A JSON value, in whose strings `${…}` stands for what it names."""

Length: TypeAlias = "str | float | timedelta"
"""A length of time: "30s", a number of seconds, or a timedelta."""

Fields: TypeAlias = Mapping[str, Value]


@attrs.frozen
class Plan:
    """A plan under way. `name` is its id, `intent` what it is for."""

    name: str
    intent: str = ""
    fields: Fields = attrs.field(factory=dict, kw_only=True)
    steps: tuple[Fields, ...] = attrs.field(default=(), kw_only=True)

    # The plan

    def input(
        self, name: str, type: str, *, default: Value = attrs.NOTHING, description: str | None = None
    ) -> Plan:
        """With an input of a type such as `string` or `list<string>?`."""
        says: dict[str, Value] = {"type": type}
        if default is not attrs.NOTHING:
            says["default"] = default
        if description is not None:
            says["description"] = description
        inputs = {**self.fields.get("inputs", {}), name: says if len(says) > 1 else type}
        return self._with(inputs=inputs)

    def metadata(self, **values: Value) -> Plan:
        """With constants that expressions see as `metadata.NAME`."""
        return self._with(metadata={**self.fields.get("metadata", {}), **values})

    def output(self, value: Value) -> Plan:
        """With another result than the record of all results."""
        return self._with(output=value)

    def sequential(self) -> Plan:
        """With steps that run one after the other, as they are added."""
        return self._with(strategy="sequential")

    def within(self, time: Length) -> Plan:
        """With a longest time of the whole."""
        return self._with(timeout=_length(time))

    # Its steps

    def step(self, id: str, *, agent: str, description: str | None = None, **parameters: Value) -> Plan:
        """With a step that calls an agent. Parameters whose names Python keeps for itself, or this method,
        are given by `with_parameters`."""
        says: dict[str, Value] = {"step_id": id, "agent_id": agent}
        if description is not None:
            says["description"] = description
        if parameters:
            says["parameters"] = parameters
        return attrs.evolve(self, steps=(*self.steps, says))

    def group(self, id: str, steps: Plan, *, output: Value = attrs.NOTHING) -> Plan:
        """With a step made of the steps of another plan."""
        says: dict[str, Value] = {"step_id": id, "steps": list(steps.steps)}
        says |= {name: value for name, value in steps.fields.items() if name in ("strategy", "output")}
        if output is not attrs.NOTHING:
            says["output"] = output
        return attrs.evolve(self, steps=(*self.steps, says))

    # Clauses of the last step

    def with_parameters(self, parameters: Fields) -> Plan:
        """The last step gives its agent these too."""
        return self._last(parameters={**self._of_last("parameters", {}), **parameters})

    def after(self, *steps: str) -> Plan:
        """The last step waits for these, whose results it need not mention."""
        return self._last(dependencies=[*self._of_last("dependencies", []), *steps])

    def when(self, condition: str) -> Plan:
        """The last step is skipped unless this holds."""
        return self._last(condition=condition)

    def retry(
        self,
        attempts: int,
        *,
        on: Iterable[str] = (),
        backoff: Literal["constant", "linear", "exponential"] | None = None,
        delay: Length | None = None,
        most: Length | None = None,
    ) -> Plan:
        """The last step tries its call so often, the first time included; `delay` and `most` are the first
        and the longest wait between two attempts."""
        policy: dict[str, Value] = {"max_retries": attempts}
        if backoff is not None:
            policy["backoff_type"] = backoff
        if delay is not None:
            policy["initial_delay"] = _length(delay)
        if most is not None:
            policy["max_delay"] = _length(most)
        if errors := list(on):
            policy["retry_on"] = errors
        return self._last(retry_policy=policy)

    def timeout(self, time: Length) -> Plan:
        """The last step takes at most this long, with all its attempts."""
        return self._last(timeout=_length(time))

    def otherwise(self, value: Value, *, on: Iterable[str] = ()) -> Plan:
        """Where the last step fails, this value stands for its result."""
        return self._last(fallback=_with_errors({"value": value}, on))

    def fallback(self, *, agent: str, on: Iterable[str] = (), **parameters: Value) -> Plan:
        """Where the last step fails, this call stands for it."""
        return self._last(fallback=_with_errors({"agent_id": agent, "parameters": parameters}, on))

    def undo(self, *, agent: str, **parameters: Value) -> Plan:
        """The call that takes the last step back when the plan fails later."""
        return self._last(undo={"agent_id": agent, "parameters": parameters})

    def breaker(self, failures: int, reset: Length) -> Plan:
        """The agent of the last step is left alone for a while after so many failures."""
        return self._last(circuit_breaker={"failure_threshold": failures, "reset_timeout": _length(reset)})

    def key(self, text: str) -> Plan:
        """All attempts of the last step carry this idempotency key."""
        return self._last(idempotency_key=text)

    def for_each(self, items: str | list[Value], *, item: str = "item", at_once: int | None = None) -> Plan:
        """The last step is done for each item of a list, which expressions call `item`."""
        loop: dict[str, Value] = {"type": "for_each", "items": items, "item": item}
        if at_once is not None:
            loop["max_parallel"] = at_once
        return self._last(loop=loop)

    def repeat(self, condition: str, *, at_most: int) -> Plan:
        """The last step is done again while a condition holds of its last result, which is null at first."""
        return self._last(loop={"type": "while", "condition": condition, "max_iterations": at_most})

    # What becomes of it

    def value(self) -> dict[str, Value]:
        """The plan as a JSON value."""
        intent = {"intent": self.intent} if self.intent else {}
        return {"plan_id": self.name, **intent, **self.fields, "steps": list(self.steps)}

    def model(self) -> ExecutionPlan:
        """The plan as a model. Raises ValueError where it has another shape than a plan."""
        try:
            return ExecutionPlan.model_validate(self.value())
        except ValidationError as wrong:
            raise ValueError(str(wrong)) from None

    def json(self) -> str:
        return plan_text(self.value(), "json")

    def yaml(self) -> str:
        return plan_text(self.value(), "yaml")

    def module(self, agents: Agents, path: str | None = None) -> ast.Module:
        """The tree of the plan, as if its JSON stood in a file at `path`, with its mistakes in it."""
        return module_of(Source(path or f"{self.name}.json", self.json()), agents)

    def _with(self, **fields: Value) -> Plan:
        return attrs.evolve(self, fields={**self.fields, **fields})

    def _last(self, **fields: Value) -> Plan:
        if not self.steps:
            raise ValueError("add a step first, with `step` or `group`")
        return attrs.evolve(self, steps=(*self.steps[:-1], {**self.steps[-1], **fields}))

    def _of_last(self, name: str, otherwise: Value) -> Value:
        return self.steps[-1].get(name, otherwise) if self.steps else otherwise


def _length(time: Length) -> str | float:
    return f"{time // timedelta(milliseconds=1)}ms" if isinstance(time, timedelta) else time


def _with_errors(fields: dict[str, Value], errors: Iterable[str]) -> dict[str, Value]:
    named = list(errors)
    return {**fields, "on": named} if named else fields
