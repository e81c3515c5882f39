"""The reference walker: an evaluator one can read, the specification of the compiled one.

What an expression means, what it charges and how it fails is what this says; the compiler is held to it
by a property test, and leaves to it what Python's own compiler refuses. It recurses only off the spine
(see `shapes`), so it needs no more depth than an author can nest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, assert_never

from flowlang.plan import model as plan
from flowlang.plan.model import Expr, Place
from flowlang.values import conversions, lists, shapes, strings
from flowlang.values.codec import reader_of
from flowlang.values.encoding import encoder_of
from flowlang.values.evaluation import Budget, charge, explained, fail
from flowlang.values.functions import CHARGING, FUNCTIONS, KEYED, OPERATORS
from flowlang.values.value import Value

Scope: TypeAlias = Mapping[str, Value]


def walk(expr: Expr, context: Scope, budget: Budget) -> Value:
    """The value of an expression; `context` holds the names it mentions. Raises EvaluationError."""
    forms, leaf = shapes.spine(expr)
    pending = [*forms, leaf]
    try:
        value = _leaf(pending[-1], context, budget)
        while len(pending) > 1:
            pending.pop()
            value = _form(pending[-1], value, context, budget)
    except Exception as error:
        failure = explained(error, _place(pending))
    else:
        return value
    raise failure


def _place(pending: Sequence[Expr]) -> Place | None:
    """Where the innermost form that is being evaluated stands, or else the next around it."""
    places = (getattr(form, "at", None) for form in reversed(pending))
    return next((at for at in places if at is not None), None)


def _leaf(expr: Expr, scope: Scope, budget: Budget) -> Value:
    match expr:
        case plan.Constant(value=value):
            return conversions.constant(value)
        case plan.Variable(name=name):
            return scope[name]
        case plan.Template(parts=parts):
            texts = [part if isinstance(part, str) else walk(part, scope, budget) for part in parts]
            return strings.template(budget, *texts)
        case plan.MakeList(items=items):
            return [walk(item, scope, budget) for item in items]
        case plan.MakeObject():
            return _object(expr, scope, budget)
    raise TypeError(f"{expr.kind} is no expression")


def _object(expr: plan.MakeObject, scope: Scope, budget: Budget) -> Value:
    parts: list[dict[str, Value]] = [{}]
    for pair in expr.pairs:
        if pair.key is None:
            parts += (walk(pair.value, scope, budget), {})
        else:
            key = walk(pair.key, scope, budget)
            parts[-1][key] = walk(pair.value, scope, budget)
    if len(parts) == 1:
        return parts[0]
    return lists.merge(budget, *parts)


def _form(form: Expr, value: Value, scope: Scope, budget: Budget) -> Value:
    """The value of a form whose first operand has the value `value`."""
    match form:
        case plan.Member(field=field, safe=safe):
            return None if safe and value is None else value[field]
        case plan.Index(of=of, index=index):
            return _AT[of](value, walk(index, scope, budget))
        case plan.Operate():
            return _operate(form, value, scope, budget)
        case plan.And() | plan.Or() | plan.Coalesce():
            return _junction(form, value, scope, budget)
        case plan.If():
            return _if(form, value, scope, budget)
        case plan.Apply(safe=safe):
            return None if safe and value is None else _apply(form, value, scope, budget)
        case plan.Is(case=case):
            return value is None if case is None else value is not None and value["case"] == case
        case plan.Cast(type=type):
            return conversions.cast(budget, value, reader_of(type))
        case plan.Widen(type=type):
            return conversions.widened(budget, value, type)
        case plan.Encode(form=encoding, type=type, safe=safe):
            if safe and value is None:
                return None
            return conversions.ENCODINGS[encoding](budget, value, encoder_of(type))
        case plan.Match():
            return _match(form, value, scope, budget)
    raise TypeError(f"{form.kind} has no operand")


_AT: Final[dict[str, Callable[[Value, Value], Value]]] = {
    "list": lists.at,
    "string": strings.at,
    "map": lambda entries, key: entries.get(key),
}


def _operate(form: plan.Operate, value: Value, scope: Scope, budget: Budget) -> Value:
    operands = [value, *(walk(operand, scope, budget) for operand in form.operands[1:])]
    if form.operator in CHARGING:
        payer = Budget() if shapes.is_free(form) else budget
        return CHARGING[form.operator](payer, *operands)
    return OPERATORS[form.operator](*operands)


def _junction(form: shapes.Junction, value: Value, scope: Scope, budget: Budget) -> Value:
    """The first operand that settles it, or the last one."""
    for operand in shapes.junction(form)[1:]:
        match form:
            case plan.And():
                settled = value is False
            case plan.Or():
                settled = value is True
            case plan.Coalesce():
                settled = value is not None
            case _:
                assert_never(form)
        if settled:
            break
        value = walk(operand, scope, budget)
    return value


def _if(form: plan.If, value: Value, scope: Scope, budget: Budget) -> Value:
    (_, first), *others = (chain := shapes.branches(form))[0]
    if value:
        return walk(first, scope, budget)
    for condition, then in others:
        if walk(condition, scope, budget):
            return walk(then, scope, budget)
    return walk(chain[1], scope, budget)


def _match(form: plan.Match, value: Value, scope: Scope, budget: Budget) -> Value:
    for arm in form.arms:
        match arm.pattern:
            case plan.CasePattern(case=case, bindings=bindings):
                if value is not None and value["case"] == case:
                    bound = {name: value[field] for name, field in bindings.items()}
                    return walk(arm.value, {**scope, **bound}, budget)
            case plan.ValuePattern(value=literal):
                if value == literal:
                    return walk(arm.value, scope, budget)
            case plan.ElsePattern():
                return walk(arm.value, scope, budget)
    fail("no arm of the match fits")


def _apply(form: plan.Apply, value: Value, scope: Scope, budget: Budget) -> Value:
    function, *rest = form.function, *form.arguments[1:]
    if rest and isinstance(rest[0], plan.Lambda):
        return _loop(function, value, rest[0], scope, budget)
    arguments = [walk(argument, scope, budget) for argument in rest]
    return FUNCTIONS[function](budget, value, *arguments)


def _loop(function: str, items: list[Value], lambda_: plan.Lambda, scope: Scope, budget: Budget) -> Value:
    (name,) = lambda_.params
    charge(budget, len(items) * shapes.cost(lambda_.body))

    def f(item: Value) -> Value:
        return walk(lambda_.body, {**scope, name: item}, budget)

    match function:
        case "list.map":
            return [f(item) for item in items]
        case "list.filter":
            return [item for item in items if f(item)]
        case "list.flat_map":
            return lists.flatten(budget, [f(item) for item in items])
        case "list.any":
            return any(f(item) for item in items)
        case "list.all":
            return all(f(item) for item in items)
        case "list.none":
            return not any(f(item) for item in items)
        case "list.find":
            return next((item for item in items if f(item)), None)
        case "list.count":
            return sum(1 for item in items if f(item))
        case _:
            return KEYED[function](budget, items, [f(item) for item in items])
