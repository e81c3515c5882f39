"""Every annotation that has a meaning in a flow, and some that have none."""

import collections.abc
import datetime as dt
import typing as t
from dataclasses import KW_ONLY, InitVar, dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum, auto
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypedDict, Union

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Lens = Literal["facts", "style"]
Url = NewType("Url", str)
Maybe = str | None


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Size(StrEnum):
    SMALL = auto()
    LARGE = auto()


class Rank(IntEnum):
    FIRST = 1  # mistake: the parameter `a`: `Rank.FIRST` is not a string (give every value of the enum as text: `RED = "red"`)


class Options(TypedDict, total=False):
    deep: bool
    limit: t.Required[int]


class Point(NamedTuple):
    x: float
    y: float = 0.0


@dataclass
class Base:
    a: int
    shared: t.ClassVar[int] = 0
    cache: dict[str, int] = field(init=False, default_factory=dict)


@dataclass
class Derived(Base):
    _: KW_ONLY
    b: list[Color]
    a: float


class Page(BaseModel):
    model_config = ConfigDict(frozen=True)
    url: Url
    at: datetime
    _hidden: int = 1


class Aliased(BaseModel):
    url: str = Field(alias="URL")  # mistake: the parameter `a`: `alias` gives a field another name (a flow uses the names of the class: drop it)


class Ok(BaseModel):
    case: Literal["Ok"] = "Ok"
    url: str


class No(BaseModel):
    case: Literal["No"] = "No"


Outcome = Ok | No


class Plain:  # mistake: the parameter `a`: `Plain` is not a class that a flow understands (make it a dataclass, a TypedDict, a pydantic model, or an Enum of strings)
    x: int


class Tree(BaseModel):
    children: "list[Tree]"  # mistake: the parameter `a`: `Tree` contains itself (types of a flow are finite: use `Any` for a value of any depth)


class Box(Generic[t.TypeVar("T")]):  # mistake: the parameter `a`: `Box` has a base that cannot be read: `Generic[t.TypeVar('T')]` (write its fields out in a class of this folder)
    x: int


class Mixed(Enum):
    A = "a"
    B = 2  # mistake: the parameter `a`: `Mixed.B` is not a string (give every value of the enum as text: `RED = "red"`)


class Keeps(BaseModel):
    key: SecretStr  # mistake: the parameter `a`: a secret cannot be a part of a value (make it a parameter of its own)


def scalars(a: str, b: int, c: float, d: bool, e: None) -> None: ...  # agent: scalars(a: string, b: int, c: float, d: bool, e: null) -> null
def times(a: datetime, b: timedelta, c: dt.datetime) -> dt.timedelta: ...  # agent: times(a: datetime, b: duration, c: datetime) -> duration
def lists(a: list[int], b: t.List[str], c: collections.abc.Sequence[bool], d: tuple[int, ...]) -> list: ...  # agent: lists(a: list<int>, b: list<string>, c: list<bool>, d: list<int>) -> list<json>
def maps(a: dict[str, int], b: t.Mapping[str, Any], c: dict) -> t.Dict[str, "float"]: ...  # agent: maps(a: map<int>, b: map<json>, c: map<json>) -> map<float>
def optionals(a: Optional[int], b: int | None, c: Union[None, str], d: Maybe, e: "None | Maybe") -> None: ...  # agent: optionals(a: int?, b: int?, c: string?, d: string?, e: string?) -> null
def anything(a: Any, b: object, c: list[t.Any]) -> Any: ...  # agent: anything(a: json, b: json, c: list<json>) -> json
def texts(a: Literal["x", "y"], b: Lens, c: Literal["x", None], d: Lens | Literal["z"]) -> Lens: ...  # agent: texts(a: "x" | "y", b: Lens, c: "x"?, d: "facts" | "style" | "z") -> Lens
def enums(a: Color, b: Size) -> Size | Color: ...  # agent: enums(a: Color, b: Size) -> "small" | "large" | "red" | "blue"
def numbers(a: int | float) -> float: ...  # agent: numbers(a: float) -> float
def wrapped(a: Annotated[int, Field(gt=0)], b: Url, c: SecretStr) -> Url: ...  # agent: wrapped(a: int, b: string, c: secret<string>) -> string
def records(a: Options, b: Point, c: Derived, d: Page) -> list[Page]: ...  # agent: records(a: Options, b: Point, c: Derived, d: Page) -> list<Page>
def unions(a: Outcome, b: Outcome | None) -> Outcome: ...  # agent: unions(a: Outcome, b: Outcome?) -> Outcome
def quoted(a: "list[int]") -> "Page": ...  # agent: quoted(a: list<int>) -> Page
def bad_set(a: set[int]) -> None: ...  # mistake: the parameter `a`: `set` has no counterpart in a flow (a set has no order: use `list[T]`)
def bad_bytes(a: int) -> bytes: ...  # mistake: the result: `bytes` has no counterpart in a flow (use `str`, or `flowlang.File` for content)
def bad_tuple(a: tuple[int, str]) -> None: ...  # mistake: the parameter `a`: `tuple` has no counterpart in a flow (use `list[T]`, or a dataclass, whose fields have names)
def bad_date(a: date) -> None: ...  # mistake: the parameter `a`: `datetime.date` has no counterpart in a flow (use `datetime`, or `str`)
def bad_decimal(a: Decimal) -> None: ...  # mistake: the parameter `a`: `decimal.Decimal` has no counterpart in a flow (use `float`, or `str` to keep every digit)
def bad_path(a: Path) -> None: ...  # mistake: the parameter `a`: `pathlib.Path` has no counterpart in a flow (use `str`, or `flowlang.File` for content)
def bad_union(a: int | str) -> None: ...  # mistake: the parameter `a`: a value of a flow has one type, not `int` or `string` (give each class a field `case: Literal["Name"]` to make a tagged union, or use `Any` and read the value with `as` in the flow)
def bad_keys(a: dict[int, str]) -> None: ...  # mistake: the parameter `a`: the keys of a map are strings (write `dict[str, T]`)
def bad_literal(a: Literal[1]) -> None: ...  # mistake: the parameter `a`: a `Literal` in a flow has strings only (such as `Literal["a", "b"]`)
def bad_enum(a: Rank) -> None: ...
def bad_mixed(a: Mixed) -> None: ...
def bad_class(a: Plain) -> None: ...
def bad_tree(a: Tree) -> None: ...
def bad_generic(a: Box) -> None: ...
def bad_alias(a: Aliased) -> None: ...
def bad_case(a: Ok | No) -> None: ...  # mistake: the parameter `a`: a tagged union needs a name (write `Outcome = A | B` at the top of the module, and annotate with `Outcome`)
def bad_secret(a: Keeps) -> SecretStr: ...  # mistake: an agent cannot give back a secret
def bad_name(a: Unknown) -> None: ...  # mistake: the parameter `a`: `Unknown` is not known here (import it, or define it in this file)
def bad_value(a: 3) -> None: ...  # mistake: the parameter `a`: `3` is not a type
def bad_function(a: bad_value) -> None: ...  # mistake: the parameter `a`: `bad_value` is a function, not a type
def bad_string(a: "list[") -> None: ...  # mistake: the parameter `a`: `'list['` is not a type
