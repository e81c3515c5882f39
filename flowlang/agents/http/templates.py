"""Requests written by hand, in `flow.toml`: templates and the arguments of a call -> a request.

A hole is `{name}`; `{{` and `}}` are braces, `{secrets.NAME}` is a secret. In an address an argument is one
part, whatever it holds: it is percent-encoded and can neither add a `/` nor leave its place. Only an address
that begins with a hole is taken from the argument as it is. In a query and in headers what is null is left
out, and a list stands once for each item. A hole that stands alone in a body is the value itself.

Parameters that are mentioned nowhere go into the query of a GET, HEAD or DELETE, and into the JSON of a POST,
PUT or PATCH, if the table says nothing else of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from flowlang.agents.command_template import BadTemplate, Hole, Template, fill, parse_template
from flowlang.agents.file import File
from flowlang.agents.http.requests import (
    Body,
    ContentBody,
    FormBody,
    JsonBody,
    MultipartBody,
    Pairs,
    Request,
    header_value,
    pairs_of,
    path_part,
    text_of,
)
from flowlang.agents.http.settings import HttpEntry
from flowlang.agents.http_signatures import is_url
from flowlang.agents.providers import Member, Unfit
from flowlang.agents.python_values import FindFile
from flowlang.agents.secrets import Secrets, secrets_in
from flowlang.plan import model as plan
from flowlang.runtime.agent_errors import failed
from flowlang.values.value import Value

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
WITH_BODY: Final = ("POST", "PUT", "PATCH")

ANYWHERE: Final = "*"
"""The target of requests whose whole address is an argument."""

TEXT: Final = plan.ScalarType(kind="string")


@attrs.frozen(eq=False)
class Written:
    """A request that is sent again and again. `path` is its address without its query."""

    method: str
    route: str
    path: Template
    chosen: bool
    query: tuple[tuple[str, Template], ...]
    headers: tuple[tuple[str, Template], ...]
    body: Any  # JSON with templates for its texts
    form: tuple[tuple[str, Template], ...] | None
    types: Mapping[str, plan.Type]

    def request(
        self, given: Mapping[str, Value], find: FindFile, key: tuple[str, str] | None, secrets: Secrets
    ) -> Request:
        """The request of a call; `key` is the header that makes repeating it harmless, and its value.
        Raises AgentError, NoSecret."""
        hidden = {f"secrets.{name}": secrets.get(name) for name in self._secrets()}
        arguments = {**given, **hidden}
        headers = [
            (name, header_value(name, text))
            for name, template in self.headers
            if (text := fill(template, arguments)) is not None
        ]
        return Request(
            self.method,
            self._address(arguments),
            self.route,
            _pairs(self.query, arguments),
            (*headers, *(() if key is None else (key,))),
            self._body(arguments, find),
            self.chosen,
        )

    def _secrets(self) -> Iterator[str]:
        for _, template in (*self.query, *self.headers):
            yield from secrets_in(f"{{{part.name}}}" for part in template.parts if isinstance(part, Hole))

    def _address(self, arguments: Mapping[str, Value]) -> str:
        texts = [
            part if isinstance(part, str) else self._part(part.name, arguments, raw=self.chosen and not index)
            for index, part in enumerate(self.path.parts)
        ]
        address = "".join(texts)
        if not self.chosen and not {".", ".."}.isdisjoint(address.split("/")):
            raise failed(f"{self.route}: the arguments lead to another place")
        return address

    def _part(self, name: str, arguments: Mapping[str, Value], *, raw: bool) -> str:
        value = arguments.get(name)
        if value is None:
            raise failed(f"`{name}` is null, and the address needs it")
        return text_of(value) if raw else path_part(name, text_of(value))

    def _body(self, arguments: Mapping[str, Value], find: FindFile) -> Body | None:
        if self.form is not None:
            return self._form(self.form, arguments, find)
        if self.body is None:
            return None
        lone = self.body.lone if isinstance(self.body, Template) else None
        value = _built(self.body, arguments)
        if lone is not None and _kind(self.types[lone.name]) == "file":
            file = find(value)
            return ContentBody(file, file.media_type)
        if isinstance(self.body, Template) and (lone is None or _kind(self.types[lone.name]) == "string"):
            return ContentBody(value or "", "text/plain; charset=utf-8")
        return JsonBody(value)

    def _form(self, form: Any, arguments: Mapping[str, Value], find: FindFile) -> Body:
        fields: list[tuple[str, str]] = []
        files: list[tuple[str, File]] = []
        for name, template in form:
            lone = template.lone
            if lone is not None and _kind(self.types.get(lone.name, TEXT)) == "file":
                value = arguments.get(lone.name)
                files += [(name, find(value))] if value is not None else []
            else:
                fields += _pairs(((name, template),), arguments)
        return MultipartBody(tuple(fields), tuple(files)) if files else FormBody(tuple(fields))


def written(member: Member, entry: HttpEntry, base: str | None) -> Written:
    """The request that an entry writes. Raises Unfit."""
    types = {parameter.name: parameter.type for parameter in member.agent.parameters}
    known = types | {f"secrets.{name}": TEXT for name in secrets_in([entry.query, entry.headers])}
    method, _, address = member.name.partition(" ")
    address, chosen = _absolute(address, base)
    path, _, question = address.partition("?")
    pairs = [pair.partition("=")[::2] for pair in question.split("&") if pair]
    made = Written(
        method,
        member.name.partition("?")[0],
        _parsed(path, types, "http"),
        chosen,
        tuple((name, _parsed(text, types, "http")) for name, text in pairs)
        + tuple((name, _parsed(text, known, "query", name)) for name, text in entry.query.items()),
        tuple((name, _parsed(text, known, "headers", name)) for name, text in entry.headers.items()),
        _templates(entry.body, types),
        None
        if entry.form is None
        else tuple((name, _parsed(text, types, "form", name)) for name, text in entry.form.items()),
        types,
    )
    return _with_rest(made, has_query=bool(entry.query or question))


def check_entry(member: Member, entry: HttpEntry, base: str | None) -> None:
    """Find what is wrong with a request that is written by hand. Raises Unfit."""
    if entry.body is not None and entry.form is not None:
        raise Unfit("a request has a `body` or a `form`, not both", "remove one of them", ("form",))
    made = written(member, entry, base)
    if made.method not in WITH_BODY and (made.body is not None or made.form is not None):
        raise Unfit(f"a {made.method} has no body", "use `query`", ("body" if made.form is None else "form",))
    _check_files(made)


def _check_files(made: Written) -> None:
    """A file is a body, or a part of a form."""
    lone = made.body.lone if isinstance(made.body, Template) else None
    texts = (made.path, made.query, made.headers, *(() if lone else (made.body,)))
    for name in _holes(texts):
        if _holds_file(made.types.get(name, TEXT)):
            help = f'send it with `body = "{{{name}}}"`, or in a `form`'
            raise Unfit(f"the file `{name}` stands where only values can", help, ("http",))


def _holds_file(type: plan.Type) -> bool:
    return _kind(type) == "file" or (isinstance(type, plan.ListType) and _holds_file(type.item))


def check_errors(member: Member, errors: Mapping[str, str]) -> None:
    """Find a status that is to be an error which the agent does not raise. Raises Unfit."""
    for status, name in errors.items():
        if name not in member.errors:
            known = ", ".join(f"`{error}`" for error in member.errors)
            help = f"it raises {known}" if known else f"write `raises {name}` behind its declaration"
            raise Unfit(f"the agent does not raise `{name}`", help, ("errors", status))


def _absolute(address: str, base: str | None) -> tuple[str, bool]:
    """An address with its host, and whether an argument says which. Raises Unfit."""
    if is_url(address):
        return address, False
    relative = address.removeprefix("{base}")
    if relative.startswith("{") and relative == address:
        return address, True
    if not relative.startswith("/") and relative:
        raise Unfit(f"`{address}` is no address", "write a path such as `/items/{id}`, or a URL", ("http",))
    if base is None:
        raise Unfit("its target has no `base`", 'say `base = "https://…"` there, or write a URL', ("http",))
    return base.rstrip("/") + relative, False


def _parsed(text: str, types: Mapping[str, plan.Type], *key: str | int) -> Template:
    try:
        return parse_template(text, types)
    except BadTemplate as problem:
        raise Unfit(problem.message, problem.help, key) from None


def _templates(body: Any, types: Mapping[str, plan.Type], *key: str | int) -> Any:
    match body:
        case str():
            return _parsed(body, types, "body", *key)
        case dict():
            return {name: _templates(part, types, *key, name) for name, part in body.items()}
        case list():
            return [_templates(part, types, *key, index) for index, part in enumerate(body)]
        case _:
            return body


def _with_rest(made: Written, *, has_query: bool) -> Written:
    """The request with the parameters that are mentioned nowhere. Raises Unfit."""
    used = {
        *_holes((made.path, *(t for _, t in (*made.query, *made.headers, *(made.form or ()))), made.body))
    }
    rest = {name: Template((Hole(name),)) for name in made.types if name not in used}
    if not rest:
        return made
    if made.method in WITH_BODY and made.body is None and made.form is None:
        return attrs.evolve(made, body=rest)
    if made.method not in WITH_BODY and not has_query:
        return attrs.evolve(made, query=(*made.query, *rest.items()))
    name = next(iter(rest))
    key = "body" if made.method in WITH_BODY else "query"
    raise Unfit(f"the parameter `{name}` is sent nowhere", f"mention `{{{name}}}` in `{key}`", (key,))


def _holes(parts: Any) -> Iterator[str]:
    match parts:
        case Template(parts=inner):
            yield from (part.name for part in inner if isinstance(part, Hole))
        case dict():
            yield from _holes(tuple(parts.values()))
        case tuple() | list():
            for part in parts:
                yield from _holes(part)


def _built(body: Any, arguments: Mapping[str, Value]) -> Value:
    """JSON with its templates filled; entries that are a hole for null are left out."""
    match body:
        case Template(lone=Hole(name=name)):
            return arguments.get(name)
        case Template():
            return fill(body, arguments)
        case dict():
            parts = {name: (part, _built(part, arguments)) for name, part in body.items()}
            return {n: v for n, (part, v) in parts.items() if v is not None or not isinstance(part, Template)}
        case list():
            return [_built(part, arguments) for part in body]
        case _:
            return body


def _pairs(fields: tuple[tuple[str, Template], ...], arguments: Mapping[str, Value]) -> Pairs:
    found: list[tuple[str, str]] = []
    for name, template in fields:
        lone = template.lone
        found += pairs_of(name, arguments.get(lone.name) if lone else fill(template, arguments))
    return tuple(found)


def _kind(type: plan.Type) -> str:
    """The kind of a type, whether it is optional or not."""
    return _kind(type.inner) if isinstance(type, plan.OptionalType | plan.SecretType) else type.kind
