"""What the checker is told about the target of a `use`: one way in, for every provider.

Nobody is asked here. What a Python file offers stands in it, as it does in an OpenAPI document on the disk;
all else stands in `flow.lock`. A provider's part is loaded when a flow names it, so that checking a flow
without one costs nothing."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from flowlang.agents.kinds import DECLARED, is_kind
from flowlang.agents.locked import Lock, told_by_lock
from flowlang.agents.offers import NotDescribed, Told
from flowlang.semantics.providers import Description, Mistake

PYTHON: Final = "python"
READERS: Final = {"http": "flowlang.agents.http_signatures"}
"""The modules of kinds whose targets may say by themselves what they offer. Each has a function
`told(target, using_path, environment) -> Told | None`, None where only `flow.lock` knows it. It raises
NotDescribed, and imports nothing heavy."""


def describe(
    kind: str, target: str, using_path: str, environment: str | None = None, lock: Lock | None = None
) -> Description:
    """The agents behind `use KIND name = "TARGET"` in the file at `using_path`. Never raises. Where a `lock`
    is given, it is looked at in the place of the one on the disk."""
    if kind == PYTHON:
        reader = import_module("flowlang.agents.python_signatures")
        return cast(Description, reader.describe(target, using_path))
    if not is_kind(kind):
        return Description(target, known=False)
    try:
        told = told_of(kind, target, using_path, environment, lock)
    except NotDescribed as problem:
        mistake = Mistake(problem.message, problem.help, problem.line, code=problem.code)
        return Description(problem.path or "", mistakes=(mistake,))
    types = import_module("flowlang.agents.offered_types")
    return cast(Description, types.description(told.offers, told.path, told.lines))


def needs_lock(kind: str, target: str, using_path: str, environment: str | None = None) -> bool:
    """Whether only `flow.lock` can say what a target offers."""
    reader = READERS.get(kind)
    if kind == PYTHON or kind in DECLARED or not is_kind(kind):
        return False
    try:
        return reader is None or import_module(reader).told(target, using_path, environment) is None
    except NotDescribed:
        return False


def told_of(
    kind: str, target: str, using_path: str, environment: str | None = None, lock: Lock | None = None
) -> Told:
    """What a target offers, as far as it is known without asking it. Raises NotDescribed."""
    if kind in DECLARED:
        help = f'declare the agent in the flow, and bind it in flow.toml: `[agents.NAME]` with `{kind} = "…"`'
        raise NotDescribed(f"{kind} `{target}` offers no agents of its own", help)
    reader = READERS.get(kind)
    found: Told | None = import_module(reader).told(target, using_path, environment) if reader else None
    return told_by_lock(kind, target, using_path, lock) if found is None else found
