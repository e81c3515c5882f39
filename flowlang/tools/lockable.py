"""Flow files -> the targets whose offers belong into a `flow.lock`, project by project.

These are what the flows and all that they import name in a `use`, and the tables of `flow.toml`. Those that
say by themselves what they offer, such as an OpenAPI document on the disk, are left out, as are those that
offer nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import attrs

from flowlang.agents.config import Config, read_config
from flowlang.agents.describe import needs_lock
from flowlang.agents.locked import LOCK_NAME, Offers, TargetName
from flowlang.agents.providers import Target, Unfit
from flowlang.agents.roots import CONFIG_NAME
from flowlang.agents.secrets import Secrets
from flowlang.agents.targets import Incomplete, Targets
from flowlang.semantics.modules import load
from flowlang.semantics.providers import Description
from flowlang.syntax import ast
from flowlang.text.diagnostics import Diagnostic
from flowlang.tools.files import disk, project_path, root_of


@attrs.frozen
class Named:
    """A target that is to be locked: the folder that its paths start at, and the flow files that use it."""

    folder: Path
    entries: tuple[str, ...] = ()


@attrs.frozen(eq=False)
class LockedProject:
    """A project with flows: its root, its `flow.toml`, and its targets."""

    root: str
    config: Config | None
    targets: Mapping[TargetName, Named]
    entries: tuple[str, ...]
    environment: str | None

    @property
    def lock_path(self) -> str:
        return os.path.normpath(os.path.join(self.root, LOCK_NAME))

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.config.diagnostics if self.config else ()

    def found(
        self, names: Iterable[TargetName], locked: Mapping[TargetName, Offers]
    ) -> tuple[dict[TargetName, Target], dict[TargetName, str]]:
        """The targets of these names, and of those that cannot be asked why not."""
        targets: dict[TargetName, Target] = {}
        problems: dict[TargetName, str] = {}
        secrets = self.config.secrets if self.config else Secrets()
        places = Targets(self.config, Path.cwd(), secrets)
        for kind, text in names:
            name = kind, text
            try:
                targets[name] = places.find(kind, text, self.targets[name].folder, locked.get(name, ()))
            except Unfit as problem:
                problems[name] = f"{problem.message}; {problem.help}" if problem.help else problem.message
            except Incomplete:
                problems[name] = f"its table `[{kind}.{text}]` has mistakes"
        return targets, problems


Wanted: TypeAlias = Callable[[str, str, str, str | None], bool]
"""Whether a target is wanted, by its kind, its text, the file that names it, and the environment."""


def lockable(
    files: Sequence[str], environment: str | None, wanted: Wanted = needs_lock
) -> list[LockedProject]:
    """The projects of some flow files, with those of their targets that are wanted."""
    by_root: dict[str, list[str]] = {}
    for file in files:
        by_root.setdefault(root_of(file), []).append(project_path(file))
    return [_project(root, entries, environment, wanted) for root, entries in by_root.items()]


def _project(root: str, entries: Sequence[str], environment: str | None, wanted: Wanted) -> LockedProject:
    config_file = Path(os.path.abspath(root), CONFIG_NAME)
    config = read_config(config_file, environment) if config_file.is_file() else None
    targets: dict[TargetName, Named] = {}
    for entry in entries:
        for name, path in _used(entry, root):
            if not wanted(*name, path, environment):
                continue
            known = targets.get(name) or Named(Path(os.path.abspath(path)).parent)
            targets[name] = attrs.evolve(known, entries=tuple(dict.fromkeys((*known.entries, entry))))
    if config is not None:
        for name in config.targets:
            if wanted(*name, str(config_file), environment):
                targets.setdefault(name, Named(config.folder))
    return LockedProject(root, config, dict(sorted(targets.items())), tuple(entries), environment)


def _used(entry: str, root: str) -> Iterator[tuple[TargetName, str]]:
    """The targets of the `use`s of a file and of all that it imports, with the file that names each."""
    project = load(entry, read=disk(root, entry), describe=_nothing, root=root)
    for path, module in project.modules.items():
        for item in module.items:
            match item.declaration:
                case ast.Use(provider=provider, target=target):
                    yield (provider.name, target.value), path


def _nothing(kind: str, target: str, using_path: str) -> Description:
    return Description(target)
