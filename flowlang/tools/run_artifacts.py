"""The files of a run: which its result holds and which its steps gave, and where their contents lie.

Nothing is written about them but the references themselves, in the rows of the run; so what a run has is read
off its journal, whatever carried it out and however often it was resumed."""

from __future__ import annotations

import json
import mimetypes
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from flowlang.hosts.sqlite.artifacts import Artifacts, artifacts_of
from flowlang.hosts.sqlite.store import Store
from flowlang.runtime.journal import Row
from flowlang.values.references import references_in
from flowlang.values.value import Value

Given: TypeAlias = Iterable[tuple[str | None, Value]]
"""What was given to a run, in order: the path of the step that gave it, None for an input, and the value."""


FIRST_INPUT: Final = 2
"""The row of the first thing that a run hears, behind that of its beginning."""


@attrs.frozen
class Artifact:
    """A file of a run. `path` is where its content should lie; `step` is the path of the call that gave it
    first, None for an input. `in_result`: the result of the run refers to it."""

    hash: str
    size: int
    media_type: str
    path: str
    step: str | None
    in_result: bool

    def to_json(self) -> dict[str, Value]:
        """The path is null where the content is gone, like all that a run without a store has kept."""
        return attrs.asdict(self) | {"path": self.path if os.path.exists(self.path) else None}


def listed_artifacts(data: Value, given: Given, path_of: Callable[[str], Path]) -> tuple[Artifact, ...]:
    """Each file once: first those that the result holds, in its order, then the others as they came."""
    held = {_key(reference): reference for reference in references_in(data)}
    steps: dict[tuple[str, str], str | None] = {}
    found = dict(held)
    for step, value in given:
        for reference in references_in(value):
            steps.setdefault(_key(reference), step)
            found.setdefault(_key(reference), reference)
    return tuple(
        Artifact(
            **reference, path=str(path_of(reference["hash"])), step=steps.get(key), in_result=key in held
        )
        for key, reference in found.items()
    )


def stored_artifacts(store: Store, run: int, data: Value) -> tuple[Artifact, ...]:
    """The files of a run in a store, whose result is `data`. Raises StoreProblem."""
    given = chain([(None, json.loads(store.inputs(run)))], _given_by_store(store, run))
    return listed_artifacts(data, given, Artifacts(artifacts_of(store.path)).path)


def artifacts_at_end(
    store: Store, contents: Artifacts, run: int, data: Value, inputs: Mapping[str, Value], last: Sequence[Row]
) -> tuple[Artifact, ...]:
    """The files of a run that is about to end: it began with `inputs`, and its `last` rows are not written
    yet; often they are all. Raises StoreProblem."""
    before = () if last and last[0].seq == FIRST_INPUT else _given_by_store(store, run)
    given = chain([(None, dict(inputs))], before, _given_by(last))
    return listed_artifacts(data, given, contents.path)


def copied(artifacts: Sequence[Artifact], contents: Artifacts, folder: Path) -> list[Path]:
    """Copy files into a folder, which is made; gives their new paths. They are named after their steps, or
    after their hashes where no step gave them. Raises StoreProblem, and OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    names = _names(artifacts)
    for artifact, name in zip(artifacts, names, strict=True):
        content = contents.find({"hash": artifact.hash, "size": artifact.size})
        shutil.copyfile(content, folder / name)
    return [folder / name for name in names]


def _names(artifacts: Sequence[Artifact]) -> list[str]:
    """A name for each, and none twice."""
    names: list[str] = []
    for artifact in artifacts:
        stem = re.sub(r"[^\w.-]+", "-", artifact.step or artifact.hash[7:19]).strip("-.") or "file"
        ending = mimetypes.guess_extension(artifact.media_type) or ""
        numbered = (f"{stem}-{number}{ending}" for number in count(2))
        names.append(next(name for name in chain([stem + ending], numbered) if name not in names))
    return names


def _given_by_store(store: Store, run: int) -> Iterator[tuple[str, Value]]:
    for path, text in store.outcomes_with_files(run):
        yield path, json.loads(text)


def _given_by(rows: Sequence[Row]) -> Iterator[tuple[str, Value]]:
    for row in rows:
        if row.outcome is not None and '"hash":"sha256:' in row.outcome:
            yield row.path, json.loads(row.outcome)


def _key(reference: dict[str, Value]) -> tuple[str, str]:
    return reference["hash"], reference["media_type"]
