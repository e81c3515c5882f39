"""The whole front end in a few lines: a file -> project -> facts -> plan.

Everything that is called here takes text and functions; here the front end meets the disk, through `files`.
`check_file` must stay light, since editors and hooks call it all the time, so what needs pydantic is
imported only where a plan is wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from flowlang.agents.describe import describe
from flowlang.semantics.check import Checked, check
from flowlang.semantics.modules import Read, load
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.render import ReadSource, render_all
from flowlang.text.source import Source
from flowlang.tools.environments import environment_of
from flowlang.tools.files import STDIN, disk, project_path, read_shown, root_of, shown_path
from flowlang.tools.plan_settings import PlanSettings, is_plan

if TYPE_CHECKING:
    from flowlang.plan.model import Plan


class Compiled(NamedTuple):
    """What became of a file: its plan, or None where there are errors. `sources` serves the renderers."""

    plan: Plan | None
    diagnostics: tuple[Diagnostic, ...]
    sources: ReadSource


class NotRunnable(Exception):
    """A flow that cannot run: its text has mistakes, or its inputs or agents are not what it needs.

    `diagnostics` say why; as text it is what `flow` prints of them. `read` gives the sources they show."""

    def __init__(self, diagnostics: Iterable[Diagnostic], read: ReadSource) -> None:
        self.diagnostics, self.read = tuple(diagnostics), read
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return render_all(self.diagnostics, self.read)


def check_file(
    path: str,
    *,
    previous: Checked | None = None,
    plans: PlanSettings | None = None,
    environment: str | None = None,
) -> Checked:
    """Check a file and all it imports; `previous` is an earlier result, whose unchanged parts are kept.

    `plans` is about a plan in YAML or JSON: its agents and limits, beside those of `flow.toml`. `environment`
    says which of its tables hold; None is that of FLOW_ENV."""
    entry = project_path(path)
    return _checked(entry, disk(root_of(path), entry), previous, plans, environment)


def check_text(
    text: str,
    path: str = STDIN,
    *,
    previous: Checked | None = None,
    plans: PlanSettings | None = None,
    environment: str | None = None,
) -> Checked:
    """Check a text as if it stood at `path`; what it imports is read from disk."""
    entry = project_path(path)
    imported = disk(root_of(path), entry)
    return _checked(
        entry,
        lambda wanted: Source(entry, text) if wanted == entry else imported(wanted),
        previous,
        plans,
        environment,
    )


def diagnose(text: str, path: str = STDIN) -> tuple[Diagnostic, ...]:
    """The mistakes in a text, placed, in the order of the text."""
    return check_text(text, path).diagnostics


def compile_file(path: str, plans: PlanSettings | None = None, environment: str | None = None) -> Compiled:
    """Check a file and lower it to a plan."""
    return lowered(check_file(path, plans=plans, environment=environment))


def compile_plan(
    path: str | os.PathLike[str],
    *,
    text: str | None = None,
    plans: PlanSettings | None = None,
    environment: str | None = None,
) -> Plan:
    """The plan of a flow file; with `text`, as if that stood in it. Raises NotRunnable.

    The file may be a plan in YAML or JSON; `plans` says which agents it may call and how much it may do.
    `environment` says which tables of `flow.toml` hold; None is that of FLOW_ENV."""
    name = os.fspath(path)
    if text is None:
        made = lowered(check_file(name, plans=plans, environment=environment))
    else:
        made = lowered(check_text(text, name, plans=plans, environment=environment))
    if made.plan is None:
        raise NotRunnable(made.diagnostics, made.sources)
    return made.plan


def lowered(checked: Checked) -> Compiled:
    """The plan of what was checked."""
    if any(diagnostic.severity == "error" for diagnostic in checked.diagnostics):
        return Compiled(None, checked.diagnostics, sources(checked))
    from flowlang.plan.lower import lower

    return Compiled(lower(checked), checked.diagnostics, sources(checked))


def sources(*checked: Checked) -> ReadSource:
    """The sources that were checked, as renderers ask for them; any other path is read from disk."""
    modules = {path: module for each in checked for path, module in each.project.modules.items()}

    def read(path: str) -> Source | None:
        module = modules.get(path)
        return Source(shown_path(path), module.source.text) if module else read_shown(path)

    return cache(read)


def _checked(
    entry: str, read: Read, previous: Checked | None, plans: PlanSettings | None, environment: str | None
) -> Checked:
    if is_plan(entry):
        from flowlang.tools.plan_files import check_plan

        return check_plan(entry, read, plans, environment=environment)
    before = previous.project if previous else None
    behind = partial(describe, environment=environment_of(environment))
    project = load(entry, read=read, describe=behind, root=root_of(entry), previous=before)
    return check(project, previous=previous)
