"""The inputs of a run: texts from the command line and an object from a file -> values by the flow's types.

Every mistake is a diagnostic at the flow's head, which shows what it takes; all of them are found at once. A
value on the command line wins over one from the file, and a parameter with a default may be left out. There a
file is given by its path, and only there: JSON may come from anywhere, and must not name files of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import attrs

from flowlang.agents.file import File
from flowlang.agents.places import Places
from flowlang.agents.secrets import NoSecret, Secrets
from flowlang.plan import model as plan
from flowlang.plan.secrets import is_secret
from flowlang.plan.text import expression_text, type_text
from flowlang.text import codes
from flowlang.text.codes import Code
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.suggest import nearest
from flowlang.values.codec import decode, parse_argument, read_json
from flowlang.values.references import holds_files
from flowlang.values.value import Misfit, Value

SECRET_HELP: Final = "; a secret is better found by its name below `[secrets]` in flow.toml, or by `--secret`"


class BadInputFile(Exception):
    """A file of inputs that is no JSON object, in words."""


@attrs.frozen
class Inputs:
    """Values by the names of parameters; those left out take their defaults. `files` were named by paths, and
    have yet to be kept."""

    values: Mapping[str, Value]
    diagnostics: tuple[Diagnostic, ...]
    files: tuple[File, ...] = ()


def split_arguments(arguments: Iterable[str]) -> tuple[str | None, tuple[str, ...]]:
    """`[FLOW] [NAME=VALUE…]`: the flow's name, if it is there, and the rest."""
    first, *rest = [*arguments] or [""]
    if "=" in first or not first:
        return None, tuple(arguments)
    return first, tuple(rest)


def read_input_file(content: bytes) -> dict[str, Value]:
    """The JSON object of a file of inputs; raises BadInputFile."""
    try:
        found = read_json(content)
    except Misfit as misfit:
        raise BadInputFile(str(misfit)) from None
    if not isinstance(found, dict):
        raise BadInputFile("it holds no JSON object with the names of the inputs as keys")
    return found


def read_inputs(
    places: Places,
    name: str,
    texts: Iterable[str] = (),
    given: Mapping[str, Value] | None = None,
    secrets: Secrets | None = None,
) -> Inputs:
    """The inputs of the flow called `name` from `NAME=VALUE` texts and from values in their JSON form; and
    from `secrets` of the same names, where a parameter is secret."""
    reading = _Reading(places, name, places.plan.flows[name])
    for key, value in (given or {}).items():
        reading.add(key, value)
    for text in texts:
        key, equals, value = text.partition("=")
        reading.add_text(key.strip(), value, text if not equals else None)
    reading.find_secrets(secrets or Secrets())
    reading.complete()
    return Inputs(reading.values, tuple(reading.found), tuple(reading.files))


def read_text(text: str, type: plan.Type, files: list[File]) -> Value:
    """The value of a text; where the type holds files, these are paths in it, and are added to `files`.
    Raises Misfit."""
    if not holds_files(type) or text == "null":
        return parse_argument(text, type)
    bare = _is_file(type) and not text.startswith("{")
    return decode(_opened(text if bare else read_json(text), type, files), type)


def _opened(value: Value, type: plan.Type, files: list[File]) -> Value:
    """JSON with references in the place of paths. Raises Misfit."""
    match type:
        case plan.ScalarType(kind="file") if isinstance(value, str):
            return _file(value.removeprefix("@"), files)
        case plan.OptionalType(inner=inner) | plan.SecretType(inner=inner):
            return _opened(value, inner, files)
        case plan.ListType(item=item) if isinstance(value, list):
            return [_opened(each, item, files) for each in value]
        case plan.MapType(value=item) if isinstance(value, dict):
            return {key: _opened(each, item, files) for key, each in value.items()}
        case plan.RecordType(fields=fields) if isinstance(value, dict):
            types = {field.name: field.type for field in fields}
            return {k: _opened(each, types[k], files) if k in types else each for k, each in value.items()}
        case _:
            return value


def _file(path: str, files: list[File]) -> Value:
    """The reference of a file on the disk. Raises Misfit."""
    try:
        file = File.from_path(path)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise Misfit(f"`{path}` cannot be read: {reason}", help="give the path of a file") from None
    files.append(file)
    return file.reference()


@attrs.define(eq=False, repr=False)
class _Reading:
    places: Places
    name: str
    flow: plan.Flow
    values: dict[str, Value] = attrs.field(factory=dict)
    written: Counter[str] = attrs.field(factory=Counter)  # on the command line
    refused: set[str] = attrs.field(factory=set)
    found: list[Diagnostic] = attrs.field(factory=list)
    files: list[File] = attrs.field(factory=list)

    def add(self, key: str, value: Value) -> None:
        """A value in its JSON form."""
        parameter = self.parameter(key)
        if parameter is not None:
            self.read(parameter, lambda: decode(value, parameter.type))

    def add_text(self, key: str, value: str, malformed: str | None) -> None:
        """A value as text; `malformed` is the whole argument where it has no `=`."""
        if malformed is not None:
            message = f"`{malformed}` gives no input a value"
            help = f"write `{malformed}=VALUE`" if malformed in self.names else self.takes()
            self.refused |= {malformed} & self.names
            self.report(codes.BAD_INPUT, message, help)
            return
        self.written[key] += 1
        if self.written[key] == 2:
            self.report(codes.BAD_INPUT, f"two values are given for `{key}`", "give one of them")
        parameter = self.parameter(key)
        if parameter is not None:
            self.read(parameter, lambda: read_text(value, parameter.type, self.files))

    def parameter(self, key: str) -> plan.Parameter | None:
        known = {parameter.name: parameter for parameter in self.flow.parameters}
        if key not in known:
            meant = nearest(key, known)
            self.refused |= {meant} if meant else set()
            help = f"did you mean `{meant}`?" if meant else self.takes()
            self.report(codes.UNKNOWN_INPUT, f"the flow `{self.name}` has no input `{key}`", help)
        return known.get(key)

    def read(self, parameter: plan.Parameter, decoded: Callable[[], Value]) -> None:
        try:
            self.values[parameter.name] = decoded()
        except Misfit as misfit:
            self.refused.add(parameter.name)
            declared = f"it is declared as `{parameter.name}: {type_text(parameter.type)}`"
            secret = is_secret(parameter.type)  # what is wrong with it would tell some of it
            help = f"{misfit.help}; {declared}" if misfit.help and not secret else declared
            what = "" if secret else f": {misfit}"
            self.report(codes.BAD_INPUT, f"the input `{parameter.name}` does not fit{what}", help)

    def find_secrets(self, secrets: Secrets) -> None:
        """Find the secrets that were not given, those with a default too if somebody says where they are."""
        for parameter in self.flow.parameters:
            name = parameter.name
            if name in self.values or name in self.refused or not is_secret(parameter.type):
                continue
            if name in secrets:
                self.find_secret(parameter, secrets)

    def find_secret(self, parameter: plan.Parameter, secrets: Secrets) -> None:
        try:
            text = secrets.get(parameter.name)
        except NoSecret as problem:
            self.refused.add(parameter.name)
            self.report(codes.MISSING_SECRET, str(problem), f"or give it: {parameter.name}=…")
            return
        self.read(parameter, lambda: parse_argument(text, parameter.type))

    def complete(self) -> None:
        """Find what is missing."""
        missing = [
            parameter
            for parameter in self.flow.parameters
            if parameter.required and parameter.name not in self.values and parameter.name not in self.refused
        ]
        if missing:
            names = ", ".join(f"`{parameter.name}`" for parameter in missing)
            message = f"the flow `{self.name}` needs {names}"
            example = " ".join(f"{parameter.name}=…" for parameter in missing)
            secret = any(is_secret(parameter.type) for parameter in missing)
            self.report(codes.MISSING_INPUT, message, f"add {example}; {self.takes()}{SECRET_HELP * secret}")

    @property
    def names(self) -> set[str]:
        return {parameter.name for parameter in self.flow.parameters}

    def takes(self) -> str:
        if not self.flow.parameters:
            return "it takes no inputs"
        return "it takes " + ", ".join(map(_signature, self.flow.parameters))

    def report(self, code: Code, message: str, help: str) -> None:
        self.found.append(Diagnostic(code, message, self.places.heading(self.flow.at), help=help))


def _is_file(type: plan.Type) -> bool:
    """Whether a value of the type is one file, if it is anything."""
    match type:
        case plan.OptionalType(inner=inner) | plan.SecretType(inner=inner):
            return _is_file(inner)
        case plan.ScalarType(kind=kind):
            return kind == "file"
        case _:
            return False


def _signature(parameter: plan.Parameter) -> str:
    default = f" = {expression_text(parameter.default)}" if parameter.default is not None else ""
    return f"{parameter.name}: {type_text(parameter.type)}{default}"
