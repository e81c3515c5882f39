"""`flow lock`: ask what targets offer, and write it down. What happens then is in `tools.locking`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

import click
from click.shell_completion import CompletionItem

from flowlang.agents.locked import BadLock, Lock, TargetName, lock_text, read_lock
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.render import render_all
from flowlang.text.source import Anchor, Source, Span
from flowlang.text.suggest import did_you_mean
from flowlang.tools.asking_targets import PATIENCE, Answered, Heard
from flowlang.tools.cli import terminal
from flowlang.tools.cli.environments import env_option
from flowlang.tools.environments import environment_of
from flowlang.tools.files import find_flow_files, read_shown, shown_path
from flowlang.tools.frontend import sources
from flowlang.tools.lock_report import relocked_json, relocked_text
from flowlang.tools.lockable import LockedProject, lockable
from flowlang.tools.locking import Relocked, relock
from flowlang.tools.whole_files import write_whole

EXAMPLES = """\b
Examples:
  flow lock                       ask the targets that are not in flow.lock yet
  flow lock --update              ask all of them again, and write what changed
  flow lock --check               only say what changed, and which flows that breaks
  flow lock --update --target fs  one target alone
  flow lock --check --env prod    whether production offers what the flows were checked with
"""


def _complete_targets(context: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """The targets of the flows below the current folder."""
    projects = lockable(find_flow_files(["."]).paths, environment_of(None))
    names = dict.fromkeys(text for project in projects for _, text in project.targets)
    return [CompletionItem(name) for name in names if name.startswith(begun)]


@click.command("lock", epilog=EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--update", is_flag=True, help="Ask also the targets that are locked.")
@click.option("--check", is_flag=True, help="Ask all targets and write nothing; exit 1 if anything differs.")
@click.option(
    "--target",
    "only",
    multiple=True,
    metavar="NAME",
    shell_complete=_complete_targets,
    help="Only this target, as flows call it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what changed as JSON.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=PATIENCE,
    show_default=True,
    metavar="SECONDS",
    help="How long a target may take to answer.",
)
@env_option
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[str, ...],
    update: bool,
    check: bool,
    only: tuple[str, ...],
    as_json: bool,
    timeout: float,
    environment: str | None,
) -> int:
    """Write into flow.lock what MCP servers, services and agents offer, so that checking needs none of them.

    PATHS are flow files, and folders with all .flow files below them; without any, the current folder is
    taken. What they `use`, and what flow.toml names, is asked. The lock lies beside flow.toml and belongs
    into version control. Exit codes: 0 fine; 1 a target did not answer, a flow would break, or with --check
    anything differs."""
    if update and check:
        raise click.UsageError("--update writes and --check does not; say one of them")
    files = find_flow_files(paths or (".",))
    terminal.say_diagnostics(files.diagnostics, read_shown)
    projects = lockable(files.paths, environment_of(environment))
    wanted = _wanted(only, projects)
    relocked: list[Relocked] = []
    for project in projects:
        terminal.say_diagnostics(project.diagnostics, read_shown)
        before = _locked(context, project, anew=update and not only)
        relocked.append(
            relock(
                project,
                before,
                asked="all" if update or check else "new",
                only=wanted,
                whole=(update or check) and not only and _is_whole(project, paths),
                patience=timeout,
                on_heard=_tell,
            )
        )
    for each in relocked:
        if not check and each.differs:
            _write(each)
    _show(relocked, as_json, check)
    wrong = any(each.silent or each.breaks or (check and each.differs) for each in relocked)
    return int(wrong or bool(files.diagnostics) or any(project.diagnostics for project in projects))


def _wanted(only: Sequence[str], projects: Sequence[LockedProject]) -> list[TargetName] | None:
    """The targets of the names that are given, `fs` or `mcp fs`; None where none are."""
    if not only:
        return None
    known = [name for project in projects for name in project.targets]
    found: list[TargetName] = []
    for text in only:
        meant = [name for name in known if text in (name[1], " ".join(name))]
        if not meant:
            texts = [text for _, text in known]
            listed = ", ".join(f"`{text}`" for text in dict.fromkeys(texts)) or "none that is to be locked"
            raise click.UsageError(
                f"no flow uses the target `{text}`; {did_you_mean(text, texts) or f'there is {listed}'}"
            )
        found += meant
    return found


def _locked(context: click.Context, project: LockedProject, *, anew: bool) -> Lock:
    """The lock as it is. One that cannot be used ends the command, unless it is made anew."""
    path = project.lock_path
    try:
        return read_lock(path)
    except BadLock as bad:
        if anew:
            terminal.say(f"{shown_path(path)} is made anew: {bad.message}")
            return Lock()
        terminal.say_diagnostics([bad_lock(path, bad)], read_shown)
        context.exit(1)


def bad_lock(path: str, bad: BadLock) -> Diagnostic:
    source = read_shown(path)
    number = bad.line or 1
    if not isinstance(source, Source) or number > len(source.line_starts):
        span = Span(0, 0)
    else:
        start = source.line_starts[number - 1]
        span = Span(start, start + max(len(source.line(number)), 1))
    label = Label(span, "", Anchor(shown_path(path)))
    return Diagnostic(codes.BAD_LOCK, bad.message, label, help=bad.help)


def _is_whole(project: LockedProject, paths: Iterable[str]) -> bool:
    """Whether all flows of a project are among the paths."""
    root = os.path.realpath(project.root)
    folders = [os.path.realpath(path) for path in paths or (".",) if os.path.isdir(path)]
    return any(os.path.commonpath([root, folder]) == folder for folder in folders)


def _tell(name: TargetName, heard: Heard) -> None:
    said = f"answered in {heard.seconds:.1f} s" if isinstance(heard, Answered) else "did not answer"
    terminal.say(f"{' '.join(name)}  {said}")


def _write(relocked: Relocked) -> None:
    path = relocked.project.lock_path
    try:
        write_whole(path, lock_text(relocked.after))
    except OSError as problem:
        raise click.ClickException(f"{shown_path(path)} cannot be written: {problem.strerror}") from None


def _show(relocked: Sequence[Relocked], as_json: bool, check: bool) -> None:
    if as_json:
        terminal.out_json([relocked_json(each, written=not check and each.differs) for each in relocked])
        return
    style = terminal.style(sys.stdout)
    for each in relocked:
        terminal.out(relocked_text(each, check=check, colour=style.color), end="")
        if each.breaks:
            terminal.out(render_all(each.breaks, sources(*each.checked), style))
