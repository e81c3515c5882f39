"""`flow.toml` -> how agents are reached.

    [agents.read]
    python = "tools:read"                 # module:function, the module next to flow.toml or installed

    [agents.log]
    command = ["git", "log", "--since={since}", "--", "{paths}"]
    stdin = "{text}"                      # nothing, where it is left out
    output = "lines"                      # "json", "text", "lines" or "file"; else by the agent's result
    media_type = "image/png"              # of a file that it gives; `{output}` is the path to write it to,
                                          # without that hole it is what the command prints
    errors = { 2 = "NotFound" }           # exit code -> declared error
    cwd = "."                             # relative to flow.toml; where left out, the folder flow runs in
    env = { TOKEN = "{token}" }
    max_output_bytes = 1_048_576

A command also finds FLOW_IDEMPOTENCY_KEY and FLOW_ATTEMPT in its environment.

Agents of an imported module are `[agents.trips.book_hotel]`. Only the table `agents` is read here, and
entries for agents that a flow does not have are fine: many flows share a file. Mistakes are diagnostics."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import attrs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flowlang.agents.toml_places import Key, label_of
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Source, Span
from flowlang.text.suggest import did_you_mean, nearest

MAX_CONFIG_BYTES: Final = 256 * 1024
DEFAULT_MAX_OUTPUT_BYTES: Final = 1024 * 1024


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class PythonEntry(_Entry):
    """`python = "module:function"`."""

    python: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


class CommandEntry(_Entry):
    """`command = [...]` with its options."""

    command: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    stdin: str | None = None
    output: Literal["json", "text", "lines", "file"] | None = None
    media_type: Annotated[str, Field(pattern=r"^[\w.+-]+/[\w.+-]+$")] | None = None
    errors: dict[str, str] = {}
    cwd: str | None = None
    env: dict[str, str] = {}
    max_output_bytes: Annotated[int, Field(ge=1, le=64 * 1024 * 1024)] = DEFAULT_MAX_OUTPUT_BYTES


Entry: TypeAlias = PythonEntry | CommandEntry
OPTIONS: Final = frozenset({*PythonEntry.model_fields, *CommandEntry.model_fields})


@attrs.frozen(eq=False)
class Config:
    """The entries of a `flow.toml` by the agent's name, and its text, for messages about them."""

    source: Source
    folder: Path
    entries: dict[str, Entry]
    keys: dict[str, Key]  # where each entry stands
    diagnostics: tuple[Diagnostic, ...] = ()

    def label(self, agent: str, *below: str | int) -> Label:
        """The place of an entry, or of a key in it."""
        return label_of(self.source, (*self.keys.get(agent, ()), *below))


def read_config(path: Path) -> Config:
    """Read a `flow.toml`. Never raises; what is wrong stands in `diagnostics`."""
    shown = _shown(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
        text = content.decode().replace("\r\n", "\n")
    except (OSError, ValueError) as problem:
        return _broken(Source(shown, ""), path, f"it cannot be read: {_reason(problem)}")
    source = Source(shown, text)
    if len(content) > MAX_CONFIG_BYTES:
        return _broken(Source(shown, ""), path, f"it is larger than {MAX_CONFIG_BYTES // 1024} KiB")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        return _not_toml(source, path, problem)
    except RecursionError:
        return _broken(source, path, "it is nested too deeply")
    return _entries(source, path.parent, table.get("agents", {}))


def _shown(path: Path) -> str:
    """The path as messages show it: relative to the working folder where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _reason(problem: OSError | ValueError) -> str:
    return problem.strerror or "unknown" if isinstance(problem, OSError) else "it is not UTF-8"


def _broken(source: Source, path: Path, message: str, start: int = 0) -> Config:
    label = Label(Span(start, start), "", Anchor(source.path))
    return Config(source, path.parent, {}, {}, (Diagnostic(codes.BAD_CONFIG, message, label),))


def _not_toml(source: Source, path: Path, problem: tomllib.TOMLDecodeError) -> Config:
    """The message of `tomllib` with its place, "(at line 3, column 7)", as a place."""
    text, _, place = str(problem).rpartition(" (at ")
    found = re.match(r"line (\d+), column (\d+)\)", place)
    message = f"it is not TOML: {(text or str(problem)).rstrip('.').lower()}"
    if found is None:
        return _broken(source, path, message, len(source.text))
    offset = source.line_starts[int(found[1]) - 1] + int(found[2]) - 1
    return _broken(source, path, message, offset)


# Entries


def _entries(source: Source, folder: Path, agents: object) -> Config:
    entries: dict[str, Entry] = {}
    keys: dict[str, Key] = {}
    found: list[Diagnostic] = []
    for key, table in _tables(("agents",), agents):
        agent = ".".join(str(part) for part in key[1:])
        try:
            keys[agent] = key
            entries[agent] = _entry(table)
        except ValidationError as problem:
            found += _complaints(source, key, problem)
        except _BadEntry as problem:
            found.append(_bad_config(source, key, str(problem), problem.help))
    return Config(source, folder, entries, keys, tuple(found))


def _tables(key: Key, value: object) -> Iterator[tuple[Key, object]]:
    """The entries below a key: `[agents.trips.book_hotel]` is one called `trips.book_hotel`."""
    is_group = isinstance(value, dict) and not OPTIONS & value.keys()
    if isinstance(value, dict) and (key == ("agents",) or (is_group and _has_tables(value))):
        for name, entry in value.items():
            yield from _tables((*key, name), entry)
    else:
        yield key, value


def _has_tables(table: dict[str, Any]) -> bool:
    return bool(table) and all(isinstance(value, dict) for value in table.values())


class _BadEntry(Exception):
    """What an entry lacks before its keys can be looked at."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


WAYS = ("python", "command")


def _entry(table: object) -> Entry:
    help = 'write `python = "module:function"` or `command = ["program", "{argument}"]`'
    if not isinstance(table, dict):
        raise _BadEntry("an agent is a table", help)
    if "python" in table and "command" in table:
        raise _BadEntry("an agent is either `python` or `command`, not both", "remove one of them")
    if "python" in table:
        return PythonEntry.model_validate(table)
    if "command" in table:
        return CommandEntry.model_validate(table)
    meant = next((right for name in table if (right := nearest(name, WAYS))), None)
    raise _BadEntry("it does not say how the agent is reached", f"did you mean `{meant}`?" if meant else help)


def _complaints(source: Source, key: Key, problem: ValidationError) -> Iterator[Diagnostic]:
    options = PythonEntry.model_fields if problem.title == "PythonEntry" else CommandEntry.model_fields
    for error in problem.errors():
        place = error["loc"]
        name = str(place[0]) if place else ""
        if error["type"] == "extra_forbidden":
            known = ", ".join(f"`{option}`" for option in options)
            help = did_you_mean(name, options) or f"there are {known}"
            yield _bad_config(source, (*key, name), f"`{name}` is not an option here", help)
        else:
            yield _bad_config(source, (*key, *place), f"`{name}`: {_worded(name, error['msg'])}", None)


def _worded(name: str, message: str) -> str:
    if name == "python":
        return 'it is "module:function", such as "tools:search"'
    return message[0].lower() + message[1:]


def _bad_config(source: Source, key: Key, message: str, help: str | None) -> Diagnostic:
    return Diagnostic(codes.BAD_CONFIG, message, label_of(source, key), help=help)
