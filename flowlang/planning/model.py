"""What a plan may say: the fields of an `ExecutionPlan`, as models whose JSON Schema is for language models.

The descriptions are written for whoever writes plans, a person or a model, and stand in the schema
(`flow schema execution-plan`). What a field means is said by its translation (`steps`, `clauses`): each has
exactly one form in the language. Names, types and expressions are checked there, at their places."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictFloat,
    StrictInt,
    model_validator,
)

MAX_STEPS: Final = 10_000
MAX_NAMES: Final = 1_000
MAX_ATTEMPTS: Final = 1_000
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Strategy: TypeAlias = Literal["sequential", "parallel", "conditional", "loop"]

Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
Expression: TypeAlias = Annotated[
    StrictBool | Annotated[str, Field(min_length=1)],
    Field(description="An expression, such as `results.search.size() > 0 and inputs.depth == 1`."),
]
Duration: TypeAlias = Annotated[
    Annotated[str, Field(min_length=2, max_length=64)]
    | Annotated[StrictInt, Field(ge=0)]
    | Annotated[StrictFloat, Field(ge=0)],
    Field(description='A length of time, such as "30s", "1h30m" or "250ms"; a number counts seconds.'),
]
Parameters: TypeAlias = Annotated[
    dict[str, JsonValue],
    Field(
        max_length=MAX_NAMES,
        description="The agent's arguments by name. A string that is one `${…}` is the value of that "
        "expression; in others it puts a value into the text, and `\\${` stands for itself.",
    ),
]


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RetryPolicy(Model):
    """What to do when a call fails."""

    max_retries: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] = Field(
        description="The most attempts, the first one included: 3 is a first attempt and two more."
    )
    backoff_type: Literal["constant", "linear", "exponential"] = "exponential"
    initial_delay: Duration | None = Field(None, description="The wait before the second attempt.")
    max_delay: Duration | None = Field(None, description="The longest wait between two attempts.")
    jitter: bool | None = Field(
        None, description="Exponential waits have full jitter, the others none; this can only say the same."
    )
    retry_on: list[str] = Field(
        [], description="Errors that are worth another attempt; without any, all that may pass by themselves."
    )


class ForEach(Model):
    """Do the step for every item, all at the same time unless `max_parallel` says otherwise."""

    type: Literal["for_each"]
    items: Annotated[str, Field(min_length=1)] | list[JsonValue] = Field(
        description="An expression that gives a list, such as `results.search`, or the list itself."
    )
    item: Id = Field("item", description="What expressions call the current item.")
    max_parallel: Annotated[int, Field(ge=1)] | None = Field(
        None, description="The most items at the same time; 1 is one after the other."
    )


class While(Model):
    """Do the step again while `condition` holds of its last result, which is null before the first round."""

    type: Literal["while"]
    condition: Expression
    max_iterations: Annotated[int, Field(ge=1)]


Loop: TypeAlias = Annotated[ForEach | While, Field(discriminator="type")]


class Fallback(Model):
    """What to do instead when the step has failed for good: another call, or a value."""

    agent_id: Id | None = None
    parameters: Parameters = {}
    value: JsonValue = None
    on: list[str] = Field([], description="The errors that it is for; without any, all.")

    @model_validator(mode="after")
    def _either(self) -> Fallback:
        if self.agent_id is not None and "value" in self.model_fields_set:
            raise ValueError("a fallback is a call or a value, not both")
        if self.agent_id is None and "value" not in self.model_fields_set:
            raise ValueError("a fallback needs an `agent_id` or a `value`")
        return self


class CircuitBreaker(Model):
    """Stop calling an agent that keeps failing. All its calls count, whichever step makes them."""

    failure_threshold: Annotated[int, Field(ge=1)]
    reset_timeout: Duration = Field(description="How long calls fail at once before one is tried again.")


class Undo(Model):
    """The call that takes the step back, when the plan fails later."""

    agent_id: Id
    parameters: Parameters = {}


class AgentStep(Model):
    """One step: a call of an agent, or a group of `steps`; with `loop` again and again."""

    step_id: Id = Field(description="Names the step; others see its result as `results.STEP_ID`.")
    description: str | None = None
    agent_id: Id | None = Field(None, description="The agent to call. Leave it out on a step with `steps`.")
    task_type: str | None = Field(None, description="A word for what the step does; for readers only.")
    parameters: Parameters = {}
    dependencies: list[str] = Field(
        [], description="Steps to wait for whose results are not mentioned anyway. Mentioning one is enough."
    )
    condition: Expression | None = Field(
        None, description="Skip the step unless this holds. The result of a skipped step is null."
    )
    retry_policy: RetryPolicy | None = None
    timeout: Duration | None = Field(None, description="The longest time of the step with all its attempts.")
    loop: Loop | None = None
    steps: list[AgentStep] = Field(
        [], description="The steps of a group; its result has theirs by their ids."
    )
    strategy: Strategy | None = Field(None, description="How the `steps` of a group run.")
    output: JsonValue = Field(None, description="The result of a group; else a record of all its results.")
    fallback: Fallback | None = None
    circuit_breaker: CircuitBreaker | None = None
    undo: Undo | None = None
    idempotency_key: str | None = Field(
        None, description="The same text for all attempts; needed to retry what writes. May hold `${…}`."
    )


class Input(Model):
    """An input of the plan."""

    type: str = Field(description="Its type, such as `string`, `int`, `list<string>` or `{ url: string }?`.")
    default: JsonValue = None
    description: str | None = None


class ExecutionPlan(Model):
    """A plan: steps that call agents, checked and run like any flow.

    Expressions see `results.STEP_ID`, `inputs.NAME` and `metadata.NAME`, and the item of a loop by its name.
    Steps run at the same time unless one mentions another's result or names it in `dependencies`."""

    plan_id: Id
    intent: str = Field("", description="What the plan is for.")
    inputs: dict[Id, str | Input] = Field(
        {},
        max_length=MAX_NAMES,
        description="The inputs by name: a type such as `string`, or an object with `type` and `default`.",
    )
    steps: Annotated[list[AgentStep], Field(min_length=1, max_length=MAX_STEPS)]
    strategy: Strategy = Field(
        "parallel",
        description="`sequential`: each step waits for the one above. All others: as the results allow.",
    )
    output: JsonValue = Field(
        None, description="The result of the plan, such as `${results.write}`; else a record of all results."
    )
    timeout: Duration | None = Field(None, description="The longest time of the whole plan.")
    metadata: dict[str, JsonValue] = Field(
        {}, max_length=MAX_NAMES, description="Constants, seen as `metadata.NAME`."
    )


def execution_plan_schema() -> dict[str, JsonValue]:
    """The JSON Schema of a plan, to be given to a language model as the schema of its answer."""
    schema: dict[str, JsonValue] = ExecutionPlan.model_json_schema()
    return {"$schema": DIALECT, "$id": "flowlang-execution-plan-1.json", **schema}
