"""`flow.lock`: what targets offered when `flow lock` asked them, so that none need be there to check a flow.

    {
      "format": 1,
      "targets": {
        "mcp": {
          "fs": { "read_file": { "doc": …, "effect": "read", "input": {…}, "output": {…} }, … }
        }
      }
    }

It lies beside `flow.toml`, in the project's root, and belongs into version control. Targets go by their kind
and by what flows and `flow.toml` call them, and are the same in every environment. Kinds, targets and agents
are sorted; the parameters of an agent keep the order in which the target gave them, since that is how its
signature reads. What a target offers still is written as it was, so a diff shows what has changed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TypeAlias

import attrs

from flowlang.agents.offers import NotDescribed, Offered, Told
from flowlang.agents.roots import root_folder
from flowlang.text import codes
from flowlang.values.value import Value

LOCK_NAME: Final = "flow.lock"
FORMAT: Final = 1
MAX_LOCK_BYTES: Final = 32 * 1024 * 1024

TargetName: TypeAlias = tuple[str, str]
"""The kind of a target, and what it is called."""

Offers: TypeAlias = tuple[Offered, ...]


class BadLock(Exception):
    """A `flow.lock` that cannot be used: why, at which line, and what to do."""

    def __init__(self, message: str, help: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message, self.help, self.line = message, help, line


@attrs.frozen
class Lock:
    """What targets offer, by their kind and name."""

    targets: Mapping[TargetName, Offers] = attrs.field(factory=dict)


def lock_path(using_path: str) -> str:
    """The lock of the project that a flow file is in; relative where that path is."""
    path = os.path.join(root_folder(using_path), LOCK_NAME)
    return path if os.path.isabs(using_path) else os.path.relpath(path)


def told_by_lock(kind: str, target: str, using_path: str, given: Lock | None = None) -> Told:
    """What a target offered when it was locked, or what a lock that is given says. Raises NotDescribed."""
    path = lock_path(using_path)
    try:
        lock = read_lock(path) if given is None else given
    except BadLock as bad:
        raise NotDescribed(bad.message, bad.help, bad.line, path, codes.BAD_LOCK) from None
    found = lock.targets.get((kind, target))
    if found is None:
        message = f"it is not known yet what {kind} `{target}` offers"
        help = f"run `flow lock {os.path.relpath(using_path)}`, which asks it and writes {LOCK_NAME}"
        raise NotDescribed(message, help, code=codes.NOT_LOCKED)
    return Told(found, path)


def read_lock(path: str) -> Lock:
    """Read a `flow.lock`; one that is not there is empty. Raises BadLock."""
    try:
        known = os.stat(path)
        return _read(path, known.st_mtime_ns, known.st_size)
    except FileNotFoundError:
        return Lock()
    except OSError as problem:
        raise BadLock(f"it cannot be read: {problem.strerror}", "make it readable") from None


@lru_cache(maxsize=4)
def _read(path: str, modified: int, size: int) -> Lock:
    """A lock as it was when it was looked at: every `use` of a project asks for the same. Raises OSError."""
    with open(path, "rb") as file:
        content = file.read(MAX_LOCK_BYTES + 1)
    if len(content) > MAX_LOCK_BYTES:
        raise BadLock(f"it is larger than {MAX_LOCK_BYTES >> 20} MiB", AGAIN)
    return parse_lock(content)


AGAIN: Final = "take the version that is in version control, or write it anew with `flow lock --update`"


def parse_lock(content: bytes) -> Lock:
    """The lock of a text. Raises BadLock."""
    if b"\n<<<<<<<" in content or content.startswith(b"<<<<<<<"):
        number = content[: content.index(b"<<<<<<<")].count(b"\n") + 1
        raise BadLock("two versions of it were merged and differ", MERGED, number)
    try:
        whole = json.loads(content)
    except json.JSONDecodeError as problem:
        raise BadLock(f"it is not JSON: {problem.msg.lower()}", AGAIN, problem.lineno) from None
    except (ValueError, RecursionError):
        raise BadLock("it is not JSON in UTF-8", AGAIN) from None
    if not isinstance(whole, dict) or not isinstance(whole.get("format"), int):
        raise BadLock('it has no `"format"`, so it was not written by `flow lock`', AGAIN)
    if whole["format"] > FORMAT:
        raise BadLock(
            "it was written by a newer flowlang", "update flowlang, or run `flow lock` with this one"
        )
    return Lock(_targets(whole.get("targets"), content.decode()))


MERGED: Final = "take either version and run `flow lock --update`"


def _targets(found: Value, text: str) -> dict[TargetName, Offers]:
    targets: dict[TargetName, Offers] = {}
    for kind, named in _object(found, "targets", text).items():
        for name, agents in _object(named, kind, text).items():
            targets[kind, name] = tuple(
                _offered(agent, fields, name, text) for agent, fields in _object(agents, name, text).items()
            )
    return targets


def _object(found: Value, key: str, text: str) -> dict[str, Value]:
    if not isinstance(found, dict):
        raise BadLock(f"`{key}` holds no object", AGAIN, _line_of(key, text))
    return found


def _offered(name: str, fields: Value, target: str, text: str) -> Offered:
    try:
        return Offered.from_json({"name": name, **_object(fields, name, text)})
    except (KeyError, TypeError, ValueError) as problem:
        message = f"the agent `{name}` of `{target}` is not as `flow lock` writes it: {problem}"
        raise BadLock(message, AGAIN, _line_of(name, text)) from None


def _line_of(key: str, text: str) -> int | None:
    """The line where a key first stands: the right one, but for a key that stands there more than once."""
    start = text.find(json.dumps(key, ensure_ascii=False) + ":")
    return None if start < 0 else text.count("\n", 0, start) + 1


def lock_text(lock: Lock) -> str:
    """A lock as it is written."""
    kinds: dict[str, dict[str, Value]] = {}
    for kind, name in sorted(lock.targets):
        agents = sorted(lock.targets[kind, name], key=lambda offered: offered.name)
        kinds.setdefault(kind, {})[name] = {agent.name: _fields(agent) for agent in agents}
    whole = {"format": FORMAT, "targets": kinds}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _fields(offered: Offered) -> dict[str, Value]:
    fields = offered.to_json()
    del fields["name"]
    return fields
