"""Plans on disk: a YAML or JSON file and whoever runs it -> the tree of a plan, in its project.

Which agents a plan may call is said by `--use` and by the table `plans` of `flow.toml`, and nowhere in the
plan:

    [plans]
    use = ["agents.flow", "tools.py"]    # relative to flow.toml
    allow = ["search", "summarise"]      # only these; without it, all of them
    max_calls = 100                      # of agents, in one run
    max_time = "10m"

Agents that `flow.toml` binds to Python functions may be called as well, with the types that the functions
have. A plan is one file of one project like any other: what it uses has to lie in the project, too."""

from __future__ import annotations

import os
import posixpath
import tomllib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from flowlang.agents.config import Config, read_config
from flowlang.agents.describe import describe
from flowlang.agents.entries import PythonEntry
from flowlang.agents.project import config_path
from flowlang.agents.toml_places import label_of
from flowlang.planning.agents import Agents, Library, own_declarations
from flowlang.planning.names import as_name, unique
from flowlang.planning.translation import NO_HINTS, hints_of
from flowlang.planning.translation import module_of as module_of_source
from flowlang.planning.values import DURATION, Hints
from flowlang.semantics.check import Checked, check
from flowlang.semantics.facts import Declared, Namespace
from flowlang.semantics.modules import Project, Read, load
from flowlang.semantics.providers import Describe
from flowlang.semantics.uses import namespace_of
from flowlang.syntax import ast
from flowlang.syntax.literals import duration
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label, Problems
from flowlang.text.source import Anchor, Source, Span
from flowlang.tools.environments import environment_of
from flowlang.tools.files import disk, project_path, root_of
from flowlang.tools.plan_settings import PlanSettings

START: Final = Span(0, 0)
PLAN_MARK: Final = "plan_id"


@attrs.frozen(eq=False)
class Surroundings:
    """What a plan has around it: its agents and limits, and what is wrong with the files that say so."""

    agents: Agents
    settings: PlanSettings
    diagnostics: tuple[Diagnostic, ...]
    describe: Describe


def module_of(path: str, text: str, settings: PlanSettings | None = None) -> ast.Module:
    """The tree of a plan as if it stood at `path`, with its own mistakes in it. Never raises."""
    entry = project_path(path)
    return module_of_source(Source(entry, text), surroundings_of(entry, settings).agents)


def check_if_plan(path: str, read: Read, root: str, environment: str | None = None) -> Checked:
    """Check what an editor has open. A file that says nothing of a `plan_id` is no plan."""
    source = read(path)
    if isinstance(source, Source) and PLAN_MARK not in source.text:
        return check(load(path, read=read, describe=describe, root=root, parse_entry=_nothing))
    return check_plan(path, read, None, root, environment)


def _nothing(source: Source) -> ast.Module:
    return ast.Module(source, (), (), ())


def check_plan(
    entry: str,
    read: Read,
    settings: PlanSettings | None,
    root: str | None = None,
    environment: str | None = None,
) -> Checked:
    """Check a plan. Where the reading of values depends on types, it is read again with what was found."""
    around = surroundings_of(entry, settings, environment)
    root = root_of(entry) if root is None else root
    checked = check(load_plan(entry, read, around, root))
    hints = hints_of(found for found in checked.diagnostics if found.path == entry)
    if not hints:
        return checked
    return check(load_plan(entry, read, around, root, hints), previous=checked)


def load_plan(entry: str, read: Read, around: Surroundings, root: str, hints: Hints = NO_HINTS) -> Project:
    """The project of a plan."""
    project = load(
        entry,
        read=read,
        describe=around.describe,
        root=root,
        parse_entry=lambda source: module_of_source(source, around.agents, hints),
    )
    others = (d for d in around.diagnostics if d.path == entry or d.path not in project.modules)
    return attrs.evolve(project, diagnostics=(*project.diagnostics, *others))


def surroundings_of(
    entry: str, settings: PlanSettings | None = None, environment: str | None = None
) -> Surroundings:
    """What `flow.toml` and the command line say about a plan; the latter wins. `environment` None is that of
    FLOW_ENV."""
    found = config_path(Path(entry))
    config = read_config(found, environment_of(environment)) if found else None
    behind = partial(describe, environment=environment_of(environment))
    wanted, problems = _configured(config)
    if settings is not None:
        wanted = settings.over(wanted)
    libraries: list[Library] = []
    for path in wanted.use:
        library, mistakes = _library(path, entry, [known.alias for known in libraries], behind)
        libraries.append(library)
        problems += mistakes
    known = {name for library in libraries for name in library.callables()}
    if config is not None:
        libraries += _bound(config, entry, known, [library.alias for library in libraries])
    allowed = None if wanted.allow is None else frozenset(wanted.allow)
    entries = config.entries if config else {}
    untyped = frozenset(name for name, entry in entries.items() if not isinstance(entry, PythonEntry))
    return Surroundings(Agents(tuple(libraries), allowed, untyped), wanted, tuple(problems), behind)


# Files with agents


def _library(
    path: str, entry: str, aliases: list[str], behind: Describe
) -> tuple[Library, Iterable[Diagnostic]]:
    alias = unique(as_name(Path(path).stem, "agents"), aliases)
    target = os.path.relpath(path, os.path.dirname(entry) or ".").replace(os.sep, "/")
    if path.endswith(".py"):
        return _python_library(alias, target, entry, None)
    used, root = project_path(path), root_of(path)
    checked = check(load(used, read=disk(root, used), describe=behind, root=root))
    module = checked.modules.get(posixpath.normpath(used))
    errors = [found for found in checked.diagnostics if found.severity == "error"]
    if module is None:
        return Library(alias, alias, target, "flow", {}), errors
    members = {name: i for name, i in module.namespace.items() if not isinstance(i, Namespace)}
    name, alias = alias, unique(alias, [*aliases, *members])  # its agents are declared beside its alias
    return Library(name, alias, target, "flow", members, own_declarations(module.module, members)), errors


def _python_library(
    alias: str, target: str, entry: str, ids: dict[str, str] | None
) -> tuple[Library, tuple[Diagnostic, ...]]:
    """A Python file as `use python` sees it, and what is wrong with all of it. What is wrong with a function
    is said where the plan calls it."""
    problems = Problems()
    use = ast.Use(
        0, START, ast.Ident(1, START, "python"), ast.Ident(2, START, alias), ast.Text(3, START, target, "")
    )
    declared = Declared(entry, alias, START, Anchor(entry), None)
    namespace = namespace_of(use, describe("python", target, entry), declared, frozenset(), problems)
    at = Label(START, "", Anchor(entry))
    found = tuple(attrs.evolve(problem, primary=at) for problem in problems.found)
    return Library(alias, alias, target, "python", namespace.members, ids=ids), found


def _bound(config: Config, entry: str, known: set[str], aliases: list[str]) -> Iterator[Library]:
    """The agents that flow.toml binds to functions, a library a module."""
    modules: dict[str, dict[str, str]] = {}
    for name, bound in config.entries.items():
        if isinstance(bound, PythonEntry) and "." not in name and name not in known:
            module, _, function = bound.python.partition(":")
            modules.setdefault(module, {})[name] = function
    for module, ids in modules.items():
        file = config.folder.joinpath(*module.split(".")).with_suffix(".py")
        if file.is_file():
            target = os.path.relpath(file, os.path.dirname(os.path.abspath(entry))).replace(os.sep, "/")
            alias = unique(as_name(file.stem, "tools"), aliases)
            aliases.append(alias)
            yield _python_library(alias, target, entry, ids)[0]


# flow.toml


def _configured(config: Config | None) -> tuple[PlanSettings, list[Diagnostic]]:
    """The table `plans` of a flow.toml, as far as it is sound."""
    if config is None:
        return PlanSettings(), []
    try:
        table = tomllib.loads(config.source.text).get("plans", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return PlanSettings(), list(config.diagnostics)
    if not isinstance(table, dict):
        return PlanSettings(), [_bad(config, ("plans",), "`plans` is a table: `[plans]`")]
    problems = [
        _bad(
            config,
            ("plans", name),
            f"`{name}` {WANTED.get(name, 'is not an option here; there are ' + KNOWN)}",
        )
        for name, value in table.items()
        if not _fits(name, value)
    ]
    sound = {name: value for name, value in table.items() if _fits(name, value)}
    return PlanSettings(
        use=tuple(os.path.join(os.path.relpath(config.folder), path) for path in sound.get("use", ())),
        allow=tuple(sound["allow"]) if "allow" in sound else None,
        max_calls=sound.get("max_calls"),
        max_time=duration(sound["max_time"]) if "max_time" in sound else None,
    ), problems


WANTED: Final = {
    "use": "is a list of files with agents",
    "allow": "is a list of agents",
    "max_calls": "is a whole number, not negative",
    "max_time": 'is a length of time, such as "10m"',
}
KNOWN: Final = ", ".join(f"`{name}`" for name in WANTED)


def _fits(name: str, value: object) -> bool:
    match name, value:
        case "use" | "allow", list(items):
            return all(isinstance(item, str) for item in items)
        case "max_calls", int(count):
            return count >= 0 and not isinstance(value, bool)
        case "max_time", str(text):
            return DURATION.fullmatch(text) is not None and duration(text) is not None
    return False


def _bad(config: Config, key: tuple[str, ...], message: str) -> Diagnostic:
    return Diagnostic(codes.BAD_CONFIG, message, label_of(config.source, key))
