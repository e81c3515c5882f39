"""`flow.toml` -> the tables that hold in an environment, each with the key where it is written.

    [http.shop]                      # holds everywhere,
    base = "http://localhost:8000"

    [env.prod.http.shop]             # but with `--env prod`, or FLOW_ENV=prod, this is read in its place
    base = "https://shop.example.com"

A table of an environment replaces the one of the same name as a whole. Nothing is merged, so that what holds
can be read in one place. What the tables mean is known elsewhere (`config.py`); this module is light, since
`flow check` asks it where the target of a `use` lies. It never raises: mistakes are diagnostics."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from flowlang.agents.toml_places import Key, label_of
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Source, Span
from flowlang.text.suggest import did_you_mean

MAX_CONFIG_BYTES: Final = 256 * 1024
ENVIRONMENTS: Final = "env"


@attrs.frozen(eq=False)
class Tables:
    """A `flow.toml`: its text, its folder, all of its tables, and the environment that holds, if any."""

    source: Source
    folder: str
    all: Mapping[str, Any]
    environment: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()

    def sections(self, name: str) -> Iterator[tuple[Key, object]]:
        """What stands under a name of the top: for all environments, then for this one, which wins."""
        if name in self.all:
            yield (name,), self.all[name]
        own = self._of_environment()
        if name in own:
            yield (ENVIRONMENTS, str(self.environment), name), own[name]

    def table(self, section: str, name: str) -> tuple[Key, object] | None:
        """The table `[SECTION.NAME]` that holds, and its key."""
        found = None
        for key, tables in self.sections(section):
            if isinstance(tables, dict) and name in tables:
                found = (*key, name), tables[name]
        return found

    def names(self) -> dict[str, Key]:
        """The names of all sections that hold, each with a key where it stands."""
        own = {name: (ENVIRONMENTS, str(self.environment), name) for name in self._of_environment()}
        return {**{name: (name,) for name in self.all if name != ENVIRONMENTS}, **own}

    def _of_environment(self) -> Mapping[str, Any]:
        environments = self.all.get(ENVIRONMENTS)
        own = environments.get(self.environment) if isinstance(environments, dict) else None
        return own if isinstance(own, dict) else {}


def read_tables(path: str, environment: str | None = None) -> Tables:
    """Read a `flow.toml`, for an environment or for none."""
    folder, shown = os.path.dirname(path), _shown(path)
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
        text = content.decode().replace("\r\n", "\n")
    except (OSError, ValueError) as problem:
        return _broken(Source(shown, ""), folder, f"it cannot be read: {_reason(problem)}")
    source = Source(shown, text)
    if len(content) > MAX_CONFIG_BYTES:
        return _broken(Source(shown, ""), folder, f"it is larger than {MAX_CONFIG_BYTES // 1024} KiB")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        return _not_toml(source, folder, problem)
    except RecursionError:
        return _broken(source, folder, "it is nested too deeply")
    found = tuple(_wrong_environments(source, tables, environment))
    return Tables(source, folder, tables, environment, found)


def bad_config(source: Source, key: Key, message: str, help: str | None = None) -> Diagnostic:
    """A mistake at the line of a key."""
    return Diagnostic(codes.BAD_CONFIG, message, label_of(source, key), help=help)


def _shown(path: str) -> str:
    """The path as messages show it: relative to the working folder where it lies below."""
    here = os.getcwd()
    return os.path.relpath(path, here) if path.startswith(here + os.sep) else path


def _reason(problem: OSError | ValueError) -> str:
    return problem.strerror or "unknown" if isinstance(problem, OSError) else "it is not UTF-8"


def _broken(source: Source, folder: str, message: str, start: int = 0) -> Tables:
    label = Label(Span(start, start), "", Anchor(source.path))
    return Tables(source, folder, {}, diagnostics=(Diagnostic(codes.BAD_CONFIG, message, label),))


def _not_toml(source: Source, folder: str, problem: tomllib.TOMLDecodeError) -> Tables:
    """The message of `tomllib` with its place, "(at line 3, column 7)", as a place."""
    text, _, place = str(problem).rpartition(" (at ")
    found = re.match(r"line (\d+), column (\d+)\)", place)
    message = f"it is not TOML: {(text or str(problem)).rstrip('.').lower()}"
    if found is None:
        return _broken(source, folder, message, len(source.text))
    offset = source.line_starts[int(found[1]) - 1] + int(found[2]) - 1
    return _broken(source, folder, message, offset)


def _wrong_environments(
    source: Source, tables: Mapping[str, Any], wanted: str | None
) -> Iterator[Diagnostic]:
    environments = tables.get(ENVIRONMENTS, {})
    if not isinstance(environments, dict):
        yield bad_config(source, (ENVIRONMENTS,), "`env` holds a table for each environment", HELP)
        return
    for name, own in environments.items():
        if not (isinstance(own, dict) and all(isinstance(section, dict) for section in own.values())):
            message = f"the environment `{name}` holds tables like those of the file"
            yield bad_config(source, (ENVIRONMENTS, name), message, HELP)
    if wanted is not None and wanted not in environments:
        known = ", ".join(f"`{name}`" for name in environments)
        message = f"there is no environment `{wanted}` here"
        help = did_you_mean(wanted, environments) or (f"there are {known}" if known else HELP)
        yield Diagnostic(codes.BAD_CONFIG, message, Label(Span(0, 0), "", Anchor(source.path)), help=help)


HELP: Final = "an environment has tables such as `[env.prod.http.shop]`, read in the place of `[http.shop]`"
