"""`flow.toml` -> how agents are reached, checked before anything runs.

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
    env = { TOKEN = "{token}", KEY = "{secrets.KEY}" }
    inherit = ["SSH_AUTH_SOCK", "AWS_*"]  # of our environment, beside PATH, HOME and the like
    max_output_bytes = 1_048_576

    [agents.summarize]
    llm = "small"                         # a provider's kind: the target, and options that the provider knows

    [llm.small]                           # a target: settings that its provider knows
    key = "{secrets.LLM_KEY}"

    [secrets]
    LLM_KEY = { env = "LLM_KEY" }         # or dotenv, command, file: see `entries.py`

    [env.prod.llm.small]                  # read in the place of `[llm.small]` with `--env prod`
    key = "{secrets.PROD_KEY}"

A command also finds FLOW_IDEMPOTENCY_KEY and FLOW_ATTEMPT in its environment.

Agents of an imported module are `[agents.trips.book_hotel]`. Entries for agents that a flow does not have
are fine: many flows share a file. Mistakes are diagnostics, each at its line; what is right is kept beside
them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
from pydantic import BaseModel, ValidationError

from flowlang.agents.config_mistakes import complaints
from flowlang.agents.entries import SECRET_SOURCES, CommandEntry, Entry, ProvidedEntry, PythonEntry
from flowlang.agents.kinds import BUILT_IN, known_kinds
from flowlang.agents.providers import Provider, Settings, Unfit, provider_of
from flowlang.agents.secrets import Secrets
from flowlang.agents.tables import ENVIRONMENTS, Tables, bad_config, read_tables
from flowlang.agents.toml_places import Key, label_of
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Source
from flowlang.text.suggest import did_you_mean, nearest

AGENTS: Final = "agents"
SECRETS: Final = "secrets"
OTHERS: Final = ("plans", "tool")  # read elsewhere; `tool` belongs to other programs
TABLE: Final[Mapping[str, type[BaseModel]]] = {"python": PythonEntry, "command": CommandEntry}
OPTIONS: Final = frozenset({*PythonEntry.model_fields, *CommandEntry.model_fields})

M = TypeVar("M", bound=BaseModel)


@attrs.frozen(eq=False)
class Config:
    """The entries of a `flow.toml` by the agent's name, the settings of targets by kind and name, and the
    text, for messages about them. `keys` says where each of them stands."""

    source: Source
    folder: Path
    entries: dict[str, Entry]
    targets: dict[tuple[str, str], Settings]
    secrets: Secrets
    keys: dict[Key, Key]
    environment: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()

    def label(self, agent: str, *below: str | int) -> Label:
        """The place of an agent's entry, or of a key in it."""
        return self.place(AGENTS, agent, *below)

    def place(self, section: str, name: str, *below: str | int) -> Label:
        """The place of the table `[SECTION.NAME]` that holds, or of a key in it."""
        return label_of(self.source, (*self.keys.get((section, name), ()), *below))


def read_config(path: Path, environment: str | None = None) -> Config:
    """Read a `flow.toml` for an environment. Never raises; what is wrong stands in `diagnostics`."""
    tables = read_tables(str(path), environment)
    reading = _Reading(tables, [*tables.diagnostics])
    reading.read()
    return Config(
        tables.source,
        path.parent,
        reading.entries,
        reading.targets,
        Secrets(reading.sources, path.parent),
        reading.keys,
        environment,
        tuple(reading.found),
    )


class _BadEntry(Exception):
    """What an entry lacks before its keys can be looked at."""

    def __init__(self, message: str, help: str | None) -> None:
        super().__init__(message)
        self.help = help


@attrs.define(eq=False)
class _Reading:
    tables: Tables
    found: list[Diagnostic]
    entries: dict[str, Entry] = attrs.field(factory=dict)
    targets: dict[tuple[str, str], Settings] = attrs.field(factory=dict)
    sources: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    keys: dict[Key, Key] = attrs.field(factory=dict)

    def read(self) -> None:
        for section, key in self.tables.names().items():
            if section == AGENTS:
                self.agents()
            elif section == SECRETS:
                self.secrets()
            elif section not in OTHERS:
                self.provided(section, key)

    def report(self, key: Key, message: str, help: str | None = None) -> None:
        self.found.append(bad_config(self.tables.source, key, message, help))

    # Agents

    def agents(self) -> None:
        written: dict[str, tuple[Key, object]] = {}
        for section, value in self.tables.sections(AGENTS):
            for key, table in _tables(section, value, top=True):
                written[".".join(map(str, key[len(section) :]))] = key, table
        for name, (key, table) in written.items():
            self.keys[AGENTS, name] = key
            try:
                self.entries[name] = _entry(table)
            except _Invalid as problem:
                self.found += complaints(self.tables.source, key, problem.model, problem.errors)
            except _BadEntry as problem:
                self.report(key, str(problem), problem.help)

    # Targets

    def provided(self, kind: str, key: Key) -> None:
        provider = self.provider(kind, key)
        if provider is None:
            return
        for target, (place, table) in self.tables_of(kind).items():
            self.keys[kind, target] = place
            if not isinstance(table, dict):
                self.report(place, f"a target is a table: `[{kind}.{target}]`")
                continue
            try:
                self.targets[kind, target] = _validated(provider.settings, table)
            except _Invalid as problem:
                self.found += complaints(self.tables.source, place, problem.model, problem.errors)
            except Unfit as problem:
                self.report((*place, *problem.key), problem.message, problem.help)

    def provider(self, kind: str, key: Key) -> Provider | None:
        try:
            found = provider_of(kind)
        except Unfit as problem:
            self.report(key, problem.message, problem.help)
            return None
        if found is None:
            known = (AGENTS, SECRETS, ENVIRONMENTS, *OTHERS, *known_kinds())
            listed = ", ".join(f"`{name}`" for name in known)
            help = (
                did_you_mean(kind, known) or f"there are {listed}; other programs' settings go below `tool`"
            )
            self.report(key, f"`{kind}` means nothing here", help)
        return found

    def tables_of(self, section: str) -> dict[str, tuple[Key, object]]:
        """What stands in a section, by name, each with the key that holds."""
        found: dict[str, tuple[Key, object]] = {}
        for key, tables in self.tables.sections(section):
            if not isinstance(tables, dict):
                self.report(key, f"`{section}` holds tables: `[{section}.NAME]`")
                continue
            found |= {name: ((*key, name), table) for name, table in tables.items()}
        return found

    # Secrets

    def secrets(self) -> None:
        for name, (key, table) in self.tables_of(SECRETS).items():
            self.keys[SECRETS, name] = key
            try:
                self.sources[name] = _source(name, table)
            except _Invalid as problem:
                self.found += complaints(self.tables.source, key, problem.model, problem.errors)
            except _BadEntry as problem:
                # A line that holds the secret itself is not shown, but the one above.
                shown = key if isinstance(table, dict) else key[:-1]
                self.report(shown, str(problem), problem.help)


def _tables(key: Key, value: object, *, top: bool = False) -> Iterator[tuple[Key, object]]:
    """The entries below a key: `[agents.trips.book_hotel]` is one called `trips.book_hotel`."""
    is_group = isinstance(value, dict) and not OPTIONS & value.keys()
    if isinstance(value, dict) and (top or (is_group and _has_tables(value))):
        for name, entry in value.items():
            yield from _tables((*key, name), entry)
    else:
        yield key, value


def _has_tables(table: dict[str, Any]) -> bool:
    return bool(table) and all(isinstance(value, dict) for value in table.values())


def _entry(table: object) -> Entry:
    help = 'write `python = "module:function"` or `command = ["program", "{argument}"]`, or name a provider'
    if not isinstance(table, dict):
        raise _BadEntry("an agent is a table", help)
    ways = [way for way in (*TABLE, *BUILT_IN) if way in table] or _installed_ways(table)
    if not ways:
        meant = next((right for name in table if (right := nearest(name, (*TABLE, *BUILT_IN)))), None)
        help = f"did you mean `{meant}`?" if meant else help
        raise _BadEntry("it does not say how the agent is reached", help)
    if len(ways) > 1:
        raise _BadEntry(f"an agent is either `{ways[0]}` or `{ways[1]}`, not both", "remove one of them")
    (way,) = ways
    if way == "python":
        return _validated(PythonEntry, table)
    if way == "command":
        return _validated(CommandEntry, table)
    return _provided(way, table)


def _installed_ways(table: Mapping[str, object]) -> list[str]:
    return [way for way in known_kinds() if way in table]


def _provided(kind: str, table: Mapping[str, object]) -> ProvidedEntry:
    try:
        provider = provider_of(kind)
    except Unfit as problem:
        raise _BadEntry(problem.message, problem.help) from None
    assert provider is not None, "its kind is known"
    return ProvidedEntry(kind, provider, _validated(provider.entry, table))


def _source(name: str, table: object) -> dict[str, Any]:
    """Where a secret comes from, as `Secrets` reads it."""
    help = f'say where it comes from: `{name} = {{ env = "{name}" }}`, or `dotenv`, `command`, `file`'
    if not isinstance(table, dict):
        raise _BadEntry(f"the secret `{name}` must not stand in this file itself", help)
    ways = [way for way in SECRET_SOURCES if way in table]
    if len(ways) != 1:
        raise _BadEntry(f"the secret `{name}` comes from one place", help)
    found = _validated(SECRET_SOURCES[ways[0]], table).model_dump(exclude_none=True)
    return {"name": name, **found} if "dotenv" in found else found


class _Invalid(Exception):
    """A table that does not fit its model."""

    def __init__(self, model: type[BaseModel], errors: ValidationError) -> None:
        super().__init__(model.__name__)
        self.model, self.errors = model, errors


def _validated(model: type[M], table: Mapping[str, object]) -> M:
    """Raises _Invalid."""
    try:
        return model.model_validate(table)
    except ValidationError as errors:
        raise _Invalid(model, errors) from None
