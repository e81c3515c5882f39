"""Rename: a name at a cursor -> edits in all files, or a reason why not.

A rename is refused unless it is shown to be sound. The files are checked with the edits in them: no
diagnostic may come or go, and the renamed thing must be mentioned at exactly the edited places. So a new
name that is taken, that hides another, or that would be hidden is refused, whatever kind of thing is
renamed, and so is a field that is also reached in a way that nobody can follow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

import attrs

from flowlang.ide.enums import enum_literals
from flowlang.ide.meaning import Declaration, Foreign, Meaning, Mention, Owners, Part, Variable, mention_at
from flowlang.ide.navigation import mentions_of
from flowlang.ide.proof import new_error, with_edits
from flowlang.ide.snapshot import Edit, Snapshot, Snapshots, span_of
from flowlang.ide.unnamed import unnamed_mentions
from flowlang.syntax import ast
from flowlang.syntax.words import RESERVED
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Span


@attrs.frozen
class Renameable:
    """The word that would be renamed."""

    span: Span
    name: str


@attrs.frozen
class Refusal:
    """Why something cannot be renamed, in words."""

    reason: str


def prepare_rename(snapshot: Snapshot, offset: int) -> Renameable | Refusal:
    """The name at an offset, if it can have another one."""
    mention = mention_at(snapshot, offset) or literal_at(snapshot, offset)
    if mention is None:
        return Refusal("there is no name here that this project declares")
    if isinstance(mention.meaning, Foreign):
        foreign = mention.meaning
        return Refusal(f"`{foreign.name}` is declared behind `use … {foreign.alias}`; rename it there")
    if snapshot.text[mention.span.start : mention.span.end] != mention.meaning.name:
        return Refusal("this is written with escapes; rename it where it is declared")
    return Renameable(mention.span, mention.meaning.name)


def rename(snapshots: Snapshots, snapshot: Snapshot, offset: int, name: str) -> tuple[Edit, ...] | Refusal:
    """The edits, in all files of the workspace, that give the name at an offset another name."""
    found = prepare_rename(snapshot, offset)
    if isinstance(found, Refusal):
        return found
    mention = mention_at(snapshot, offset) or literal_at(snapshot, offset)
    assert mention is not None
    bad = bad_name(mention.meaning, name)
    if bad is not None:
        return bad
    if name == found.name:
        return ()
    files = {**snapshots, snapshot.path: snapshot}
    unread = broken_mention(files, mention.meaning)
    if unread is not None:
        return unread
    mentioned = all_mentions(files, mention.meaning)
    if isinstance(mentioned, Refusal):
        return mentioned
    return proved(Rename(mention.meaning, name, files, mentioned))


def proved(plan: Rename) -> tuple[Edit, ...] | Refusal:
    """The edits of a rename that is sound, with those that it takes besides to be so."""
    for _ in range(MOST_TRIALS):
        wrong = plan.wrong()
        if wrong is None:
            return plan.captured() or plan.edits
        more = plan.meant_besides(*wrong)
        if more is None:
            return plan.refusal(*wrong)
        plan = more
    return Refusal("too much of what it takes has no name")


MOST_TRIALS = 24


def bad_name(meaning: Meaning, name: str) -> Refusal | None:
    """Whether a name can be one at all."""
    if isinstance(meaning, Part) and meaning.kind == "literal":
        plain = name and not re.search(r'["\\\n$]', name)
        return None if plain else Refusal("a literal that needs escapes has to be written by hand")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return Refusal(f"`{name}` is no name: a name is letters, digits and `_`, and starts with no digit")
    if isinstance(meaning, Variable | Declaration) and name in RESERVED:
        return Refusal(f"`{name}` is a word of the language and cannot be a name")
    return None


def broken_mention(files: Snapshots, meaning: Meaning) -> Refusal | None:
    """Whether a declaration that does not parse has the name, so that nobody knows what it means there."""
    home = meaning.owner.module if isinstance(meaning, Part) else meaning.module
    word = re.compile(rf"\b{re.escape(meaning.name)}\b")
    for path, snapshot in files.items():
        for item in snapshot.tree.items if home in snapshot.checked.modules else ():
            elsewhere = isinstance(meaning, Variable) and (path, item.key) != (meaning.module, meaning.key)
            wrong = next((d for d in item.parsed.diagnostics if d.severity == "error"), None)
            if wrong is not None and not elsewhere and word.search(item.parsed.text):
                line, _ = snapshot.source.position(item.offset + wrong.primary.span.start)
                return Refusal(f"line {line} of {path} does not parse, and may mean it too: mend it first")
    return None


# Mentions


Mentioned = tuple[tuple[str, Mention], ...]


def all_mentions(files: Snapshots, meaning: Meaning) -> Mentioned | Refusal:
    found = dict.fromkeys(mentions_of({meaning}, files))
    if isinstance(meaning, Part) and meaning.kind == "literal":
        others = literals(files, meaning)
        if isinstance(others, Refusal):
            return others
        found.update(dict.fromkeys(others))
    return tuple(found)


def literals(files: Snapshots, meaning: Part) -> Mentioned | Refusal:
    """The literals that stand for a value of an enum. Any that may or may not do so speaks against a
    rename."""
    found: list[tuple[str, Mention]] = []
    for path, snapshot in files.items():
        owners = Owners(snapshot)
        for item in snapshot.tree.items:
            for literal, enum in enum_literals(snapshot, item) if meaning.name in item.parsed.text else ():
                if literal.value != meaning.name:
                    continue
                span = span_of(item, literal)
                if owners.of(enum) != [meaning.owner]:
                    line, _ = snapshot.source.position(span.start)
                    place = f'"{meaning.name}" in line {line} of {path}'
                    return Refusal(f"{place} may or may not be this value; change it by hand first")
                found.append((path, Mention(Span(span.start + 1, span.end - 1), meaning)))
    return tuple(found)


def literal_at(snapshot: Snapshot, offset: int) -> Mention | None:
    """The value of a declared enum that a string literal at an offset stands for."""
    spot = snapshot.spot_at(offset)
    if spot is None or not isinstance(spot.node, ast.StringLiteral):
        return None
    for literal, enum in enum_literals(snapshot, spot.item):
        owner = Owners(snapshot).of(enum) if literal is spot.node else []
        if owner:
            span = Span(spot.span.start + 1, spot.span.end - 1)
            return Mention(span, Part(owner[0], literal.value, "literal"))
    return None


# The proof


@attrs.frozen(eq=False, repr=False, slots=False)
class Rename:
    """Edits, and the files as they would be."""

    meaning: Meaning
    name: str
    files: Snapshots
    mentioned: Mentioned
    unnamed: Mentioned = ()  # what must change with it, by records without a name

    @cached_property
    def edits(self) -> tuple[Edit, ...]:
        everywhere = (*self.mentioned, *self.unnamed)
        return tuple(sorted({Edit(path, each.span, self.written(each)) for path, each in everywhere}))

    def written(self, mention: Mention) -> str:
        """What stands at a mention then; one word for a field and a value becomes two."""
        old = self.meaning.name
        match mention.short:
            case "field":
                return f"{self.name}: {old}"
            case "value":
                return f"{old}: {self.name}"
        return self.name

    @cached_property
    def after(self) -> Mapping[str, Snapshot]:
        """The files as they would be, each in its project as that would be."""
        keys = {}
        if isinstance(self.meaning, Declaration):
            keys = {(self.meaning.module, self.meaning.name): self.name}
        touched = {edit.path for edit in self.edits}
        return {
            path: with_edits(snapshot, self.edits, keys)
            if touched.intersection(snapshot.checked.modules)
            else snapshot
            for path, snapshot in self.files.items()
        }

    def wrong(self) -> tuple[str, Diagnostic] | None:
        """The first mistake that would be new, in the file that is checked then."""
        for path, snapshot in self.after.items():
            found = new_error(self.files[path].diagnostics, snapshot.diagnostics)
            if found is not None:
                return path, found
        return None

    def refusal(self, path: str, wrong: Diagnostic) -> Refusal:
        line, _ = self.after[path].source.position(wrong.primary.span.start)
        return Refusal(f"then line {line} of {path} would be wrong: {wrong.message}")

    def meant_besides(self, path: str, wrong: Diagnostic) -> Rename | None:
        """The rename with what a mistake shows to be meant, too; None where it shows nothing more."""
        if not isinstance(self.meaning, Part):
            return None
        offset = self.was_at(path, wrong.primary.span.start)
        found = ((path, each) for each in unnamed_mentions(self.files[path], offset, self.meaning))
        known = {(path, each.span) for path, each in (*self.mentioned, *self.unnamed)}
        more = tuple((path, each) for path, each in found if (path, each.span) not in known)
        return attrs.evolve(self, unnamed=(*self.unnamed, *more)) if more else None

    def was_at(self, path: str, offset: int) -> int:
        """Where something stands now that would stand at an offset."""
        for edit in self.edits:
            if edit.path == path and edit.span.start < offset:
                offset -= min(len(edit.text), offset - edit.span.start) - (edit.span.end - edit.span.start)
        return offset

    def captured(self) -> Refusal | None:
        """Whether the name would mean something else somewhere, or something else would have it."""
        places = dict(self.places())
        at = next(((p, places[p, m]) for p, m in self.mentioned if m.declares), None)
        if at is None:
            return Refusal("its declaration is not in this workspace")
        path, span = at
        home = self.after[path]
        renamed = mention_at(home, span.start) or literal_at(home, span.start)
        now = all_mentions(self.after, renamed.meaning) if renamed else ()
        spans = set() if isinstance(now, Refusal) else {(p, m.span) for p, m in now}
        if spans == {(path, span) for (path, _), span in places.items()}:
            return None
        return Refusal(f"`{self.name}` already means something else where `{self.meaning.name}` is used")

    def places(self) -> Iterator[tuple[tuple[str, Mention], Span]]:
        """Where each mention would stand."""
        path, grown = "", 0
        starts: dict[Edit, int] = {}
        for edit in self.edits:
            grown = 0 if edit.path != path else grown
            starts[edit], path = edit.span.start + grown, edit.path
            grown += len(edit.text) - (edit.span.end - edit.span.start)
        for path, mention in self.mentioned:
            written = self.written(mention)
            inside = len(written) - len(self.name) if mention.short == "value" else 0
            start = starts[Edit(path, mention.span, written)] + inside
            yield (path, mention), Span(start, start + len(self.name))
