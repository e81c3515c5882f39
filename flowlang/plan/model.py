"""The plan: what a checked module compiles to, as JSON with a published schema.

A plan is closed: it holds every flow that can be reached from its module, every agent, error and event
they name, and the place in the source of whatever can fail. Names are resolved, defaults and policies
stand where they apply, dependencies are written out, and expressions carry the types that the checker
proved in the choice of their operations (`int.add`, `list.map`), so that whoever runs a plan needs no
types but those at the boundaries.

Values: a duration is an int of microseconds, a datetime an int of microseconds since 1970 UTC, a case of
a tagged union is an object with its name under "case" beside its fields. Their JSON form at a boundary
("1h30m", RFC 3339) is made and read by type. A path in a block is the name of a statement; what has no
name of its own gets one that no author can write: `!return1`, `!fail1`, `!require1`, `!yield`."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

PLAN_VERSION: Final = 1

ATTEMPT_TIMEOUT: Final = 10 * 60 * 1_000_000
"""What ends an attempt of a call whose agent says nothing: ten minutes, in microseconds."""


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)

    def __init__(self, **fields: object) -> None:
        """A node of parts that are known to fit; see above."""
        object.__setattr__(self, "__dict__", _defaults(type(self)) | fields)
        object.__setattr__(self, "__pydantic_fields_set__", set(fields))
        object.__setattr__(self, "__pydantic_extra__", None)
        object.__setattr__(self, "__pydantic_private__", None)

    # So that pydantic makes what it has validated in its own way.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


@cache
def _defaults(model: type[Model]) -> dict[str, object]:
    return {name: field.default for name, field in model.model_fields.items() if not field.is_required()}


class Place(NamedTuple):
    """Where something stands: index into `Plan.sources`, then lines and columns from 1, end excluded."""

    source: int
    line: int
    column: int
    end_line: int
    end_column: int


# Types


class ScalarType(Model):
    kind: Literal["string", "int", "float", "bool", "null", "duration", "datetime", "json", "file"]


class ListType(Model):
    kind: Literal["list"] = "list"
    item: Type


class MapType(Model):
    kind: Literal["map"] = "map"
    value: Type


class OptionalType(Model):
    kind: Literal["optional"] = "optional"
    inner: Type


class SecretType(Model):
    kind: Literal["secret"] = "secret"
    inner: Type


class FieldType(Model):
    name: str
    type: Type
    doc: str | None = None


class RecordType(Model):
    """Values hold every field, in this order; a missing optional one is null."""

    kind: Literal["record"] = "record"
    fields: tuple[FieldType, ...]
    name: str | None = None


class EnumType(Model):
    kind: Literal["enum"] = "enum"
    values: tuple[str, ...]
    name: str | None = None


class CaseType(Model):
    name: str
    fields: tuple[FieldType, ...] = ()


class UnionType(Model):
    kind: Literal["union"] = "union"
    name: str
    cases: tuple[CaseType, ...]


Type: TypeAlias = Annotated[
    ScalarType | ListType | MapType | OptionalType | SecretType | RecordType | EnumType | UnionType,
    Field(discriminator="kind"),
]


# Expressions


class Constant(Model):
    """`unit` says that a number is a duration; it is for those who show the plan."""

    kind: Literal["constant"] = "constant"
    value: JsonValue
    unit: Literal["duration"] | None = None


class Variable(Model):
    """A parameter, step, let, loop variable, lambda parameter, or ambient name, by its plain name."""

    kind: Literal["variable"] = "variable"
    name: str


class Member(Model):
    """A field of a record or a case; with `safe` null where the target is null."""

    kind: Literal["member"] = "member"
    target: Expr
    field: str
    safe: bool = False
    at: Place


class Index(Model):
    """An item of a list, a value of a map, a character of a string; null where there is none."""

    kind: Literal["index"] = "index"
    of: Literal["list", "map", "string"]
    target: Expr
    index: Expr
    at: Place


Operator: TypeAlias = Literal[
    "int.add", "int.sub", "int.mul", "int.mod", "int.neg",
    "float.add", "float.sub", "float.mul", "float.div", "float.mod", "float.neg",
    "string.add", "range",
    "duration.add", "duration.sub", "duration.neg", "duration.mul", "duration.div", "duration.ratio",
    "duration.mod", "datetime.add", "datetime.sub", "datetime.diff",
    "eq", "ne", "lt", "le", "gt", "ge", "in.list", "in.map", "not",
    "format.int", "format.float", "format.bool", "format.duration", "format.datetime",
]  # fmt: skip


class Operate(Model):
    """A strict operation on values of proven types.

    `duration.mul` takes a duration and an int or float, `duration.div` the same and divides,
    `duration.ratio` two durations and gives a float. `datetime.add/sub` take a datetime and a duration,
    `datetime.diff` two datetimes. `eq` and `ne` compare structurally. `format.*` give the text of a hole."""

    kind: Literal["operate"] = "operate"
    operator: Operator
    operands: tuple[Expr, ...]
    at: Place


class And(Model):
    kind: Literal["and"] = "and"
    left: Expr
    right: Expr


class Or(Model):
    kind: Literal["or"] = "or"
    left: Expr
    right: Expr


class Coalesce(Model):
    kind: Literal["coalesce"] = "coalesce"
    left: Expr
    right: Expr


class If(Model):
    kind: Literal["if"] = "if"
    condition: Expr
    then: Expr
    otherwise: Expr


class Template(Model):
    """An interpolated string: constant pieces, and expressions that give strings (see `format.*`)."""

    kind: Literal["template"] = "template"
    parts: tuple[str | Expr, ...]
    at: Place


class MakeList(Model):
    kind: Literal["list"] = "list"
    items: tuple[Expr, ...]


class Pair(Model):
    """`key` None spreads the fields or entries of `value`; later pairs win."""

    key: Expr | None
    value: Expr


class MakeObject(Model):
    """A record (`map` false), a case of a union (its name under the constant key "case"), or a map."""

    kind: Literal["object"] = "object"
    map: bool
    pairs: tuple[Pair, ...]
    at: Place


class Apply(Model):
    """A built-in function by its name in the catalogue, the receiver first; with `safe` null where the
    receiver is null. A Lambda stands only here."""

    kind: Literal["apply"] = "apply"
    function: str
    arguments: tuple[Expr | Lambda, ...]
    safe: bool = False
    at: Place


class Lambda(Model):
    kind: Literal["lambda"] = "lambda"
    params: tuple[str, ...]
    body: Expr


class Is(Model):
    """Whether a value is a case of its union, or (case None) null."""

    kind: Literal["is"] = "is"
    value: Expr
    case: str | None


class Cast(Model):
    """`x as T`: `json` read as a type (BadValue with the path that does not fit)."""

    kind: Literal["cast"] = "cast"
    value: Expr
    type: Type
    at: Place


class Widen(Model):
    """A value made what `type` says: ints floats, and a missing optional field null. `null` stays null."""

    kind: Literal["widen"] = "widen"
    value: Expr
    type: Type


class Encode(Model):
    """A typed value in its JSON form: as a `json` value, as text, or as canonical text (for `hash()`); with
    `safe` null where the value is null."""

    kind: Literal["encode"] = "encode"
    form: Literal["json", "text", "canonical"]
    value: Expr
    type: Type
    safe: bool = False
    at: Place


class CasePattern(Model):
    """Matches a case by name and binds fields: name to field."""

    kind: Literal["case"] = "case"
    case: str
    bindings: dict[str, str] = {}


class ValuePattern(Model):
    kind: Literal["value"] = "value"
    value: str | int | bool | None


class ElsePattern(Model):
    kind: Literal["else"] = "else"


Pattern: TypeAlias = Annotated[CasePattern | ValuePattern | ElsePattern, Field(discriminator="kind")]


class MatchArm(Model):
    pattern: Pattern
    value: Expr


class Match(Model):
    kind: Literal["match"] = "match"
    subject: Expr
    arms: tuple[MatchArm, ...]


Expr: TypeAlias = Annotated[
    Constant | Variable | Member | Index | Operate | And | Or | Coalesce | If | Template | MakeList
    | MakeObject | Apply | Lambda | Is | Cast | Widen | Encode | Match,
    Field(discriminator="kind"),
]  # fmt: skip


# Tasks


class Evaluate(Model):
    kind: Literal["evaluate"] = "evaluate"
    value: Expr


class CallAgent(Model):
    """A call of an agent or an ask. Arguments left out take the parameter's default. `widen` asks for the
    value as by `Widen`, where the call stands for a wider type than its agent gives."""

    kind: Literal["call"] = "call"
    agent: str
    arguments: dict[str, Expr]
    widen: Type | None = None
    at: Place


class CallFlow(Model):
    """A call of a flow, with its arguments and `widen` as for an agent."""

    kind: Literal["flow"] = "flow"
    flow: str
    arguments: dict[str, Expr]
    widen: Type | None = None
    at: Place


class ForEach(Model):
    """`first` and `second`: item and index over a list, key and value over a map. The body's result is
    the item's value. Neither `at_once` nor `in_order`: as many at once as the engine allows."""

    kind: Literal["for_each"] = "for_each"
    over: Literal["list", "map"]
    source: Expr
    first: str
    second: str | None = None
    where: Expr | None = None
    at_once: Expr | None = None
    in_order: bool = False
    tolerating: Expr | None = None
    body: Block
    at: Place


class While(Model):
    kind: Literal["while"] = "while"
    condition: Expr
    limit: Expr
    or_fail: bool = False
    every: Expr | None = None
    state: str
    initial: Expr
    body: Block
    at: Place


class ChooseArm(Model):
    condition: Expr
    task: Task


class Choose(Model):
    """The first arm whose condition holds; null where none does and there is no `otherwise`."""

    kind: Literal["choose"] = "choose"
    arms: tuple[ChooseArm, ...]
    otherwise: Task | None = None
    at: Place


class MatchTaskArm(Model):
    pattern: Pattern
    task: Task


class MatchTask(Model):
    kind: Literal["match"] = "match"
    subject: Expr
    arms: tuple[MatchTaskArm, ...]
    at: Place


class Do(Model):
    kind: Literal["do"] = "do"
    body: Block
    at: Place


class Race(Model):
    """`count` None is `race` (one value), else `first count of` (a list). Branches, or one for each."""

    kind: Literal["race"] = "race"
    count: Expr | None = None
    branches: tuple[Task, ...] = ()
    each: ForEach | None = None
    at: Place


class Wait(Model):
    """Waits for an event; `where` has the event in scope as `binding`."""

    kind: Literal["wait"] = "wait"
    event: str
    binding: str | None = None
    where: Expr | None = None
    at: Place


class Sleep(Model):
    """For a duration, or (`until`) to an instant."""

    kind: Literal["sleep"] = "sleep"
    until: bool = False
    time: Expr
    at: Place


class Fail(Model):
    kind: Literal["fail"] = "fail"
    error: str
    fields: dict[str, Expr]
    at: Place


Task: TypeAlias = Annotated[
    Evaluate | CallAgent | CallFlow | ForEach | While | Choose | MatchTask | Do | Race | Wait | Sleep | Fail,
    Field(discriminator="kind"),
]


# Policies


class Backoff(Model):
    shape: Literal["constant", "linear", "exponential"] = "exponential"
    initial: Expr
    maximum: Expr | None = None


class Until(Model):
    """Retries while `condition` is false of the value, in scope as `binding`."""

    binding: str
    condition: Expr


class Retry(Model):
    """`times` further attempts on `errors`; none named: all but EvaluationFailed, BadValue, LoopExhausted."""

    times: Expr
    errors: tuple[str, ...] = ()
    backoff: Backoff | None = None
    within: Expr | None = None
    until: Until | None = None


class Quota(Model):
    """`window` None: so many at once; else so many starts in each window of microseconds."""

    count: int
    window: int | None = None


class Breaker(Model):
    """Opens after `failures` within a window, lets one probe through after `reset`; microseconds."""

    failures: int
    within: int
    reset: int


class Catch(Model):
    """`errors` empty: any failure. `binding` names the failure's fields in the handler."""

    errors: tuple[str, ...] = ()
    binding: str | None = None
    handler: Task
    at: Place


# Statements


class Statement(Model):
    """What all statements share.

    `depends` names the statements of the same block that must settle first, barriers among them; `wave` is
    the longest way to it, from 0; `free` are the names from outside and from the block that it mentions."""

    name: str
    depends: tuple[str, ...] = ()
    wave: int = 0
    free: tuple[str, ...] = ()
    at: Place
    fingerprint: str = ""
    doc: str | None = None


class Step(Statement):
    """A task with its clauses. `type` is what others see, `task_type` what the task gives and `undo` sees.

    `raises` are the declared errors that may leave it; `effect` the strongest effect below it, null
    where one is not declared. `after` keeps the names of the clause, for showing; they are in `depends`."""

    kind: Literal["step"] = "step"
    task: Task
    type: Type
    task_type: Type
    guard: Expr | None = None
    otherwise: Expr | None = None
    after: tuple[str, ...] = ()
    key: Expr | None = None
    attempt_timeout: Expr | None = None
    retry: Retry | None = None
    timeout: Expr | None = None
    catches: tuple[Catch, ...] = ()
    undo: Task | None = None
    finally_: Block | None = Field(default=None, alias="finally")
    raises: tuple[str, ...] = ()
    effect: Literal["pure", "read", "idempotent", "write"] | None = "pure"


class Let(Statement):
    kind: Literal["let"] = "let"
    value: Expr
    type: Type


class ReturnWhen(Statement):
    """Ends the flow with the task's value where `condition` holds."""

    kind: Literal["return_when"] = "return_when"
    condition: Expr
    task: Task


class FailWhen(Statement):
    """Fails the block where `condition` holds (always, where there is none)."""

    kind: Literal["fail_when"] = "fail_when"
    condition: Expr | None = None
    failure: Fail


class Require(Statement):
    """Fails with RequirementFailed where `condition` does not hold."""

    kind: Literal["require"] = "require"
    condition: Expr
    message: Expr | None = None


class Result(Statement):
    """The block's value: the unconditional `return`, `yield` or `next`."""

    kind: Literal["result"] = "result"
    task: Task


class Ensure(Statement):
    """Checked on the way out, with the block's value in scope as `result`."""

    kind: Literal["ensure"] = "ensure"
    condition: Expr
    message: Expr | None = None


AnyStatement: TypeAlias = Annotated[
    Step | Let | ReturnWhen | FailWhen | Require | Result | Ensure, Field(discriminator="kind")
]

Strategy: TypeAlias = Literal["sequential", "parallel", "conditional", "loop"]


class Block(Model):
    """Statements in source order. `in order` is already written into their `depends`.

    `strategy` is a summary for readers: "loop" and "conditional" where every step is one, else whether
    any two statements may run at the same time."""

    strategy: Strategy
    statements: tuple[AnyStatement, ...]
    type: Type


# Declarations


class Parameter(Model):
    """`default` None with `required` false: the provider knows the default."""

    name: str
    type: Type
    required: bool = True
    default: Expr | None = None
    doc: str | None = None


class Provider(Model):
    """Where an agent of a `use` comes from: `kind` python, `target` as written, `path` of the file that says
    so, `member` the name there. An agent without one is bound by configuration or on the command line."""

    kind: str
    target: str
    path: str
    member: str


class Agent(Model):
    """`timeout` and `cache` in microseconds. `timeout` is of each attempt; only an ask may have none."""

    asks: bool = False
    parameters: tuple[Parameter, ...]
    result: Type
    raises: tuple[str, ...] = ()
    effect: Literal["pure", "read", "idempotent", "write"] | None = None
    timeout: int | None
    retry: Retry | None = None
    limits: tuple[Quota, ...] = ()
    breaker: Breaker | None = None
    cache: int | None = None
    provider: Provider | None = None
    at: Place
    doc: str | None = None


class Bound(Model):
    """The most calls of an agent that one run can make: a formula, and the number where it is one."""

    formula: str
    calls: int | None


class Flow(Model):
    """`longest` is the longest time a run can take, in microseconds; null where a wait has no deadline or a
    loop's length is not known before the run. Undos, and waiting for the limits of agents, come on top."""

    parameters: tuple[Parameter, ...]
    result: Type
    raises: tuple[str, ...] = ()
    timeout: Expr | None = None
    body: Block
    bounds: dict[str, Bound] = {}
    longest: int | None = None
    effect: Literal["pure", "read", "idempotent", "write"] | None = None
    at: Place
    fingerprint: str = ""
    doc: str | None = None


class ErrorType(Model):
    fields: tuple[FieldType, ...] = ()
    doc: str | None = None


class EventType(Model):
    fields: tuple[FieldType, ...] = ()
    doc: str | None = None


class SourceFile(Model):
    """A file the plan was compiled from, with the hash of its text (sha256, hex)."""

    path: str
    sha256: str


class Plan(Model):
    """`flows`, `agents`, `errors` and `events` are keyed by name. What comes from an imported module has the
    name of its file before a dot, with as much of its folders as tells it from others: `eu/hotels.book`.
    `main` is the flow that runs where none is named: `main`, or the only one."""

    format: Literal["flowlang.plan"] = "flowlang.plan"
    version: Literal[1] = PLAN_VERSION
    main: str | None
    flows: dict[str, Flow]
    agents: dict[str, Agent] = {}
    errors: dict[str, ErrorType] = {}
    events: dict[str, EventType] = {}
    sources: tuple[SourceFile, ...]
