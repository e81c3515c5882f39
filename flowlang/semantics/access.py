"""Infer names and what is read through a dot or an index, and say why it is not there."""

from __future__ import annotations

from flowlang.semantics import builtins, functions, types
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    EventName,
    Interface,
    Local,
    Namespace,
    Poisoned,
)
from flowlang.semantics.habits import METHODS, NAMES
from flowlang.semantics.inference import Inference
from flowlang.semantics.lookup import declared_here, kind_of
from flowlang.semantics.mismatch import ask_first, written
from flowlang.semantics.scope import Env, path_of
from flowlang.semantics.suggest import WayOut, nearest, way_out
from flowlang.semantics.types import (
    INT,
    JSON,
    NULL,
    STRING,
    UNKNOWN,
    ListOf,
    MapOf,
    Record,
    Secret,
    Type,
    Union,
    is_optional,
    is_poison,
    is_text,
    optional,
    present,
    show,
)
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix
from flowlang.text.source import Span


class Access(Inference):
    def _name(self, expr: ast.Name, env: Env, *, secret: bool = False) -> Type:
        value = env.names.find(expr.name)
        if value is None:
            return self._other_name(expr, env)
        self.tables.symbols[expr.id] = value.local
        self.read.add(value.local.node)
        found = env.type_of(value)
        if is_optional(found) and value.why:
            self.why[expr.id] = value.why
        if isinstance(present(found), Secret) and not secret:
            return self._leak(expr)
        return found

    def _other_name(self, expr: ast.Name, env: Env) -> Type:
        ambient = builtins.AMBIENT.get(expr.name)
        if ambient is not None:
            self.tables.symbols[expr.id] = Local(expr.name, "ambient", expr.span, -1)
            return ambient
        found = self.lookup.find(expr.name)
        if found is None:
            self._unknown_name(expr, env)
        elif not isinstance(found, Poisoned):
            self.tables.symbols[expr.id] = found
            message = f"`{expr.name}` is {kind_of(found)}, not a value"
            help, related = _how_to_use(expr.name, found), (declared_here(found),)
            self.problems.report(codes.WRONG_KIND, expr.span, message, help=help, related=related)
        return UNKNOWN

    def _unknown_name(self, expr: ast.Name, env: Env) -> None:
        right = NAMES.get(expr.name)
        message = f"there is no value `{expr.name}`"
        if right is not None:
            way = WayOut(f"it is called `{right}` here", Fix(f"write `{right}`", (Edit(expr.span, right),)))
        else:
            way = self._meant(expr, env)
        self.problems.report(codes.UNKNOWN_NAME, expr.span, message, help=way.help, fix=way.fix)

    def _meant(self, expr: ast.Name, env: Env) -> WayOut:
        """The value, or else the declaration, that a name may be a slip of."""
        aliases = [n for n, i in self.lookup.names.items() if isinstance(i, Namespace)]
        known = self.lookup.guesses.among([*env.names, *builtins.AMBIENT, *aliases])
        found = way_out(expr.name, expr.span, known)
        return found if found.fix else self.lookup.elsewhere(expr.name, expr.span)

    def _leak(self, expr: ast.Expr) -> Type:
        message = "a secret may only be passed on whole, as an argument"
        help = "no operator, field, list, template, `let`, `yield` or `return` may hold one"
        self.problems.report(codes.SECRET_LEAK, expr.span, message, help=help)
        return UNKNOWN

    def _member(self, expr: ast.Member, env: Env) -> Type:
        namespace = self.namespace(expr.target, env)
        if namespace is not None:
            return self._namespace_member(expr, namespace)
        target = self.infer(expr.target, env)
        if target == NULL and expr.safe:
            return NULL  # as in the first round of a `while` whose state is null before it
        field = self._field(expr, self.present_target(expr, target))
        if is_poison(field):
            return UNKNOWN
        path = path_of(expr, self.tables.symbols)
        if path is not None and path in env.narrowed:
            return env.narrowed[path]
        return env.clear(optional(field) if expr.safe and is_optional(target) else field)

    def present_target(self, expr: ast.Member, target: Type) -> Type:
        """What stands before the dot, known not to be null; reports where `.` and `?.` are mixed up."""
        if is_poison(target):
            return UNKNOWN
        if target == NULL:
            self.report_missing(expr.target, target)
            return UNKNOWN
        if expr.safe and not is_optional(target):
            dot = Span(expr.target.span.end, expr.name.span.start)
            fix = Fix("write `.`", (Edit(dot, "."),))
            message = f"`?.` on `{show(target)}`, which is never missing"
            self.problems.report(codes.NEEDLESS_HANDLING, dot, message, help="write `.`", fix=fix)
        elif is_optional(target) and not expr.safe:
            message = self.may_be_missing(expr.target, target)
            asked = ask_first(written(expr.target))
            help = f"write `?.{expr.name.name}`, give a default with `??`, or {asked}"
            self.problems.report(codes.MAYBE_MISSING, expr.target.span, message, help=help)
            return UNKNOWN
        return present(target)

    def _field(self, expr: ast.Member, target: Type) -> Type:
        name = expr.name.name
        known: list[str] = []
        match target:
            case Record(fields=fields):
                found = target.field(name)
                known = [f.name for f in fields]
            case Union():
                return self._case_field(expr, target)
            case _:
                found = None
        if found is not None or is_poison(target):
            return found or UNKNOWN
        self._no_field(expr, target, known)
        return UNKNOWN

    def _no_field(self, expr: ast.Member, target: Type, known: list[str]) -> None:
        name = expr.name
        if target == JSON:
            message = "json has no fields that could be checked"
            shape = f"({written(expr.target) or '…'} as {{ {name.name}: string }}).{name.name}"
            self.problems.report(codes.JSON_USE, name.span, message, help=f"say what it is first: `{shape}`")
            return
        message = f"`{show(target)}` has no field `{name.name}`"
        help, fix = way_out(name.name, name.span, known, list_as="it has")
        signature = functions.signature(target, name.name)
        if signature is not None:
            dots = "…" if signature.parameters else ""
            help = f"it is a function: `.{name.name}({dots})`"
            fix = None if dots else Fix("call it", (Edit(name.span, f"{name.name}()"),))
        elif isinstance(target, MapOf):
            help = f'a map is read by key: `["{name.name}"]`, which may be missing'
        elif not known:
            right = nearest(name.name, functions.names(target))
            help = f"did you mean `.{right}(…)`?" if right else METHODS.get(name.name) or "it has no fields"
        self.problems.report(codes.UNKNOWN_FIELD, name.span, message, help=help, fix=fix)

    def _case_field(self, expr: ast.Member, target: Union) -> Type:
        name = expr.name.name
        found = [case.field(name) for case in target.cases]
        joined = types.join_all([f for f in found if f is not None])
        if all(f is not None for f in found) and joined is not None:
            return joined
        having = [case.name for case, f in zip(target.cases, found, strict=True) if f is not None]
        message = f"not every `{show(target)}` has a field `{name}`"
        if not having:
            message = f"no `{show(target)}` has a field `{name}`"
        help = f"only `{having[0]}` has it: ask with `match`, or `… is {having[0]}`" if having else None
        self.problems.report(codes.UNKNOWN_FIELD, expr.name.span, message, help=help)
        return UNKNOWN

    def namespace(self, target: ast.Expr, env: Env) -> Namespace | Poisoned | None:
        """The module that an expression before a dot names, if it does."""
        if not isinstance(target, ast.Name) or env.names.find(target.name) is not None:
            return None
        found = self.lookup.names.get(target.name)
        if not isinstance(found, Namespace | Poisoned):
            return None
        self.lookup.find(target.name)
        self.tables.symbols[target.id] = found
        return found

    def _namespace_member(self, expr: ast.Member, namespace: Namespace | Poisoned) -> Type:
        found = self.member_of(expr, namespace, "declaration")
        if found is not None:
            name = f"{namespace.declared.name}.{expr.name.name}"
            message = f"`{name}` is {kind_of(found)}, not a value"
            self.problems.report(codes.WRONG_KIND, expr.span, message, help=_how_to_use(name, found))
        return UNKNOWN

    def member_of(self, expr: ast.Member, namespace: Namespace | Poisoned, wanted: str) -> Interface | None:
        """A declaration of a module; None where there is none (reported) or nobody can know."""
        if isinstance(namespace, Poisoned):
            return None
        assert isinstance(expr.target, ast.Name)
        found = self.lookup.member(expr.target.name, namespace, expr.name.name)
        if found is None and not namespace.poisoned:
            where = f" in `{expr.target.name}`"
            self.lookup.unknown(expr.name, expr.name.name, wanted, namespace.members, where)
        if found is not None:
            self.tables.symbols[expr.id] = found
        return None if isinstance(found, Poisoned) else found

    def _index(self, expr: ast.Index, env: Env) -> Type:
        target = self.infer(expr.target, env)
        if is_optional(target) and target != NULL:
            self.report_missing(expr.target, target)
        match present(target):
            case ListOf(item=item):
                self.check(expr.index, env, INT, "the place in a list")
                return optional(item)
            case MapOf(value=value):
                self.check(expr.index, env, STRING, "the key of a map")
                return optional(value)
            case other if is_text(other):
                self.check(expr.index, env, INT, "the place in a string")
                return optional(STRING)
            case other:
                self.infer(expr.index, env)
                if not is_poison(other):
                    self._not_indexed(expr, other)
                return UNKNOWN

    def _not_indexed(self, expr: ast.Index, target: Type) -> None:
        help: str | None
        if target == JSON:
            help = "say what it is first: `(… as list<json>)[0]`"
            self.problems.report(codes.JSON_USE, expr.span, "json cannot be looked into", help=help)
            return
        message = f"`{show(target)}` has no places to look up"
        key = expr.index.value if isinstance(expr.index, ast.StringLiteral) else None
        help = f"a field is read with a dot: `.{key}`" if key and isinstance(target, Record) else None
        self.problems.report(codes.BAD_OPERANDS, expr.span, message, help=help)


def _how_to_use(name: str, found: Interface) -> str | None:
    """What to write for a declaration that stands where a value should."""
    match found:
        case Callable() | Constructor():
            return f"call it: `{name}(…)`"
        case Namespace():
            return f"name one of its declarations: `{name}.…`"
        case EventName():
            return f"a flow waits for it: `step it = wait for {name}`"
        case ErrorName():
            return f"an error stands after `fail`, or in `catch`: `fail {name}(…)`"
        case _:
            return None
