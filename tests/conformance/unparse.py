"""Write the tree of a conformance case as flow.

Operators and macros have their counterparts. What CEL writes as a call of a type is a method or a cast
here, `/` on ints is `div`, `+` on lists is `concat`, and keys of maps are strings, so other keys are
written as strings. To choose between them the kind of an operand is worked out as far as it is plain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Tree = list[Any]

OPERATORS = {"&&": "and", "||": "or"}
METHODS = {"startsWith": "starts_with", "endsWith": "ends_with", "contains": "contains", "matches": "matches"}
MACROS = {"exists": "any", "all": "all", "map": "map", "filter": "filter"}
PARTS = {
    "getDate": "day()",
    "getDayOfMonth": "day() - 1",
    "getMonth": "month() - 1",
    "getHours": "hour()",
    "getMinutes": "minute()",
    "getSeconds": "second()",
}


def unparse(tree: Tree, bindings: Mapping[str, Any]) -> str:
    """The text of a tree; every part of an operator stands in parentheses."""
    return _Writer({name: _kind_of_value(value) for name, value in bindings.items()}).write(tree)


def parameters(bindings: Mapping[str, Any]) -> str:
    """The parameters of a flow that takes the bindings of a case. `a.b` is a field of a record."""
    return ", ".join(_parameter(name, value) for name, value in bindings.items())


def value_of(value: Mapping[str, Any]) -> Any:
    """A value of a case as JSON."""
    match value["t"]:
        case "list":
            return [value_of(item) for item in value["v"]]
        case "map":
            return {_key(key["v"]): value_of(item) for key, item in value["v"]}
        case "null":
            return None
    return value["v"]


def context_of(bindings: Mapping[str, Any]) -> dict[str, Any]:
    """The names of a case with their values."""
    context: dict[str, Any] = {}
    for name, value in bindings.items():
        outer, _, inner = name.partition(".")
        context[outer] = {inner: value_of(value)} if inner else value_of(value)
    return context


def _parameter(name: str, value: Mapping[str, Any]) -> str:
    outer, _, inner = name.partition(".")
    type = _type(value)
    return f"{outer}: {{ {inner}: {type} }}" if inner else f"{outer}: {type}"


def _type(value: Mapping[str, Any]) -> str:
    match value["t"]:
        case "list":
            return f"list<{_type(value['v'][0])}>"
        case "map":
            return f"map<{_type(value['v'][0][1])}>"
        case "double":
            return "float"
    return str(value["t"])


def _kind_of_value(value: Mapping[str, Any]) -> str:
    return str(value["t"])


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(key)


def _string(text: str) -> str:
    plain = "".join(c if c.isprintable() and c not in '"\\$' else f"\\u{{{ord(c):x}}}" for c in text)
    return f'"{plain}"'


class _Writer:
    """`kinds` holds what is known of the names in scope."""

    def __init__(self, kinds: dict[str, str]) -> None:
        self.kinds = kinds

    def write(self, tree: Tree) -> str:
        return getattr(self, f"_{tree[0]}")(*tree[1:])

    def kind(self, tree: Tree) -> str:
        """The kind of a value as CEL calls it, empty where it is not plain."""
        match tree:
            case ["lit", kind, _]:
                return str(kind)
            case ["id", name]:
                return self.kinds.get(name, "")
            case ["list" | "map" as kind, *_]:
                return str(kind)
            case ["bin", "+" | "-" | "*" | "/" | "%", left, right]:
                return self.kind(left) or self.kind(right)
            case ["un", "-", operand]:
                return self.kind(operand)
            case ["idx", ["list", [first, *_]], _]:
                return self.kind(first)
            case ["call", "dyn", _, [operand]]:
                return self.kind(operand)
            case ["call", "int" | "double" | "string" | "bool" | "timestamp" | "duration" as kind, *_]:
                return str(kind)
            case ["call", "size", *_]:
                return "int"
        return ""

    def _lit(self, kind: str, value: Any) -> str:
        match kind:
            case "string":
                return _string(value)
            case "double":
                return f"({value!r})" if value < 0 else repr(value)
            case "int":
                return f"({value})" if value < 0 else str(value)
        return json.dumps(value)

    def _id(self, name: str) -> str:
        return name

    def _list(self, items: list[Tree]) -> str:
        return f"[{', '.join(map(self.write, items))}]"

    def _map(self, entries: list[list[Tree]]) -> str:
        if not entries:
            return '({ "a": 0 }.without("a"))'
        return "{ " + ", ".join(f"{self._map_key(key)}: {self.write(value)}" for key, value in entries) + " }"

    def _map_key(self, key: Tree) -> str:
        return self.write(key) if key[1] in ("double", "null") else _string(_key(key[2]))

    def _record(self, entries: list[list[Tree]]) -> str:
        return "{ " + ", ".join(f"{key[2]}: {self.write(value)}" for key, value in entries) + " }"

    def _un(self, operator: str, operand: Tree) -> str:
        return f"(not {self.write(operand)})" if operator == "!" else f"(-{self.write(operand)})"

    def _bin(self, operator: str, left: Tree, right: Tree) -> str:
        kinds = {self.kind(left), self.kind(right)}
        one, other = self.write(left), self.write(right)
        if operator == "/" and "int" in kinds and "double" not in kinds:
            return f"{one}.div({other})"
        if operator == "+" and "list" in kinds:
            return f"{one}.concat({other})"
        if operator == "in" and self.kind(right) == "map":
            return f"({self._index_key(right, left)} in {other})"
        return f"({one} {OPERATORS.get(operator, operator)} {other})"

    def _cond(self, condition: Tree, then: Tree, otherwise: Tree) -> str:
        return f"(if {self.write(condition)} then {self.write(then)} else {self.write(otherwise)})"

    def _idx(self, target: Tree, index: Tree) -> str:
        """What may be missing is optional in flow; a default stands in where it is looked into again."""
        if index[0] == "idx":
            return f"{self.write(target)}[{self.write(index)} ?? 0]"
        if target[0] == "idx":
            return f"({self.write(target)} ?? [])[{self.write(index)}]"
        key = self._index_key(target, index) if self.kind(target) == "map" else self.write(index)
        return f"{self.write(target)}[{key}]"

    def _index_key(self, target: Tree, index: Tree) -> str:
        return self._map_key(index) if index[0] == "lit" else self.write(index)

    def _sel(self, target: Tree, field: str) -> str:
        if target[0] == "map" and field.isidentifier():
            return f"{self._record(target[1])}.{field}"
        if self.kind(target) == "map" or target[0] == "sel":
            return f"{self.write(target)}[{_string(field)}]"
        return f"{self.write(target)}.{field}"

    def _call(self, name: str, receiver: Tree | None, arguments: list[Tree]) -> str:
        if receiver is None:
            return self._function(name, arguments[0])
        if name in MACROS or name == "exists_one":
            return self._macro(name, receiver, *arguments)
        if name in METHODS:
            return f"{self.write(receiver)}.{METHODS[name]}({self.write(arguments[0])})"
        if name == "format":
            return f'"${{{self.write(arguments[0][1][0])}}}"'
        if self.kind(receiver) == "duration":
            return f"({self.write(receiver)} / 1m).int()"
        zone = "".join(map(self.write, arguments))
        return f"({self.write(receiver)}.{PARTS[name].replace('()', f'({zone})')})"

    def _macro(self, name: str, receiver: Tree, variable: Tree, body: Tree) -> str:
        items = f"{self.write(receiver)}{'.keys()' if self.kind(receiver) == 'map' else ''}"
        kind = self.kind(receiver[1][0]) if receiver[0] == "list" and receiver[1] else "string"
        inner = _Writer({**self.kinds, variable[1]: kind})
        lambda_ = f"{variable[1]} => {inner.write(body)}"
        return (
            f"({items}.count({lambda_}) == 1)"
            if name == "exists_one"
            else f"{items}.{MACROS[name]}({lambda_})"
        )

    def _function(self, name: str, argument: Tree) -> str:
        text, kind = self.write(argument), self.kind(argument)
        match name, kind:
            case "dyn", _:
                return text
            case "size", _:
                return f"{text}.size()"
            case "has", _:
                _, target, field = argument
                return f"{self.write(target)}.has({_string(field)})"
            case (("int" | "bool" | "timestamp"), _) if name == kind:
                return text
            case "double", _:
                return f"{text}.float()"
            case "int", "timestamp":
                return f"{text}.seconds().int()"
            case (("int" | "bool"), _):
                return f"{text}.{name}()"
            case "string", _:
                return f'"${{{text}}}"'
            case "duration", _:
                return f"(({text} as json) as duration)"
            case "timestamp", "int":
                return f'((("1970-01-01T00:00:00Z" as json) as datetime) + 1s * {text})'
            case "timestamp", _:
                return f"(({text} as json) as datetime)"
        raise AssertionError(name)
