"""`flow lock`: the targets of a project -> a `flow.lock` that says what they offer, and what that changes.

Only targets that are not locked yet are asked, unless the lock is to be brought up to date or compared.
What a target offered before stays in the lock while nobody answers there. A change is shown in the types of
the language, and every flow that uses the target is checked against it, so it is known before it is committed
what would break."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, TypeAlias

import attrs

from flowlang.agents.describe import describe
from flowlang.agents.differences import Difference, compared
from flowlang.agents.locked import Lock, Offers, TargetName
from flowlang.semantics.check import Checked, check
from flowlang.semantics.modules import load
from flowlang.text.diagnostics import Diagnostic
from flowlang.tools.asking_targets import Answered, Heard, OnHeard, Silent, ask_targets
from flowlang.tools.files import disk
from flowlang.tools.lockable import LockedProject

Asked: TypeAlias = Literal["new", "all"]


@attrs.frozen
class TargetChange:
    """What became of a target: the agents that it offers, what is different, or why it says nothing. `state`
    is `new`, `same`, `changed`, `silent` (nobody answered) or `unused` (nothing names it any longer)."""

    name: TargetName
    state: Literal["new", "same", "changed", "silent", "unused"]
    agents: int
    differences: tuple[Difference, ...] = ()
    problem: str | None = None

    def __str__(self) -> str:
        return " ".join(self.name)


@attrs.frozen(eq=False)
class Relocked:
    """A lock, what it would be now, what changed target by target, and the errors that flows would have which
    they do not have with the lock as it is. `checked` are those flows, for the texts of messages."""

    project: LockedProject
    before: Lock
    after: Lock
    changes: tuple[TargetChange, ...]
    breaks: tuple[Diagnostic, ...]
    checked: tuple[Checked, ...]

    @property
    def silent(self) -> bool:
        return any(change.state == "silent" for change in self.changes)

    @property
    def differs(self) -> bool:
        return self.before != self.after


def relock(
    project: LockedProject,
    before: Lock,
    *,
    asked: Asked,
    only: Iterable[TargetName] | None = None,
    whole: bool = False,
    patience: float,
    on_heard: OnHeard | None = None,
) -> Relocked:
    """Ask the targets of a project: those that are not locked yet, or all; `only` some of these. `whole`:
    the project is known as a whole, so what is locked and not used is left out."""
    names = [n for n in project.targets if asked == "all" or n not in before.targets]
    names = names if only is None else [name for name in names if name in set(only)]
    targets, problems = project.found(names, before.targets)
    heard: dict[TargetName, Heard] = {name: Silent(problem) for name, problem in problems.items()}
    heard |= ask_targets(targets, patience=patience, on_heard=on_heard)
    unused = [name for name in before.targets if whole and name not in project.targets]
    after = _after(before, heard, unused)
    changes = (*_changes(before, heard), *(TargetChange(name, "unused", 0) for name in unused))
    changed = {change.name for change in changes if change.state == "changed"}
    checked = [*_checked_again(project, changed, before, after)]
    return Relocked(project, before, after, changes, _only_after(checked), tuple(new for _, new in checked))


def _after(before: Lock, heard: Mapping[TargetName, Heard], unused: Sequence[TargetName]) -> Lock:
    """What is as it was keeps its text, whatever order the target gives things in now."""
    targets: dict[TargetName, Offers] = {n: o for n, o in before.targets.items() if n not in unused}
    for name, said in heard.items():
        if isinstance(said, Answered):
            known = {offered.name: offered for offered in before.targets.get(name, ())}
            targets[name] = tuple(
                known[offered.name] if known.get(offered.name) == offered else offered
                for offered in said.offers
            )
    return Lock(targets)


def _changes(before: Lock, heard: Mapping[TargetName, Heard]) -> Iterator[TargetChange]:
    for name, said in sorted(heard.items()):
        locked = before.targets.get(name)
        match said:
            case Silent(message):
                yield TargetChange(name, "silent", len(locked or ()), problem=message)
            case Answered(offers=offers) if locked is None:
                yield TargetChange(name, "new", len(offers))
            case Answered(offers=offers):
                found = tuple(compared(locked or (), offers))
                yield TargetChange(name, "changed" if found else "same", len(offers), found)


# Which flows it breaks


def _checked_again(
    project: LockedProject, changed: set[TargetName], before: Lock, after: Lock
) -> Iterator[tuple[Checked, Checked]]:
    """Every flow file that leads to a changed target, checked with the lock as it was and as it is to be."""
    entries = {entry for name in changed for entry in project.targets[name].entries}
    for entry in project.entries:
        if entry in entries:
            yield _checked(project, entry, before), _checked(project, entry, after)


def _checked(project: LockedProject, entry: str, lock: Lock) -> Checked:
    behind = partial(describe, environment=project.environment, lock=lock)
    return check(load(entry, read=disk(project.root, entry), describe=behind, root=project.root))


def _only_after(checked: Iterable[tuple[Checked, Checked]]) -> tuple[Diagnostic, ...]:
    found: dict[object, Diagnostic] = {}
    for before, after in checked:
        known = {_key(problem) for problem in before.diagnostics}
        for problem in after.diagnostics:
            if problem.severity == "error" and _key(problem) not in known:
                found.setdefault(_key(problem), problem)
    return tuple(found.values())


def _key(problem: Diagnostic) -> object:
    return problem.code.number, problem.path, problem.primary.span, problem.message
