"""Random expressions of the plan, well typed by construction, and contexts to evaluate them in.

Each strategy makes expressions of one type; deeper ones are drawn less often. Numbers lie close to the
limits as often as close to zero, and each node that can fail has a place of its own."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from hypothesis import strategies as st

from flowlang.plan import model as plan
from flowlang.values.times import MAX_DURATION
from flowlang.values.value import MAX_INT, MIN_INT

INTS = st.one_of(
    st.integers(-10, 10),
    st.sampled_from([MAX_INT, MIN_INT, MAX_INT - 1, 1 << 30, -(1 << 30), 1 << 40, (1 << 30) - 1]),
)
FLOATS = st.one_of(
    st.integers(-8, 8).map(lambda n: n / 2), st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324, 0.1])
)
STRINGS = st.one_of(
    st.sampled_from(["", "a", "ab", "a,b,,c", "né\U0001f600", "7", "-1.5", " x\r\ny\n"]), st.text(max_size=6)
)
DURATIONS = st.sampled_from([0, 1, 1_500_000, -90_000_000, MAX_DURATION])
DATETIMES = st.sampled_from([0, -1, 1_714_564_800_000_000, 253_402_300_799_999_999])

ITEM = plan.RecordType(
    fields=(
        plan.FieldType(name="n", type=plan.ScalarType(kind="int")),
        plan.FieldType(name="s", type=plan.ScalarType(kind="string")),
        plan.FieldType(name="f", type=plan.OptionalType(inner=plan.ScalarType(kind="float"))),
    )
)
RECORDS = st.fixed_dictionaries({"n": INTS, "s": STRINGS, "f": st.one_of(st.none(), FLOATS)})
SHAPES = st.one_of(
    st.builds(lambda n: {"case": "Circle", "r": n}, INTS),
    st.builds(lambda s: {"case": "Named", "name": s}, STRINGS),
)
CONTEXTS = st.fixed_dictionaries(
    {
        "i": INTS, "j": INTS, "x": FLOATS, "b": st.booleans(), "s": STRINGS, "t": STRINGS,
        "d": DURATIONS, "w": DATETIMES,
        "ns": st.lists(INTS, max_size=5), "xs": st.lists(FLOATS, max_size=4),
        "ss": st.lists(STRINGS, max_size=5),
        "r": RECORDS, "rs": st.lists(RECORDS, max_size=4), "m": st.dictionaries(STRINGS, INTS, max_size=3),
        "oi": st.one_of(st.none(), INTS), "o": st.one_of(st.none(), RECORDS), "u": SHAPES,
    }
)  # fmt: skip
NAMES = {
    "int": ["i", "j"], "float": ["x"], "bool": ["b"], "string": ["s", "t"],
    "duration": ["d"], "datetime": ["w"],
    "ints": ["ns"], "floats": ["xs"], "strings": ["ss"], "record": ["r"], "records": ["rs"], "map": ["m"],
    "int?": ["oi"], "record?": ["o"], "union": ["u"],
}  # fmt: skip
CONSTANTS = {
    "int": INTS, "float": FLOATS, "bool": st.booleans(), "string": STRINGS,
    "duration": DURATIONS, "datetime": DATETIMES,
}  # fmt: skip
ITEMS = {"ints": "int", "floats": "float", "strings": "string", "records": "record"}
LISTS = {item: name for name, item in ITEMS.items()}


@attrs.define
class Maker:
    """Draws expressions; `names` are those in scope by type, `places` counts nodes."""

    draw: Callable
    names: dict[str, list[str]] = attrs.field(factory=lambda: {k: list(v) for k, v in NAMES.items()})
    places: int = 0

    def at(self) -> plan.Place:
        self.places += 1
        return plan.Place(0, self.places, 1, self.places, 2)

    def one_of(self, *choices):
        return self.draw(st.sampled_from(choices))

    def make(self, type: str, depth: int) -> plan.Expr:
        if depth <= 0 or self.draw(st.integers(0, 9)) == 0:
            return self.leaf(type)
        kind = self.one_of("own", "own", "own", "own", "any")
        return self.anywhere(type, depth - 1) if kind == "any" else getattr(self, FORMS[type])(depth - 1)

    def leaf(self, type: str) -> plan.Expr:
        if type in CONSTANTS and self.draw(st.booleans()):
            return plan.Constant(value=self.draw(CONSTANTS[type]))
        return plan.Variable(name=self.one_of(*self.names[type]))

    def anywhere(self, type: str, depth: int) -> plan.Expr:
        """Forms that work for every type."""
        match self.one_of("if", "match", "coalesce"):
            case "if":
                condition, then = self.make("bool", depth), self.make(type, depth)
                return plan.If(condition=condition, then=then, otherwise=self.make(type, depth))
            case "match":
                return self.match(type, depth)
            case _ if type in ("int", "record"):
                return plan.Coalesce(left=self.make(f"{type}?", depth), right=self.make(type, depth))
        return self.leaf(type)

    def match(self, type: str, depth: int) -> plan.Expr:
        subject = self.make("union", depth)
        circle = self.scoped("int", "q", type, depth)
        named = self.scoped("string", "q2", type, depth)
        last = (
            plan.ElsePattern()
            if self.draw(st.booleans())
            else plan.CasePattern(case="Named", bindings={"q2": "name"})
        )
        if isinstance(last, plan.ElsePattern):
            named = self.make(type, depth)
        return plan.Match(
            subject=subject,
            arms=(
                plan.MatchArm(pattern=plan.CasePattern(case="Circle", bindings={"q": "r"}), value=circle),
                plan.MatchArm(pattern=last, value=named),
            ),
        )

    def scoped(self, type: str, name: str, body: str, depth: int) -> plan.Expr:
        """An expression of type `body` in which `name` is known, whatever it is outside."""
        outer = self.names
        self.names = {t: [n for n in names if n != name] + [name] * (t == type) for t, names in outer.items()}
        made = self.make(body, depth)
        self.names = outer
        return made

    def operate(self, operator: str, depth: int, *types: str) -> plan.Expr:
        return plan.Operate(
            operator=operator, operands=tuple(self.make(t, depth) for t in types), at=self.at()
        )

    def apply(self, function: str, depth: int, *types: str) -> plan.Expr:
        return plan.Apply(
            function=function, arguments=tuple(self.make(t, depth) for t in types), at=self.at()
        )

    def loop(self, function: str, depth: int, items: str, result: str) -> plan.Expr:
        receiver = self.make(items, depth)
        name = self.one_of("p", "q", "i")  # may shadow
        body = self.scoped(ITEMS[items], name, result, min(depth, 2))
        arguments = (receiver, plan.Lambda(params=(name,), body=body))
        return plan.Apply(function=function, arguments=arguments, at=self.at())

    def int_(self, depth: int) -> plan.Expr:
        match self.one_of(
            "binary", "binary", "binary", "neg", "measure", "function", "sum", "member", "count"
        ):
            case "binary":
                return self.operate(
                    self.one_of("int.add", "int.sub", "int.mul", "int.mod"), depth, "int", "int"
                )
            case "neg":
                return self.operate("int.neg", depth, "int")
            case "measure":
                name, type = self.one_of(("list", "records"), ("string", "string"), ("map", "map"))
                return self.apply(f"{name}.size", depth, type)
            case "function":
                name = self.one_of("div", "min", "max", "abs", "float.round", "float.floor")
                if name.startswith("float"):
                    return self.apply(name, depth, "float")
                return self.apply(f"int.{name}", depth, *["int"] * (1 if name == "abs" else 2))
            case "sum":
                return self.apply("list.sum.int", depth, "ints")
            case "member":
                return plan.Member(target=self.make("record", depth), field="n", at=self.at())
            case _:
                return self.loop("list.count", depth, self.one_of(*ITEMS), "bool")

    def float_(self, depth: int) -> plan.Expr:
        match self.one_of("binary", "binary", "binary", "neg", "widen", "function", "sum"):
            case "binary":
                name = self.one_of("add", "sub", "mul", "div", "mod")
                return self.operate(f"float.{name}", depth, "float", "float")
            case "neg":
                return self.operate("float.neg", depth, "float")
            case "widen":
                return plan.Widen(value=self.make("int", depth), type=plan.ScalarType(kind="float"))
            case "function":
                return self.apply(self.one_of("float.sqrt", "float.abs"), depth, "float")
            case _:
                return self.apply("list.sum.float", depth, "floats")

    def bool_(self, depth: int) -> plan.Expr:
        match self.one_of("compare", "compare", "equal", "junction", "not", "is", "in", "loop", "text"):
            case "compare":
                type = self.one_of("int", "float", "string", "duration", "datetime")
                return self.operate(self.one_of("lt", "le", "gt", "ge"), depth, type, type)
            case "equal":
                type = self.one_of("int", "string", "ints", "record", "int?", "bool", "map")
                return self.operate(self.one_of("eq", "ne"), depth, type, type)
            case "junction":
                form = self.one_of(plan.And, plan.Or)
                return form(left=self.make("bool", depth), right=self.make("bool", depth))
            case "not":
                return self.operate("not", depth, "bool")
            case "is":
                type, case = self.one_of(("union", "Circle"), ("int?", None), ("record?", None))
                return plan.Is(value=self.make(type, depth), case=case)
            case "in":
                return self.operate(
                    *self.one_of(("in.list", depth, "int", "ints"), ("in.map", depth, "string", "map"))
                )
            case "loop":
                return self.loop(
                    self.one_of("list.any", "list.all", "list.none"), depth, self.one_of(*ITEMS), "bool"
                )
            case _:
                return self.apply(
                    f"string.{self.one_of('contains', 'starts_with', 'ends_with')}", depth, "string", "string"
                )

    def string_(self, depth: int) -> plan.Expr:
        match self.one_of(
            "add", "template", "template", "function", "replace", "member", "encode", "pad", "join"
        ):
            case "add":
                return self.operate("string.add", depth, "string", "string")
            case "template":
                return plan.Template(
                    parts=tuple(self.hole(depth) for _ in range(self.one_of(1, 2, 3, 4))), at=self.at()
                )
            case "function":
                return self.apply(
                    f"string.{self.one_of('upper', 'lower', 'trim', 'base64', 'url_encode')}", depth, "string"
                )
            case "replace":
                return self.apply("string.replace", depth, "string", "string", "string")
            case "member":
                return plan.Member(target=self.make("record", depth), field="s", at=self.at())
            case "encode":
                return plan.Encode(form="text", value=self.make("record", depth), type=ITEM, at=self.at())
            case "pad":
                width = plan.Constant(value=self.one_of(-2000, -3, 0, 5, 1500))
                return plan.Apply(
                    function="string.pad", arguments=(self.make("string", depth), width), at=self.at()
                )
            case _:
                return self.apply("list.join", depth, "strings", "string")

    def hole(self, depth: int):
        match self.one_of("text", "string", "int", "float", "bool", "duration", "datetime"):
            case "text":
                return self.draw(STRINGS)
            case "string":
                return self.make("string", depth)
            case type:
                return self.operate(f"format.{type}", depth, type)

    def duration_(self, depth: int) -> plan.Expr:
        match self.one_of("add", "sub", "neg", "mul", "div", "diff"):
            case "neg":
                return self.operate("duration.neg", depth, "duration")
            case "mul" | "div" as name:
                return self.operate(f"duration.{name}", depth, "duration", self.one_of("int", "float"))
            case "diff":
                return self.operate("datetime.diff", depth, "datetime", "datetime")
            case name:
                return self.operate(f"duration.{name}", depth, "duration", "duration")

    def datetime_(self, depth: int) -> plan.Expr:
        return self.operate(self.one_of("datetime.add", "datetime.sub"), depth, "datetime", "duration")

    def list_of(self, type: str, depth: int) -> plan.Expr:
        items = ITEMS[type]
        match self.one_of("literal", "filter", "map", "function", "concat", "flat", "sort"):
            case "literal":
                return plan.MakeList(
                    items=tuple(self.make(items, depth) for _ in range(self.one_of(0, 1, 2)))
                )
            case "filter":
                return self.loop("list.filter", depth, type, "bool")
            case "map":
                return self.loop("list.map", depth, self.one_of(*ITEMS), items)
            case "function":
                return self.apply(self.one_of("list.reverse", "list.distinct"), depth, type)
            case "concat":
                return self.apply("list.concat", depth, type, type)
            case "flat":
                return self.loop("list.flat_map", depth, self.one_of(*ITEMS), type)
            case _:
                return self.loop("list.sort_by", depth, type, self.one_of("int", "string", "float"))

    def ints(self, depth: int) -> plan.Expr:
        if self.one_of(1, 2, 3) == 1:
            return self.operate("range", depth, "int", "int")
        return self.list_of("ints", depth)

    def floats(self, depth: int) -> plan.Expr:
        return self.list_of("floats", depth)

    def strings(self, depth: int) -> plan.Expr:
        if self.one_of(1, 2, 3) == 1:
            return self.apply("string.split", depth, "string", "string")
        return self.list_of("strings", depth)

    def records(self, depth: int) -> plan.Expr:
        return self.list_of("records", depth)

    def record(self, depth: int) -> plan.Expr:
        def pair(name: str, value: plan.Expr) -> plan.Pair:
            return plan.Pair(key=plan.Constant(value=name), value=value)

        pairs = [
            pair("n", self.make("int", depth)),
            pair("s", self.make("string", depth)),
            pair("f", self.make("float", depth)),
        ]
        if self.draw(st.booleans()):
            pairs = [plan.Pair(key=None, value=self.make("record", depth)), pairs[self.one_of(0, 1, 2)]]
        return plan.MakeObject(map=False, pairs=tuple(pairs), at=self.at())

    def map_(self, depth: int) -> plan.Expr:
        match self.one_of("literal", "merge", "without"):
            case "literal":
                keyed = plan.Pair(key=self.make("string", depth), value=self.make("int", depth))
                spread = plan.Pair(key=None, value=self.make("map", depth))
                pairs = self.one_of((keyed,), (keyed, spread), (spread, keyed))
                return plan.MakeObject(map=True, pairs=pairs, at=self.at())
            case "merge":
                return self.apply("map.merge", depth, "map", "map")
            case _:
                return self.apply("map.without", depth, "map", "string")

    def optional_int(self, depth: int) -> plan.Expr:
        match self.one_of("index", "key", "function", "safe", "find", "parse"):
            case "index":
                return plan.Index(
                    of="list", target=self.make("ints", depth), index=self.make("int", depth), at=self.at()
                )
            case "key":
                return plan.Index(
                    of="map", target=self.make("map", depth), index=self.make("string", depth), at=self.at()
                )
            case "function":
                return self.apply(
                    self.one_of("list.first", "list.last", "list.min", "list.max"), depth, "ints"
                )
            case "safe":
                return plan.Member(target=self.make("record?", depth), field="n", safe=True, at=self.at())
            case "find":
                return self.loop("list.find", depth, "ints", "bool")
            case _:
                return self.apply("string.int", depth, "string")

    def optional_record(self, depth: int) -> plan.Expr:
        return self.loop(self.one_of("list.find"), depth, "records", "bool")

    def union(self, depth: int) -> plan.Expr:
        name, field, type = self.one_of(("Circle", "r", "int"), ("Named", "name", "string"))
        pairs = (
            plan.Pair(key=plan.Constant(value="case"), value=plan.Constant(value=name)),
            plan.Pair(key=plan.Constant(value=field), value=self.make(type, depth)),
        )
        return plan.MakeObject(map=False, pairs=pairs, at=self.at())


FORMS = {
    "int": "int_", "float": "float_", "bool": "bool_", "string": "string_",
    "duration": "duration_", "datetime": "datetime_",
    "ints": "ints", "floats": "floats", "strings": "strings", "record": "record",
    "records": "records", "map": "map_",
    "int?": "optional_int", "record?": "optional_record", "union": "union",
}  # fmt: skip


@st.composite
def expressions(draw, depth: int = 5) -> plan.Expr:
    """An expression of any type over the names of CONTEXTS."""
    maker = Maker(draw)
    return maker.make(maker.one_of(*FORMS), depth)


@st.composite
def arithmetic(draw, kind: str) -> plan.Expr:
    """A tree of nothing but sums, differences and products over names and constants of one kind."""
    maker = Maker(draw)

    def tree(depth: int) -> plan.Expr:
        if depth == 0 or draw(st.integers(0, 3)) == 0:
            return maker.leaf(kind)
        operator = maker.one_of("add", "sub", "mul")
        operands = (tree(depth - 1), tree(depth - 1))
        return plan.Operate(operator=f"{kind}.{operator}", operands=operands, at=maker.at())

    return tree(4)
