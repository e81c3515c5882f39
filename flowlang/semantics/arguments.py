"""Infer the arguments of calls of declarations: each has its parameter's name.

A secret may stand here and nowhere else. What is most likely meant by a name that no parameter has, or by an
argument without a name, is worked out for the whole call, so that one slip is one message."""

from __future__ import annotations

from flowlang.semantics.facts import Parameter
from flowlang.semantics.methods import Methods
from flowlang.semantics.scope import Env
from flowlang.semantics.suggest import meant_names
from flowlang.semantics.types import Secret, Type, fits, is_optional, present, show
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix
from flowlang.text.source import Span


class Arguments(Methods):
    def arguments(self, expr: ast.Call, env: Env, parameters: tuple[Parameter, ...], name: str) -> None:
        """Check the named arguments of a call of a declaration."""
        written = [argument.name.name for argument in expr.arguments if argument.name is not None]
        meant = meant_names(written, parameters)
        given: set[str] = set()
        positional: list[ast.Argument] = []
        for argument in expr.arguments:
            if argument.name is None:
                positional.append(argument)
                self._unnamed(argument.value, env)
            elif argument.name.name in given:
                message = f"the argument `{argument.name.name}` stands here twice"
                self.problems.report(
                    codes.DUPLICATE_NAME, argument.name.span, message, help="keep one of them"
                )
            else:
                given.add(argument.name.name)
                self._argument(argument, env, parameters, name, meant)
        if positional:
            self._positional(expr, positional, parameters, name)
            return
        met = given.union(meant.values())
        missing = [p for p in parameters if p.required and p.name not in met]
        if missing:
            listed = ", ".join(f"`{p.name}`" for p in missing)
            message = f"{name} needs {'the argument' if len(missing) == 1 else 'the arguments'} {listed}"
            help = "add " + ", ".join(f"`{p.name}: …` ({show(p.type)})" for p in missing)
            self.problems.report(codes.MISSING_ARGUMENT, expr.span, message, help=help)

    def _unnamed(self, value: ast.Expr | ast.Lambda, env: Env) -> None:
        """Look into an argument without a name; whether a secret may stand there is not known."""
        if isinstance(value, ast.Name):
            self.tables.types[value.id] = self._name(value, env, secret=True)
        elif not isinstance(value, ast.Lambda):
            self.infer(value, env)

    def _argument(
        self, argument: ast.Argument, env: Env, parameters: tuple[Parameter, ...], name: str,
        meant: dict[str, str],
    ) -> None:  # fmt: skip
        assert argument.name is not None
        parameter = next((p for p in parameters if p.name == argument.name.name), None)
        if parameter is None:
            self._unnamed(argument.value, env)
            self._unknown_argument(argument.name, parameters, name, meant)
            return
        what = f"the argument `{parameter.name}` of {name}"
        if isinstance(argument.value, ast.Name):
            self._name_argument(argument.value, env, parameter, what)
        else:
            self.check(argument.value, env, parameter.type, what)

    def _unknown_argument(
        self, at: ast.Ident, parameters: tuple[Parameter, ...], name: str, meant: dict[str, str]
    ) -> None:
        right = meant.get(at.name)
        fix = None
        if right is not None:
            help = f"did you mean `{right}`?"
            fix = Fix(f"write `{right}`", (Edit(at.span, right),))
        elif parameters:
            help = "it takes " + ", ".join(f"`{p.name}`" for p in parameters)
        else:
            help = "it takes none"
        message = f"{name} takes no argument `{at.name}`"
        self.problems.report(codes.UNKNOWN_ARGUMENT, at.span, message, help=help, fix=fix)

    def _name_argument(self, value: ast.Name, env: Env, parameter: Parameter, what: str) -> None:
        """A plain name is the one place where a secret may stand."""
        found = self._name(value, env, secret=True)
        self.tables.types[value.id] = found
        if isinstance(present(found), Secret) and not fits(found, parameter.type):
            self._unfit_secret(value, found, parameter, what)
        else:
            self.require(value, found, parameter.type, what)

    def _unfit_secret(self, value: ast.Name, found: Type, parameter: Parameter, what: str) -> None:
        if not isinstance(present(parameter.type), Secret):
            message = f"{what} is not secret, so a secret may not be passed to it"
            help = f"declare it `{parameter.name}: {show(found)}`"
            self.problems.report(codes.SECRET_LEAK, value.span, message, help=help)
        elif is_optional(found) and fits(present(found), parameter.type):
            message = f"{what} must be `{show(parameter.type)}`, but this may be missing"
            help = "nothing can be asked of a secret: make both optional, or neither"
            self.problems.report(codes.MAYBE_MISSING, value.span, message, help=help)
        else:
            self.require(value, found, parameter.type, what)

    def _positional(
        self, expr: ast.Call, given: list[ast.Argument], parameters: tuple[Parameter, ...], name: str
    ) -> None:
        """Report arguments without names, once for a call; offer the names they most likely have."""
        if not parameters:
            message, help = f"{name} takes no arguments", "write `()`"
            self.problems.report(codes.UNKNOWN_ARGUMENT, given[0].span, message, help=help)
            return
        names = _likely_names(expr, given, parameters)
        written = ", ".join(f"`{n}: …`" for n in names) or f"`{parameters[0].name}: …`"
        fix: Fix | None = None
        if len(names) == len(given):
            edits = [
                Edit(Span(argument.span.start, argument.span.start), f"{parameter}: ")
                for argument, parameter in zip(given, names, strict=True)
            ]
            fix = Fix("name the argument" + "s" * (len(given) > 1), tuple(edits))
        message = f"the arguments of {name} are named"
        self.problems.report(
            codes.POSITIONAL_ARGUMENT, given[0].span, message, help=f"write {written}", fix=fix
        )


def _likely_names(expr: ast.Call, given: list[ast.Argument], parameters: tuple[Parameter, ...]) -> list[str]:
    """The parameters that arguments without names are most likely for: one of the argument's own name, else
    the first one left."""
    named = {argument.name.name for argument in expr.arguments if argument.name is not None}
    left = [p.name for p in parameters if p.name not in named]
    own = [a.value.name for a in given if isinstance(a.value, ast.Name) and a.value.name in left]
    names: list[str] = []
    for argument in given:
        same = argument.value.name if isinstance(argument.value, ast.Name) else None
        rest = [name for name in left if name not in names]
        free = [name for name in rest if name not in own]
        chosen = same if same in rest else next(iter(free), None)
        if chosen is None:
            return []
        names.append(chosen)
    return names
