"""The seven rules that keep expressions harmless, one by one."""

from __future__ import annotations

import ast
import enum
from collections import OrderedDict
from types import CodeType, FunctionType

import pytest
from hypothesis import given, settings
from support.generated import expressions
from support.outcomes import compiled_outcome, outcome, walked_outcome

from flowlang.plan import model as plan
from flowlang.values import compiler, evaluation
from flowlang.values.compiler import compile_expression
from flowlang.values.evaluation import Budget
from flowlang.values.generator import Generator
from flowlang.values.value import MAX_DEPTH, MAX_INT, MAX_ITEMS, MAX_TEXT, Misfit, normalise, weight
from flowlang.values.verifier import Unsafe, verify

AT = plan.Place(0, 3, 5, 3, 9)
INT = plan.ScalarType(kind="int")


def constant(value) -> plan.Constant:
    return plan.Constant(value=value)


def name(of: str) -> plan.Variable:
    return plan.Variable(name=of)


def apply(function: str, *arguments: plan.Expr | plan.Lambda) -> plan.Apply:
    return plan.Apply(function=function, arguments=arguments, at=AT)


def operate(operator: str, *operands: plan.Expr) -> plan.Operate:
    return plan.Operate(operator=operator, operands=operands, at=AT)


def each(parameter: str, body: plan.Expr) -> plan.Lambda:
    return plan.Lambda(params=(parameter,), body=body)


def failure(expr: plan.Expr, **context) -> str:
    found = outcome(expr, context)
    assert found.error == "EvaluationFailed" and found.at == AT, found
    return found.message


# 1. Only whitelisted nodes; user text is only ever a constant

ALLOWED = (
    ast.Constant, ast.Name, ast.Load, ast.Store, ast.Subscript, ast.BinOp, ast.operator, ast.UnaryOp,
    ast.unaryop, ast.BoolOp, ast.boolop, ast.Compare, ast.cmpop, ast.IfExp, ast.NamedExpr, ast.ListComp,
    ast.comprehension, ast.JoinedStr, ast.FormattedValue, ast.List, ast.Tuple, ast.Dict, ast.Call,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_rule_1_only_whitelisted_nodes(expr):
    generator = Generator()
    for node in ast.walk(generator.expression(expr, {})):
        assert isinstance(node, ALLOWED)
        if isinstance(node, ast.FormattedValue):
            assert node.format_spec is None and node.conversion == -1
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name) and not node.keywords
        if isinstance(node, ast.Name):
            ours = node.id in ("C", "B") or node.id in compiler._HELPERS or node.id[1:].isdigit()
            assert ours, node.id


HOSTILE = ['__import__("os")', "{0.__class__}", "%s%n", "a\0b", "'); import os; ('", "C", "B", "t1", "${x}"]


@pytest.mark.parametrize("text", HOSTILE)
def test_rule_1_user_text_is_a_constant(text):
    assert outcome(plan.Template(parts=(text, name("x"), text), at=AT), {"x": text}).value == text * 3
    field = plan.Member(target=name("r"), field=text, at=AT)
    assert outcome(field, {"r": {text: 7}}).value == 7
    assert outcome(name(text), {text: 1}).value == 1
    looped = apply("list.map", name("xs"), each(text, name(text)))
    assert outcome(looped, {"xs": [1, 2], text: 0}).value == [1, 2]


def test_rule_1_there_are_no_builtins():
    code = compile_expression(
        apply("list.map", name("xs"), each("x", operate("int.add", name("x"), constant(1))))
    )
    assert isinstance(code, FunctionType)
    assert code.__globals__["__builtins__"] == {}


# 2. The verifier


def code_of(source: str) -> CodeType:
    return next(c for c in compile(source, "<test>", "exec").co_consts if isinstance(c, CodeType))


@pytest.mark.parametrize(
    "body",
    [
        "return C.x", "return C.x()", "import os", "from os import path", "global X; X = 1",
        "C[0] = 1", "del C[0]",
        "yield 1", "return (x for x in C)", "return f(*C)", "return f(**C)", "class A: pass", "with C: pass",
        "return [x.y for x in C]", "C.x = 1", "return lambda: C.x", "return unknown", "return __builtins__",
    ],
)  # fmt: skip
def test_rule_2_the_verifier_refuses(body):
    with pytest.raises(Unsafe):
        verify(code_of(f"def expression(C, B):\n    {body}"), {"f"})


@settings(max_examples=60, deadline=None)
@given(expressions())
def test_rule_2_the_verifier_admits_what_is_generated(expr):
    assert isinstance(compile_expression(expr), FunctionType), "nothing ordinary is left to the walker"


# 3. Values are normalised where they enter


class Sly(str):
    def __add__(self, other):
        raise AssertionError("reached")


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("foreign", "path", "message"),
    [
        (Sly("x"), "", "a Sly is not plain data"),
        ({"a": [1, Colour.RED]}, "a[1]", "a Colour is not plain data"),
        (OrderedDict(a=1), "", "an OrderedDict is not plain data"),
        ({"a": {1: 2}}, "a", "a key must be a string, not an int (1)"),
        ({"n": [MAX_INT + 1]}, "n[0]", "9223372036854775808 does not fit a 64-bit int"),
        (10**1000, "", "a number of 3322 bits does not fit a 64-bit int"),
        ([float("inf")], "[0]", "inf is not a finite number"),
        ([float("nan")], "[0]", "nan is not a finite number"),
        ({"a b": "\ud800"}, '["a b"]', "the string is not valid UTF-8"),
        ({"\udfff": 1}, '["\\u{dfff}"]', "the string is not valid UTF-8"),
        (b"bytes", "", "a bytes is not plain data"),
        ({1, 2}, "", "a set is not plain data"),
        ("x" * (MAX_TEXT + 1), "", "the value is larger than 1 MiB of JSON"),
        ([0] * (MAX_TEXT + 1), "", "the value is larger than 1 MiB of JSON"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_rule_3_what_is_not_plain_is_refused(foreign, path, message):
    with pytest.raises(Misfit) as caught:
        normalise(foreign)
    assert caught.value.path == path
    assert caught.value.message.startswith(message)


def test_rule_3_depth_is_capped_and_cycles_end():
    cycle: list = []
    cycle.append(cycle)
    wide: dict = {}
    wide["a"] = wide["b"] = wide
    for endless in (cycle, wide):
        with pytest.raises(Misfit, match="holds itself or nests deeper"):
            normalise(endless)
    nested: object = 1
    for _ in range(MAX_DEPTH):
        nested = [nested]
    assert normalise(nested) == nested
    with pytest.raises(Misfit, match="nests deeper"):
        normalise([nested])


def test_rule_3_normalising_copies():
    mine = {"a": [1, {"b": (2,)}]}
    made = normalise(mine)
    mine["a"].append(3)
    assert made == {"a": [1, {"b": [2]}]}


def test_rule_3_shared_parts_count_each_time():
    bomb: object = "x" * 100
    for _ in range(40):
        bomb = [bomb, bomb]
    assert weight(bomb, 1000) > 1000
    with pytest.raises(Misfit, match="larger than 1 MiB"):
        normalise(bomb)


@pytest.mark.parametrize("value", [MAX_INT + 1, float("nan"), "\ud800", [MAX_INT + 1]])
def test_rule_3_constants_of_a_plan_are_looked_at(value):
    message = failure(operate("eq", plan.Constant.model_construct(value=value), constant(1)))
    assert "64-bit" in message or "finite" in message or "UTF-8" in message


# 4. Raw operators only on proven types; overflow is an error


@pytest.mark.parametrize(
    ("expr", "context", "message"),
    [
        (operate("int.add", name("i"), constant(1)), {"i": MAX_INT}, f"{MAX_INT} + 1 overflows a 64-bit int"),
        (
            operate("int.sub", name("i"), constant(2)),
            {"i": -MAX_INT},
            f"({-MAX_INT}) - 2 overflows a 64-bit int",
        ),
        (
            operate("int.mul", name("i"), name("i")),
            {"i": 1 << 32},
            "4294967296 * 4294967296 overflows a 64-bit int",
        ),
        (operate("int.neg", name("i")), {"i": -MAX_INT - 1}, f"-({-MAX_INT - 1}) overflows a 64-bit int"),
        (operate("int.mod", name("i"), constant(0)), {"i": 1}, "division by zero"),
        (apply("int.div", name("i"), constant(0)), {"i": 1}, "division by zero"),
        (
            apply("int.div", name("i"), constant(-1)),
            {"i": -MAX_INT - 1},
            f"{MAX_INT + 1} does not fit a 64-bit int",
        ),
        (
            operate("float.mul", name("x"), name("x")),
            {"x": 1e200},
            "1e+200 * 1e+200 is too large for a float",
        ),
        (
            operate("float.div", name("x"), constant(1e-300)),
            {"x": 1e200},
            "1e+200 / 1e-300 is too large for a float",
        ),
        (operate("float.div", name("x"), constant(0.0)), {"x": 1.0}, "division by zero"),
        (operate("float.mod", name("x"), constant(0.0)), {"x": 1.0}, "division by zero"),
        (apply("float.round", name("x")), {"x": 1e300}, f"{10**300:d}"[:5]),
        (apply("float.sqrt", name("x")), {"x": -4.0}, "-4.0 is negative and has no square root"),
        (
            apply("list.sum.int", name("xs")),
            {"xs": [MAX_INT, 1]},
            "the sum of the list overflows a 64-bit int",
        ),
    ],
)
def test_rule_4_no_result_leaves_its_type(expr, context, message):
    assert failure(expr, **context).startswith(message)


def test_rule_4_a_plan_that_no_checker_saw_fails_without_a_traceback():
    assert "does not fit" in failure(operate("int.add", name("i"), constant(1)), i="text")
    assert "there is no" in failure(plan.Member(target=name("r"), field="gone", at=AT), r={})
    assert "there is no" in failure(apply("list.explode", name("xs")), xs=[1])
    assert outcome(name("nobody"), {}).message.startswith('there is no "nobody"')
    assert "does not fit" in failure(
        operate("not", apply("list.map", name("xs"), plan.Lambda(params=(), body=constant(1)))), xs=[]
    )


# 5. The budget is charged from sizes, before anything is built

BIG = "x" * MAX_TEXT
MANY = list(range(MAX_ITEMS))


@pytest.mark.parametrize(
    "expr",
    [
        operate("string.add", name("s"), constant("y")),
        plan.Template(parts=("a", name("s")), at=AT),
        apply("string.repeat", name("s"), constant(2)),
        apply("string.repeat", constant("ab"), constant(MAX_INT)),
        apply("string.pad", constant("a"), constant(MAX_INT)),
        apply("string.pad", constant("a"), constant(-MAX_INT)),
        apply("string.replace", name("s"), constant("x"), constant("yz")),
        apply("string.replace", name("s"), constant("x"), name("s")),
        apply(
            "list.join",
            apply("list.map", operate("range", constant(0), constant(100)), each("i", name("s"))),
            name("s"),
        ),
        apply("string.base64", name("s")),
        plan.Encode(form="text", value=name("s"), type=plan.ScalarType(kind="string"), at=AT),
        plan.Encode(form="canonical", value=name("bomb"), type=plan.ScalarType(kind="json"), at=AT),
    ],
)
def test_rule_5_no_string_over_1_mib(expr):
    bomb: object = "x" * 100
    for _ in range(60):
        bomb = [bomb, bomb]
    assert "larger than 1 MiB" in failure(expr, s=BIG, bomb=bomb)


@pytest.mark.parametrize(
    "expr",
    [
        operate("range", constant(0), constant(MAX_INT)),
        operate("range", constant(-MAX_INT), constant(MAX_INT)),
        apply("list.concat", name("xs"), constant([1])),
        apply("list.flat_map", constant([1, 2]), each("i", name("xs"))),
        apply("string.split", name("s"), constant("")),
        apply("string.split", name("s"), constant("x")),
        apply("string.find_all", name("s"), constant("x")),
        apply("string.lines", apply("string.replace", name("s"), constant("x"), constant("\n"))),
    ],
)
def test_rule_5_no_list_over_100_000(expr):
    assert "longer than 100,000" in failure(expr, s=BIG, xs=MANY)


def test_rule_5_a_loop_is_paid_where_it_is_entered():
    body = operate("int.add", name("x"), constant(1))  # three nodes
    loop = apply("list.map", name("xs"), each("x", body))
    assert outcome(loop, {"xs": [1, 2, 3, 4]}).spent == 4 * 3
    assert (
        outcome(
            apply("list.any", name("xs"), each("x", operate("eq", name("x"), constant(1)))), {"xs": [1] * 5}
        ).spent
        == 15
    )
    assert outcome(operate("int.add", name("x"), constant(1)), {"x": 1}).spent == 0, "bounded by its source"
    poor = outcome(loop, {"xs": [MAX_INT] * 4}, 11)
    assert poor.message == "this takes more than the 11 units of work that one evaluation may do"
    assert poor.spent == 12, "the loop was not entered, or it would have overflowed"


def test_rule_5_nested_loops_end():
    inner = apply("list.count", name("xs"), each("y", operate("eq", name("x"), name("y"))))
    loop = apply("list.map", name("xs"), each("x", inner))
    assert "units of work" in compiled_outcome(loop, {"xs": MANY}).message


def test_rule_5_equal_values_cannot_be_compared_for_free():
    """Long strings that are equal but not the same take long to compare, and lists share what they hold."""
    many = ["x" * MAX_TEXT for _ in range(8)] * 1000
    expr = apply("list.count", name("xs"), each("x", operate("eq", name("x"), name("s"))))
    assert "units of work" in failure(expr, xs=many * 10, s="x" * MAX_TEXT)
    for function in ("sort", "max"):
        found = compiled_outcome(apply(f"list.{function}", name("xs")), {"xs": many * 10})
        assert "units of work" in found.message, function
    one: list = [0] * 1000
    other: list = [0] * 1000
    for _ in range(3):
        one, other = [one] * 1000, [other] * 1000
    assert "units of work" in failure(operate("eq", name("a"), name("b")), a=one, b=other)
    assert "units of work" in failure(apply("list.distinct", name("a")), a=one)
    assert "units of work" in failure(operate("in.list", name("a"), name("b")), a=one[0], b=other)


# 6. Patterns run in linear time


def test_rule_6_patterns_are_linear():
    evil = apply("string.matches", name("s"), constant("(a+)+$"))
    assert outcome(evil, {"s": "a" * 50_000 + "b"}).value is False
    assert "missing )" in failure(apply("string.matches", constant("x"), constant("(")))


# 7. Failures carry a place and no host traceback


def test_rule_7_the_innermost_place_is_reported():
    inner, outer = plan.Place(0, 1, 1, 1, 2), plan.Place(0, 9, 9, 9, 10)
    division = plan.Operate(operator="int.mod", operands=(name("x"), constant(0)), at=inner)
    expr = plan.Apply(function="list.map", arguments=(name("xs"), each("x", division)), at=outer)
    assert outcome(expr, {"xs": [1]}).at == inner


def test_rule_7_no_host_traceback():
    expr = operate("int.mod", name("x"), constant(0))
    for evaluate in (compile_expression(expr), lambda context, budget: compiler.walk(expr, context, budget)):
        with pytest.raises(evaluation.EvaluationError) as caught:
            evaluate({"x": 1}, Budget())
        assert caught.value.__context__ is None and caught.value.__cause__ is None


# Depth: what is wide is read in a loop, what is deep is refused or walked


@pytest.mark.parametrize("length", [10, 39, 40, 41, 1500])
def test_long_chains(length):
    total: plan.Expr = constant(0)
    text: plan.Expr = constant("")
    both: plan.Expr = constant(True)
    nothing: plan.Expr = constant(1)
    items: plan.Expr = constant([0])
    for _ in range(length):
        total = operate("int.add", total, name("one"))
        text = operate("string.add", text, constant("a"))
        both = plan.And(left=both, right=operate("eq", name("one"), constant(1)))
        nothing = plan.Coalesce(left=constant(None), right=nothing)
        items = apply("list.reverse", items)
    context = {"one": 1}
    assert outcome(total, context).value == length
    assert outcome(text).value == "a" * length
    assert outcome(both, context).value is True
    assert outcome(nothing).value == 1
    assert outcome(items).value == [0]


def test_the_longest_sum_that_an_expression_can_hold():
    total: plan.Expr = name("a")
    for _ in range(8191):
        total = operate("int.add", total, name("a"))
    assert outcome(total, {"a": 1}).value == 8192


def test_a_long_chain_in_a_branch_of_a_loop():
    total: plan.Expr = name("x")
    for _ in range(1000):
        total = operate("int.add", total, apply("list.size", name("xs")))
    body = plan.If(condition=operate("gt", name("x"), constant(0)), then=total, otherwise=constant(0))
    assert outcome(apply("list.map", name("xs"), each("x", body)), {"xs": [-1, 2]}).value == [0, 2002]


def test_a_long_chain_of_else_if():
    expr: plan.Expr = constant(-1)
    for number in reversed(range(900)):
        expr = plan.If(
            condition=operate("eq", name("x"), constant(number)), then=constant(number), otherwise=expr
        )
    assert outcome(expr, {"x": 700}).value == 700


def test_loops_in_loops():
    body: plan.Expr = name("x0")
    for level in range(60):
        body = apply("list.map", constant([level]), each(f"x{level}", body))
    assert compiled_outcome(body, {}) == walked_outcome(body, {})


def test_what_nests_too_deep_fails_and_does_not_crash():
    expr: plan.Expr = constant(1)
    for _ in range(3000):
        expr = operate("int.add", constant(1), expr)
    assert compiled_outcome(expr, {}).message in ("the expression nests too deep", "")
