"""Parts of a plan as a person would have written them: expressions, types, durations, the heads of tasks.

The text is for reading: operations are printed by the precedence of the language and what the compiler
added (widening, the formatting of holes) is left out, so `int.add` reads `+` again. It is not the source:
blanks and redundant parentheses are gone, and what lies deeper than anyone reads is `…`."""

from __future__ import annotations

from typing import Final

from flowlang.plan import model as plan

DEPTH: Final = 24  # levels of an expression that are written out

_IF, _OR, _AND, _NOT, _COMPARE, _COALESCE, _RANGE, _SUM, _PRODUCT, _UNARY, _POSTFIX, _ATOM = range(12)

_INFIX: Final = {
    "range": ("..", _RANGE),
    "add": ("+", _SUM),
    "sub": ("-", _SUM),
    "diff": ("-", _SUM),
    "mul": ("*", _PRODUCT),
    "div": ("/", _PRODUCT),
    "ratio": ("/", _PRODUCT),
    "mod": ("%", _PRODUCT),
    "eq": ("==", _COMPARE),
    "ne": ("!=", _COMPARE),
    "lt": ("<", _COMPARE),
    "le": ("<=", _COMPARE),
    "gt": (">", _COMPARE),
    "ge": (">=", _COMPARE),
    "list": ("in", _COMPARE),
    "map": ("in", _COMPARE),
}  # keyed by the last part of the operator's name

_UNITS: Final = (
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
)


def duration_text(microseconds: int) -> str:
    """`1h30m`, as durations are written in the language."""
    if microseconds < 0:
        return "-" + duration_text(-microseconds)
    parts = []
    rest = microseconds
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if unit == "ms" and rest:
            parts.append(f"{count}.{rest:03}".rstrip("0") + "ms")
        elif count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def string_text(value: str) -> str:
    """A string as a literal of the language."""
    made = value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    made = made.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return '"' + "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in made) + '"'


def type_text(type: plan.Type) -> str:
    """A type by its name where it has one."""
    match type:
        case plan.ScalarType(kind=kind):
            return kind
        case plan.ListType(item=inner):
            return f"list<{type_text(inner)}>"
        case plan.MapType(value=inner):
            return f"map<{type_text(inner)}>"
        case plan.SecretType(inner=inner):
            return f"secret<{type_text(inner)}>"
        case plan.OptionalType(inner=plan.EnumType(name=None, values=values) as inner) if len(values) > 1:
            return f"({type_text(inner)})?"
        case plan.OptionalType(inner=inner):
            return f"{type_text(inner)}?"
        case plan.EnumType(name=name, values=values):
            return name or " | ".join(string_text(v) for v in values)
        case plan.RecordType(name=name, fields=fields):
            shown = ", ".join(f"{f.name}: {type_text(f.type)}" for f in fields)
            return name or (f"{{ {shown} }}" if fields else "{}")
        case plan.UnionType(name=name):
            return name


def expression_text(expr: plan.Expr) -> str:
    """An expression on one line."""
    return _at_least(expr, _IF, DEPTH)


def operand_text(expr: plan.Expr) -> str:
    """An expression, in parentheses unless it stands for itself: `(a + b)`, `a.size()`."""
    return _at_least(expr, _POSTFIX, DEPTH)


def pattern_text(pattern: plan.Pattern) -> str:
    match pattern:
        case plan.CasePattern(case=case, bindings=bindings):
            shown = (field if name == field else f"{field}: {name}" for name, field in bindings.items())
            return f"{case}({', '.join(shown)})" if bindings else case
        case plan.ValuePattern(value=value):
            return _constant(value)
        case plan.ElsePattern():
            return "else"


def arguments_text(arguments: dict[str, plan.Expr]) -> str:
    return ", ".join(f"{name}: {expression_text(value)}" for name, value in arguments.items())


def task_text(task: plan.Task) -> str:
    """What a task is, on one line; of a block only the head."""
    match task:
        case plan.Evaluate(value=value):
            return expression_text(value)
        case plan.CallAgent(agent=name, arguments=arguments) | plan.CallFlow(flow=name, arguments=arguments):
            return f"{name}({arguments_text(arguments)})"
        case plan.ForEach():
            return _for_each(task)
        case plan.While():
            return _while(task)
        case plan.Choose():
            return "choose"
        case plan.MatchTask(subject=subject):
            return f"match {expression_text(subject)}"
        case plan.Do():
            return "do"
        case plan.Race():
            return _race(task)
        case plan.Wait():
            return _wait(task)
        case plan.Sleep(until=until, time=time):
            return f"sleep {'until ' if until else ''}{expression_text(time)}"
        case plan.Fail(error=error, fields=fields):
            return f"fail {error}({arguments_text(fields)})"


def retry_text(retry: plan.Retry) -> str:
    """The clause, with the lists and times it names."""
    parts = [f"retry {expression_text(retry.times)} times"]
    if retry.errors:
        parts.append("on " + ", ".join(retry.errors))
    if retry.backoff is not None:
        shape = "" if retry.backoff.shape == "exponential" else f"{retry.backoff.shape} "
        limit = f" to {expression_text(retry.backoff.maximum)}" if retry.backoff.maximum else ""
        parts.append(f"backoff {shape}{expression_text(retry.backoff.initial)}{limit}")
    if retry.within is not None:
        parts.append(f"within {expression_text(retry.within)}")
    if retry.until is not None:
        parts.append(f"until {retry.until.binding} => {expression_text(retry.until.condition)}")
    return " ".join(parts)


def _for_each(task: plan.ForEach) -> str:
    names = f"{task.first}, {task.second}" if task.second else task.first
    parts = [f"for each {names} in {expression_text(task.source)}"]
    if task.where is not None:
        parts[0] += f" where {expression_text(task.where)}"
    if task.at_once is not None:
        parts.append(f"{expression_text(task.at_once)} at once")
    if task.in_order:
        parts.append("in order")
    if task.tolerating is not None:
        parts.append(f"tolerating {expression_text(task.tolerating)} failures")
    return ", ".join(parts)


def _while(task: plan.While) -> str:
    limit = f"at most {expression_text(task.limit)} times"
    parts = [f"while {expression_text(task.condition)}", limit + (" or fail" if task.or_fail else "")]
    if task.every is not None:
        parts.append(f"every {expression_text(task.every)}")
    parts.append(f"from {task.state} = {expression_text(task.initial)}")
    return ", ".join(parts)


def _race(task: plan.Race) -> str:
    head = "race" if task.count is None else f"first {expression_text(task.count)} of"
    return f"{head} {_for_each(task.each)}" if task.each else head


def _wait(task: plan.Wait) -> str:
    where = f" where {task.binding} => {expression_text(task.where)}" if task.where is not None else ""
    return f"wait for {task.event}{where}"


def _at_least(expr: plan.Expr | plan.Lambda, level: int, depth: int) -> str:
    """An expression, in parentheses where it binds less than `level`."""
    if depth == 0:
        return "…"
    text, own = _written(expr, depth - 1)
    return text if own >= level else f"({text})"


def _written(expr: plan.Expr | plan.Lambda, depth: int) -> tuple[str, int]:
    """The text of an expression and how strongly it binds."""

    def sub(part: plan.Expr | plan.Lambda, level: int = _IF) -> str:
        return _at_least(part, level, depth)

    match expr:
        case plan.Constant(value=int(value), unit="duration"):
            return duration_text(value), _ATOM if value >= 0 else _UNARY
        case plan.Constant(value=value):
            return _constant(value), _UNARY if isinstance(value, int | float) and value < 0 else _ATOM
        case plan.Variable(name=name):
            return name, _ATOM
        case plan.Member(target=target, field=field, safe=safe):
            return f"{sub(target, _POSTFIX)}{'?.' if safe else '.'}{field}", _POSTFIX
        case plan.Index(target=target, index=index):
            return f"{sub(target, _POSTFIX)}[{sub(index)}]", _POSTFIX
        case plan.Operate():
            return _operation(expr, depth)
        case plan.And(left=left, right=right):
            return f"{sub(left, _AND)} and {sub(right, _NOT)}", _AND
        case plan.Or(left=left, right=right):
            return f"{sub(left, _OR)} or {sub(right, _AND)}", _OR
        case plan.Coalesce(left=left, right=right):
            return f"{sub(left, _RANGE)} ?? {sub(right, _COALESCE)}", _COALESCE
        case plan.If(condition=condition, then=then, otherwise=otherwise):
            return f"if {sub(condition, _OR)} then {sub(then)} else {sub(otherwise)}", _IF
        case plan.Template(parts=parts):
            return _template(parts, depth), _ATOM
        case plan.MakeList(items=items):
            return "[" + ", ".join([sub(item) for item in items]) + "]", _ATOM
        case plan.MakeObject():
            return _object(expr, depth), _ATOM
        case plan.Apply():
            return _application(expr, depth), _POSTFIX
        case plan.Lambda(params=params, body=body):
            names = params[0] if len(params) == 1 else f"({', '.join(params)})"
            return f"{names} => {sub(body)}", _IF
        case plan.Is(value=value, case=case):
            return f"{sub(value, _COALESCE)} is {case or 'null'}", _COMPARE
        case plan.Cast(value=value, type=type):
            return f"{sub(value, _COALESCE)} as {type_text(type)}", _COMPARE
        case plan.Encode(form="json", value=value):
            return f"{sub(value, _COALESCE)} as json", _COMPARE
        case plan.Encode(form=form, value=value, safe=safe):
            name = "json" if form == "text" else "hash"
            return f"{sub(value, _POSTFIX)}{'?.' if safe else '.'}{name}()", _POSTFIX
        case plan.Widen(value=value):
            return _written(value, depth)
        case plan.Match(subject=subject, arms=arms):
            shown = ", ".join([f"{pattern_text(arm.pattern)} -> {sub(arm.value)}" for arm in arms])
            return f"match {sub(subject)} {{ {shown} }}", _ATOM


def _operation(expr: plan.Operate, depth: int) -> tuple[str, int]:
    operator, operands = expr.operator, expr.operands
    if operator.startswith("format."):
        return _template(operands, depth), _ATOM
    if operator == "not":
        return f"not {_at_least(operands[0], _NOT, depth)}", _NOT
    if operator.endswith(".neg"):
        return f"-{_at_least(operands[0], _UNARY, depth)}", _UNARY
    symbol, level = _INFIX[operator.rpartition(".")[2]]
    chains = level in (_SUM, _PRODUCT)
    left = _at_least(operands[0], level if chains else level + 1, depth)
    rest = [_at_least(operand, level + 1, depth) for operand in operands[1:]]
    return f" {symbol} ".join([left, *rest]) if symbol != ".." else "..".join([left, *rest]), level


def _template(parts: tuple[str | plan.Expr, ...], depth: int) -> str:
    made = []
    for part in parts:
        if isinstance(part, str):
            made.append(string_text(part)[1:-1])
        elif isinstance(part, plan.Operate) and part.operator.startswith("format."):
            made.append(f"${{{_at_least(part.operands[0], _IF, depth)}}}")
        else:
            made.append(f"${{{_at_least(part, _IF, depth)}}}")
    return '"' + "".join(made) + '"'


def _object(expr: plan.MakeObject, depth: int) -> str:
    shown = [_pair(pair, expr.map, depth) for pair in expr.pairs]
    match expr.pairs:
        case (plan.Pair(key=plan.Constant(value="case"), value=plan.Constant(value=str(name))), *_) if (
            not expr.map
        ):
            return f"{name}({', '.join(shown[1:])})"
    return f"{{ {', '.join(shown)} }}" if shown else "{}"


def _pair(pair: plan.Pair, quoted: bool, depth: int) -> str:
    value = _at_least(pair.value, _IF, depth)
    match pair.key:
        case None:
            return f"...{value}"
        case plan.Constant(value=str(name)) if not quoted:
            return f"{name}: {value}"
        case key:
            return f"{_at_least(key, _IF, depth)}: {value}"


def _application(expr: plan.Apply, depth: int) -> str:
    receiver, *rest = expr.arguments
    _, name, *_ = [*expr.function.split("."), expr.function]
    if isinstance(receiver, plan.Encode) and receiver.form == "canonical":
        receiver = receiver.value
    shown = ", ".join([_at_least(argument, _IF, depth) for argument in rest])
    return f"{_at_least(receiver, _POSTFIX, depth)}{'?.' if expr.safe else '.'}{name}({shown})"


def _constant(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return string_text(value)
        case list():
            return "[" + ", ".join([_constant(item) for item in value]) + "]"
        case dict():
            shown = ", ".join([f"{string_text(key)}: {_constant(item)}" for key, item in value.items()])
            return f"{{ {shown} }}" if value else "{}"
        case _:
            return str(value)
