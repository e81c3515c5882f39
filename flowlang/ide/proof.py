"""Whether a file would be as good with some edits in it: it is checked as it would be.

Only the declarations that the edits change are parsed and checked again, so a proof costs about what a key
costs; of one whose head stays as it is, nothing else has to be looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from flowlang.ide.snapshot import Edit, Snapshot
from flowlang.semantics.check import check
from flowlang.semantics.single import check_single, session_for
from flowlang.semantics.suggest import Guesses
from flowlang.syntax import ast
from flowlang.syntax.declaration import parse_declaration
from flowlang.syntax.parser import parse
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Source


def checks_as_before(snapshot: Snapshot, item: ast.Item, edits: Iterable[Edit]) -> bool:
    """Whether a declaration has no new mistake with some edits in it, which leave its head as it is."""
    inside = [attrs.evolve(edit, span=edit.span.shifted(-item.offset)) for edit in edits]
    text = edited(item.parsed.text, inside)
    after = ast.Item(item.key, item.offset, parse_declaration(text))
    if after.parsed.text != text:
        return False
    session = session_for(snapshot.path, after, snapshot.module.namespace, Guesses(0))
    check_single(after, session)
    before = (*item.parsed.diagnostics, *snapshot.facts(item).diagnostics)
    return new_error(before, (*after.parsed.diagnostics, *session.problems.found)) is None


def with_edits(
    snapshot: Snapshot, edits: Iterable[Edit], keys: Mapping[tuple[str, str], str] | None = None
) -> Snapshot:
    """A file as it would be, in its project as that would be. `keys` are the new keys of imports, by path and
    old key, where edits give them other aliases."""
    edits, keys = list(edits), keys or {}
    project = snapshot.checked.project
    modules = {path: _module(module, edits) for path, module in project.modules.items()}
    imports = {(path, keys.get((path, key), key)): to for (path, key), to in project.imports.items()}
    changed = attrs.evolve(project, modules=modules, imports=imports, diagnostics=())
    return Snapshot(snapshot.path, check(changed, previous=snapshot.checked))


def _module(module: ast.Module, edits: Iterable[Edit]) -> ast.Module:
    path = module.source.path
    own = [edit for edit in edits if edit.path == path]
    return parse(Source(path, edited(module.source.text, own)), previous=module) if own else module


def edited(text: str, edits: Iterable[Edit]) -> str:
    """A text after edits that do not overlap; of those at one place the first stands first."""
    numbered = sorted(enumerate(edits), key=lambda each: (each[1].span.start, each[0]), reverse=True)
    for _, edit in numbered:
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def new_error(before: Iterable[Diagnostic], after: Iterable[Diagnostic]) -> Diagnostic | None:
    """A mistake that was not there before. What is only doubtful, as a name that is not used, may come."""
    known = Counter(each.code.number for each in before)
    for each in after:
        known[each.code.number] -= 1
        if known[each.code.number] < 0 and each.severity == "error":
            return each
    return None
